"""A job as a value: whose it is, its progress and its end. Its request stays in the store until a worker needs it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from headroom.server.requests import RESULT_TYPES, JobKind, JobRequest, Priority
from headroom.server.results import JobResult


class JobState(str, Enum):
    """The states of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


MAX_ATTEMPTS = 2
OWNER = ""  # the name of the user who started the server and holds its token
FINISHED = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})


@dataclass(frozen=True)
class Started:
    """The worker has taken the job."""


@dataclass(frozen=True)
class Progressed:
    """The worker has got further."""

    fraction: float  # 0..1
    message: str  # the present step, for the user


@dataclass(frozen=True)
class Previewed:
    """The worker has a picture of the result so far; from then on the job can be finished early."""

    picture: str  # blob


@dataclass(frozen=True)
class EarlyFinishRequested:
    """The user wants the job to end with what it has learned."""


@dataclass(frozen=True)
class Finished:
    """The worker has finished the job."""

    result: JobResult


@dataclass(frozen=True)
class Failed:
    """The job cannot be finished."""

    reason: str  # one sentence for the user


@dataclass(frozen=True)
class Cancelled:
    """The user has cancelled the job."""


@dataclass(frozen=True)
class Interrupted:
    """A process died while it ran the job. The job is queued again until it has had `MAX_ATTEMPTS` attempts."""

    reason: str  # what happened, one sentence for the user
    remedy: str = "Start the job again."  # added to the reason after the last attempt


@dataclass(frozen=True)
class Requeued:
    """The server stops on purpose before the job has ended. The attempt does not count."""


Event = (Started | Progressed | Previewed | EarlyFinishRequested | Finished | Failed | Cancelled | Interrupted
         | Requeued)


@dataclass(frozen=True)
class Job:
    """One job of the queue. The last two fields are in memory only, because they mean nothing once its worker ends."""

    id: str  # chosen by the client
    kind: JobKind
    user: str = OWNER
    priority: Priority = "normal"
    state: JobState = JobState.QUEUED
    progress: float = 0.0  # 0..1, never decreases
    message: str = "Waiting"
    result_json: str | None = None  # see results.py; text, because it is stored and sent far more often than read
    created: float = field(default_factory=time.time)  # seconds since 1970
    finished: float | None = None  # seconds since 1970
    attempts: int = 0  # number of times that a worker has taken the job
    changed: float = field(default_factory=time.time)  # seconds since 1970, time of the last event
    preview: str | None = None  # blob, a picture of the result so far
    finishes_early: bool = False  # the user has asked for that

    @staticmethod
    def of(request: JobRequest, user: str = OWNER) -> Job:
        """Return the new job that a user asks for."""
        return Job(request.id, request.kind, user, request.priority)

    @property
    def result(self) -> JobResult | None:
        """The result of a job that is done."""
        return None if self.result_json is None else RESULT_TYPES[self.kind].model_validate_json(self.result_json)

    @property
    def is_finished(self) -> bool:
        """Whether the job is done, failed or cancelled."""
        return self.state in FINISHED

    def after(self, event: Event) -> Job:
        """Return the job after `event`; a finished job stays as it is."""
        if self.is_finished:
            return self
        return replace(self._after(event), changed=time.time())

    def _after(self, event: Event) -> Job:
        match event:
            case Started():
                return replace(self, state=JobState.RUNNING, message="Starting", attempts=self.attempts + 1)
            case Progressed(fraction, message):
                progress = max(self.progress, min(fraction, 1.0))  # this order ignores NaN
                return replace(self, state=JobState.RUNNING, progress=progress, message=message)
            case Previewed(picture):
                return replace(self, preview=picture)
            case EarlyFinishRequested():
                return replace(self, finishes_early=True)
            case Finished(result):
                return self._ended(JobState.DONE, "Done", progress=1.0, result_json=result.model_dump_json())
            case Failed(reason):
                return self._ended(JobState.FAILED, reason)
            case Cancelled():
                return self._ended(JobState.CANCELLED, "Cancelled")
            case Interrupted(reason, remedy):
                if self.attempts < MAX_ATTEMPTS:
                    return replace(self, state=JobState.QUEUED, message=f"{reason} Trying once more.", preview=None,
                                   finishes_early=False)
                return self._ended(JobState.FAILED, f"{reason} {remedy}")
            case Requeued():
                return replace(self, state=JobState.QUEUED, message="Waiting for the server to start again",
                               attempts=max(self.attempts - 1, 0), preview=None, finishes_early=False)

    def _ended(self, state: JobState, message: str, **changes: Any) -> Job:
        return replace(self, state=state, message=message, finished=time.time(), preview=None, **changes)
