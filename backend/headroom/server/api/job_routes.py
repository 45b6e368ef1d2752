"""Routes of jobs: ask for one, look at them, listen to one, finish one early, cancel one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, FastAPI, Query, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from headroom.server.api.errors import ApiError
from headroom.server.api.feed import Feed
from headroom.server.api.replies import JobReply, reply_json
from headroom.server.api.services import Services
from headroom.server.api.users import CurrentUser, User
from headroom.server.jobs import Job
from headroom.server.requests import JobRequest

_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string", "description": "data: JobReply as JSON"}}}}
}

Limit = Annotated[int, Query(ge=1, le=1000, description="at most so many, the newest ones")]
Before = Annotated[str, Query(max_length=32, description="id of a job; only jobs that were added before it")]


def add_job_routes(app: FastAPI, services: Services, feed: Feed) -> None:
    """Add the routes to an app."""
    store, runner = services.store, services.runner

    @app.post("/v2/jobs", status_code=201, response_model=JobReply)
    def submit(user: CurrentUser, request: Annotated[JobRequest, Body()]) -> Response:
        if known := store.job(request.id):
            return reply(require_own(user, known), 201)
        if not runner.accepts_jobs:
            raise ApiError(503, "The server is stopping and takes no more jobs. Try again once it is running again.",
                           retry_seconds=30)
        missing = [sha for sha in dict.fromkeys(request.inputs.blobs()) if not services.can_read(user, sha)]
        if missing:
            raise ApiError(409, "The backend does not hold files that the job names. Send these: "
                                f"{', '.join(missing)}", code="missing_blob")
        most = services.limits.user_jobs
        if most is not None and not user.is_owner and len(store.unfinished(user.name)) >= most:
            raise ApiError(429, f"You have {most} jobs that wait or run, and the server takes no more of one user. "
                                "Wait until some have ended.")
        job = store.add(request, user.name)  # the known job, if the same request came twice at once
        runner.wake()
        return reply(require_own(user, job), 201)

    @app.get("/v2/jobs", response_model=list[JobReply])
    def jobs(user: CurrentUser, limit: Limit = 100, before: Before = "") -> Response:
        replies = map(reply_json, store.jobs(user.name, limit, before))
        return Response(f"[{','.join(replies)}]", media_type="application/json")

    @app.get("/v2/jobs/{job_id}", response_model=JobReply)
    async def job(user: CurrentUser, job_id: str) -> Response:
        return reply(await require_job(user, job_id))

    @app.get("/v2/jobs/{job_id}/events", response_class=StreamingResponse, responses=_EVENTS)
    async def events(user: CurrentUser, job_id: str) -> StreamingResponse:
        await require_job(user, job_id)
        return StreamingResponse(feed.events(job_id), media_type="text/event-stream")

    @app.post("/v2/jobs/{job_id}/finish", response_model=JobReply)
    async def finish(user: CurrentUser, job_id: str) -> Response:
        job = await require_job(user, job_id)
        if job.preview is None and not job.is_finished:
            raise ApiError(409, "This job has learned nothing yet that it could finish with. Wait until it shows a "
                                "picture of the result so far, or cancel it.")
        return reply(await run_in_threadpool(runner.finish, job_id))

    @app.post("/v2/jobs/{job_id}/cancel", response_model=JobReply)
    async def cancel(user: CurrentUser, job_id: str) -> Response:
        await require_job(user, job_id)
        return reply(await run_in_threadpool(runner.cancel, job_id))

    async def require_job(user: User, job_id: str) -> Job:
        """Return a job of the user; others' jobs do not exist for them."""
        job = store.known(job_id) or await run_in_threadpool(store.job, job_id)
        if job is None or job.user != user.name:
            raise ApiError(404, f"The backend does not know the job {job_id}. Start the job again.")
        return job

    def require_own(user: User, job: Job) -> Job:
        if job.user != user.name:
            raise ApiError(422, "The id of the job is taken. Choose another one.")
        return job


def reply(job: Job, status: int = 200) -> Response:
    """Return the reply for a job."""
    return Response(reply_json(job), status, media_type="application/json")
