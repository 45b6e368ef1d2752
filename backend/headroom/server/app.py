"""The HTTP API: jobs and blobs in, events and blobs out. docs/architecture.md describes it."""

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
from headroom.server.jobs import Job
from headroom.server.replies import API_VERSION, ErrorReply, Health, JobReply
from headroom.server.requests import JobRequest
from headroom.server.store import Store

HEARTBEAT_SECONDS = 10.0

log = logging.getLogger(__name__)

_CODES = {401: "unauthorized", 404: "not_found", 405: "not_allowed", 409: "missing_blob", 422: "invalid"}
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_UPLOAD = {"requestBody": {"required": True, "content": _BYTES}}
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string", "description": "data: JobReply as JSON"}}}}
}

ShaPath = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]


class JobRunner(Protocol):
    """What the API needs of the runner; tests pass another one."""

    device: str

    def start(self) -> None:
        """Start running queued jobs."""

    def stop(self) -> None:
        """Stop; a running job fails."""

    def wake(self) -> None:
        """Read the store again, because a job was added."""

    def cancel(self, job_id: str) -> Job:
        """Cancel a job and return it."""


class ApiError(Exception):
    """An error reply with an HTTP status."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


def create_app(store: Store, runner: JobRunner, token: str) -> FastAPI:
    """Return the API over `store`; `runner` starts and stops with it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        runner.start()
        try:
            yield
        finally:
            await asyncio.to_thread(runner.stop)

    app = FastAPI(
        title="Headroom",
        version=str(API_VERSION),
        lifespan=lifespan,
        openapi_url=None,  # the document is tests/server/openapi.json; every path that is served needs the token
        responses={"4XX": {"model": ErrorReply}, 422: {"model": ErrorReply}},
        separate_input_output_schemas=False,
    )
    app.add_middleware(RequireToken, token=token)
    _add_error_handlers(app)
    _add_blob_routes(app, store)
    _add_job_routes(app, store, runner)

    @app.get("/v1/health", include_in_schema=False)  # an add-on of version 1 reads `api` and tells which to update
    @app.get("/v2/health")
    async def health() -> Health:
        return Health(api=API_VERSION, version=headroom.__version__, device=runner.device)

    return app


