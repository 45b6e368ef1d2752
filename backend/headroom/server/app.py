"""The HTTP API: requests in, jobs and blobs out. docs/architecture.md holds the contract."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any, Protocol

from fastapi import Body, FastAPI, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

import headroom
from headroom.server.blobs import WrongHash
from headroom.server.contract import API_VERSION, ErrorReply, Health, JobReply, JobRequest, job_of, named_blobs
from headroom.server.jobs import Job
from headroom.server.store import Store

HEARTBEAT_SECONDS = 10.0

log = logging.getLogger(__name__)

_CODES = {401: "unauthorized", 404: "not_found", 405: "not_allowed", 409: "missing_blob", 422: "invalid"}
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_UPLOAD = {"requestBody": {"required": True, "content": _BYTES}}
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string", "description": "data: JobReply as JSON"}}}}
}

Sha = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]


class JobRunner(Protocol):
    """What the API needs of whatever runs the jobs."""

    device: str

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def wake(self) -> None: ...
    def cancel(self, job_id: str) -> Job: ...


class ApiError(Exception):
    """An answer other than the one asked for."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


def create_app(store: Store, runner: JobRunner, token: str) -> FastAPI:
    """The API over `store`; `runner` starts and stops with it."""

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        runner.start()
        try:
            yield
        finally:
            await asyncio.to_thread(runner.stop)

    app = FastAPI(
        title="Headroom",
        version=str(API_VERSION),
        lifespan=running,
        openapi_url=None,  # the document is in tests/server/openapi.json; every path served asks for the token
        responses={"4XX": {"model": ErrorReply}, 422: {"model": ErrorReply}},
        separate_input_output_schemas=False,
    )
    app.add_middleware(RequireToken, token=token)
    _answer_errors(app)
    _serve_blobs(app, store)
    _serve_jobs(app, store, runner)

    @app.get("/v1/health")
    async def health() -> Health:
        return Health(api=API_VERSION, version=headroom.__version__, device=runner.device)

    return app


class RequireToken:
    """Turns away requests without the token before anything of them is read."""

    def __init__(self, app: ASGIApp, token: str):
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not secrets.compare_digest(given, self._expected):
                refusal = _error(401, "The backend does not accept this token. Copy it from where that was started.")
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _serve_blobs(app: FastAPI, store: Store) -> None:
    blobs = store.blobs

    @app.head("/v1/blobs/{sha}")
    async def has_blob(sha: Sha) -> Response:
        _require_blob(sha)
        return Response(headers={"Content-Length": str(blobs.path(sha).stat().st_size)})

    @app.get("/v1/blobs/{sha}", response_class=FileResponse, responses={200: {"content": _BYTES}})
    async def get_blob(sha: Sha) -> FileResponse:
        _require_blob(sha)
        return FileResponse(blobs.path(sha), media_type="application/octet-stream")

    @app.put("/v1/blobs/{sha}", status_code=201, openapi_extra=_UPLOAD, responses={200: {"description": "known"}})
    async def put_blob(request: Request, sha: Sha) -> Response:
        if blobs.keep(sha):
            async for _ in request.stream():
                pass
            return Response(status_code=200)
        try:
            with blobs.receiving(sha) as upload:
                async for chunk in request.stream():
                    upload.write(chunk)
        except WrongHash as error:
            raise ApiError(422, str(error)) from error
        except OSError as error:
            async for _ in request.stream():  # a client listens only after all is sent
                pass
            message = f"The backend cannot keep the file: {error.strerror}. Make room in {store.folder} and try again."
            raise ApiError(507, message) from error
        return Response(status_code=201)

    def _require_blob(sha: str) -> None:
        if not blobs.keep(sha):
            raise ApiError(404, f"The backend does not hold the file {sha}.")


def _serve_jobs(app: FastAPI, store: Store, runner: JobRunner) -> None:
    @app.post("/v1/jobs", status_code=201)
    def submit(request: Annotated[JobRequest, Body()]) -> JobReply:
        job = job_of(request)
        if known := store.job(job.id):
            return JobReply.of(known)
        missing = [sha for sha in named_blobs(job.inputs) if not store.blobs.keep(sha)]
        if missing:
            raise ApiError(409, f"The backend does not hold files that the job names. Send these: {', '.join(missing)}")
        job = store.add(job)  # the known one, if the same request came twice at once
        runner.wake()
        return JobReply.of(job)

    @app.get("/v1/jobs")
    def jobs() -> list[JobReply]:
        return [JobReply.of(job) for job in store.jobs()]

    @app.get("/v1/jobs/{job_id}")
    def job(job_id: str) -> JobReply:
        return JobReply.of(_job(job_id))

    @app.get("/v1/jobs/{job_id}/events", response_class=StreamingResponse, responses=_EVENTS)
    def events(job_id: str) -> StreamingResponse:
        _job(job_id)
        return StreamingResponse(follow(store, job_id), media_type="text/event-stream")

    @app.post("/v1/jobs/{job_id}/cancel")
    def cancel(job_id: str) -> JobReply:
        _job(job_id)
        return JobReply.of(runner.cancel(job_id))

    def _job(job_id: str) -> Job:
        found = store.job(job_id)
        if found is None:
            raise ApiError(404, f"The backend knows no job {job_id}.")
        return found


async def follow(store: Store, job_id: str) -> AsyncIterator[str]:
    """The job as server-sent events, now and whenever it has changed, until it is finished."""
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()
    told: Job | None = None

    def wake() -> None:
        loop.call_soon_threadsafe(changed.set)

    with store.watching(job_id, wake):
        while told is None or not told.is_finished:
            changed.clear()
            job = store.job(job_id)
            if job is None:
                return
            yield f"data: {JobReply.of(job).model_dump_json()}\n\n" if job != told else ": still here\n\n"
            told = job
            if not job.is_finished:
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(changed.wait(), HEARTBEAT_SECONDS)


def _answer_errors(app: FastAPI) -> None:
    """Every error leaves in the shape of the contract."""

    @app.exception_handler(ApiError)
    async def refused(request: Request, error: ApiError) -> Response:
        return _error(error.status, str(error))

    @app.exception_handler(HTTPException)
    async def unserved(request: Request, error: HTTPException) -> Response:
        return _error(error.status_code, f"The backend does not serve {request.method} {request.url.path}.")

    @app.exception_handler(RequestValidationError)
    async def misunderstood(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        if first["type"] == "value_error":  # our own words
            return _error(422, str(first["ctx"]["error"]))
        return _error(422, f"The backend does not understand the request. {where or 'body'}: {first['msg']}.")

    @app.exception_handler(ClientDisconnect)
    async def hung_up(request: Request, error: ClientDisconnect) -> Response:
        return _error(400, "The file did not arrive whole. Send it again.")

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return _error(500, f"Unexpected error in the backend: {type(error).__name__}. See its log.")


def _error(status: int, message: str) -> JSONResponse:
    code = _CODES.get(status, "failed")
    return JSONResponse({"error": {"code": code, "message": message}}, status_code=status)
