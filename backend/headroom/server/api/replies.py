"""What the HTTP API answers: jobs, health and errors."""

from __future__ import annotations

import json

from pydantic import BaseModel, Field

from headroom.server.jobs import Job, JobState
from headroom.server.requests import JobKind
from headroom.server.results import JobResult, Sha

API_VERSION = 2


class JobReply(BaseModel):
    """A job as clients see it."""

    id: str
    kind: JobKind
    state: JobState
    progress: float = Field(description="0..1")
    message: str = Field(description="the present step, or how the job ended, in a sentence for the user")
    preview: Sha | None = Field(
        default=None, description="picture of the result so far, a JPEG, of a job that runs and can be finished early")
    result: JobResult | None = Field(description="of a finished job, by its kind")
    created: float = Field(description="seconds since 1970")
    finished: float | None = Field(description="seconds since 1970")


def reply_json(job: Job) -> str:
    """Return the `JobReply` of `job` as JSON in one line, without the cost of a model."""
    fields = {"id": job.id, "kind": job.kind, "state": job.state.value, "progress": job.progress,
              "message": job.message, "preview": job.preview, "created": job.created, "finished": job.finished}
    return f'{json.dumps(fields)[:-1]}, "result": {job.result_json or "null"}}}'


class Health(BaseModel):
    """What answers, and on which device its networks run."""

    api: int = Field(description="version of this API")
    version: str = Field(description="version of Headroom")
    device: str = Field(description="the device of the networks; 'starting' until the worker process has started")


class ErrorBody(BaseModel):
    """An error."""

    code: str
    message: str = Field(description="one sentence for the user")


class ErrorReply(BaseModel):
    """Every answer with a status of 400 or higher."""

    error: ErrorBody