class RequireToken:
    """Middleware that answers requests without the token before it reads anything of them."""

    def __init__(self, app: ASGIApp, token: str):
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401, or pass the request on."""
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not secrets.compare_digest(given, self._expected):
                reply = _error(
                    401, "The backend does not accept the token. Copy it again from where the backend was started.")
                await reply(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _add_blob_routes(app: FastAPI, store: Store) -> None:
    blobs = store.blobs

    @app.head("/v2/blobs/{sha}")
    async def has_blob(sha: ShaPath) -> Response:
        _require_blob(sha)
        return Response(headers={"Content-Length": str(blobs.path(sha).stat().st_size)})

    @app.get("/v2/blobs/{sha}", response_class=FileResponse, responses={200: {"content": _BYTES}})
    async def get_blob(sha: ShaPath) -> FileResponse:
        _require_blob(sha)
        return FileResponse(blobs.path(sha), media_type="application/octet-stream")

    @app.put("/v2/blobs/{sha}", status_code=201, openapi_extra=_UPLOAD, responses={200: {"description": "known"}})
    async def put_blob(request: Request, sha: ShaPath) -> Response:
        if blobs.touch(sha):
            async for _ in request.stream():
                pass
            return Response(status_code=200)
        try:
            with blobs.receive(sha) as upload:
                async for chunk in request.stream():
                    upload.write(chunk)
        except WrongHash as error:
            raise ApiError(422, str(error)) from error
        except OSError as error:
            await _read_rest(request)
            message = (f"The backend cannot store the file: {error.strerror}. Free some space in {store.folder} and "
                       "try again.")
            raise ApiError(507, message) from error
        return Response(status_code=201)

    async def _read_rest(request: Request) -> None:
        """Read what the client still sends, because it reads the reply only afterwards."""
        with suppress(RuntimeError):  # starlette's error where everything has been read
            async for _ in request.stream():
                pass

    def _require_blob(sha: str) -> None:
        if not blobs.touch(sha):
            raise ApiError(404, f"The backend does not hold the file {sha}. Start the job again.")


def _add_job_routes(app: FastAPI, store: Store, runner: JobRunner) -> None:
    @app.post("/v2/jobs", status_code=201)
    def submit(request: Annotated[JobRequest, Body()]) -> JobReply:
        if known := store.job(request.id):
            return JobReply.of(known)
        missing = [sha for sha in dict.fromkeys(request.inputs.blobs()) if not store.blobs.touch(sha)]
        if missing:
            raise ApiError(409, f"The backend does not hold files that the job names. Send these: {', '.join(missing)}")
        job = store.add(Job(request))  # the known job, if the same request came twice at once
        runner.wake()
        return JobReply.of(job)

    @app.get("/v2/jobs")
    def jobs() -> list[JobReply]:
        return [JobReply.of(job) for job in store.jobs()]

    @app.get("/v2/jobs/{job_id}")
    def job(job_id: str) -> JobReply:
        return JobReply.of(_require_job(job_id))

    @app.get("/v2/jobs/{job_id}/events", response_class=StreamingResponse, responses=_EVENTS)
    def events(job_id: str) -> StreamingResponse:
        _require_job(job_id)
        return StreamingResponse(event_stream(store, job_id), media_type="text/event-stream")

    @app.post("/v2/jobs/{job_id}/cancel")
    def cancel(job_id: str) -> JobReply:
        _require_job(job_id)
        return JobReply.of(runner.cancel(job_id))

    def _require_job(job_id: str) -> Job:
        job = store.job(job_id)
        if job is None:
            raise ApiError(404, f"The backend does not know the job {job_id}. Start the job again.")
        return job


async def event_stream(store: Store, job_id: str) -> AsyncIterator[str]:
    """Yield the job as server-sent events, now and after each change, until it is finished."""
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()
    last: Job | None = None

    def notify() -> None:
        with suppress(RuntimeError):  # the loop is closed when the server stops
            loop.call_soon_threadsafe(changed.set)

    with store.on_change(job_id, notify):
        while last is None or not last.is_finished:
            changed.clear()
            job = store.job(job_id)
            if job is None:
                return
            yield f"data: {JobReply.of(job).model_dump_json()}\n\n" if job != last else ": no change\n\n"
            last = job
            if not job.is_finished:
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(changed.wait(), HEARTBEAT_SECONDS)


def _add_error_handlers(app: FastAPI) -> None:
    """Give every error the shape of `ErrorReply`."""

    @app.exception_handler(ApiError)
    async def api_error(request: Request, error: ApiError) -> Response:
        return _error(error.status, str(error))

    @app.exception_handler(HTTPException)
    async def not_served(request: Request, error: HTTPException) -> Response:
        return _error(error.status_code, f"The backend does not serve {request.method} {request.url.path}. Update the "
                                         "older of backend and add-on.")

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        if first["type"] == "value_error":  # raised by our own validators, whose messages are sentences
            return _error(422, str(first["ctx"]["error"]))
        return _error(422, f"The backend does not understand the request ({where or 'body'}: {first['msg']}). Update "
                           "the older of backend and add-on.")

    @app.exception_handler(ClientDisconnect)
    async def disconnected(request: Request, error: ClientDisconnect) -> Response:
        return _error(400, "The file did not arrive whole. Send it again.")

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return _error(500, f"Unexpected error in the backend: {type(error).__name__}. See its log.")


def _error(status: int, message: str) -> JSONResponse:
    code = _CODES.get(status, "failed")
    return JSONResponse({"error": {"code": code, "message": message}}, status_code=status)
