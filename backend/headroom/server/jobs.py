"""A job as a value: what was asked, how far it is, how it ended."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any


class JobState(str, Enum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


MOST_ATTEMPTS = 2
FINISHED = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})


@dataclass(frozen=True)
class Started:
    """The worker has taken the job."""


@dataclass(frozen=True)
class Progressed:
    fraction: float  # 0..1
    message: str  # what is being done, in words an artist understands


@dataclass(frozen=True)
class Finished:
    result: dict[str, Any]  # JSON; files in it are named by their sha256


@dataclass(frozen=True)
class Failed:
    reason: str  # one sentence for the user


@dataclass(frozen=True)
class Cancelled:
    """The user asked to stop."""


@dataclass(frozen=True)
class Interrupted:
    """A process died while it ran the job; a job gets a second attempt, not a third."""

    reason: str  # what happened, one sentence for the user
    remedy: str = "Start the job again."  # said when there is no further attempt


Event = Started | Progressed | Finished | Failed | Cancelled | Interrupted


@dataclass(frozen=True)
class Job:
    kind: str
    inputs: dict[str, Any]
    settings: dict[str, Any]
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    state: JobState = JobState.QUEUED
    progress: float = 0.0  # 0..1, never goes back
    message: str = "Waiting"
    result: dict[str, Any] | None = None
    created: float = field(default_factory=time.time)  # seconds since 1970
    finished: float | None = None  # seconds since 1970
    attempts: int = 0  # times a worker has taken it
    changed: float = field(default_factory=time.time)  # seconds since 1970, when it last moved on

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED

    def after(self, event: Event) -> "Job":
        """The job as it stands once `event` has been seen; finished jobs stay finished."""
        if self.is_finished:
            return self
        return replace(self._after(event), changed=time.time())

    def _after(self, event: Event) -> "Job":
        match event:
            case Started():
                return replace(self, state=JobState.RUNNING, message="Starting", attempts=self.attempts + 1)
            case Progressed(fraction, message):
                furthest = max(self.progress, min(fraction, 1.0))  # in this order NaN is ignored
                return replace(self, state=JobState.RUNNING, progress=furthest, message=message)
            case Finished(result):
                return self._ended(JobState.DONE, "Done", progress=1.0, result=result)
            case Failed(reason):
                return self._ended(JobState.FAILED, reason)
            case Cancelled():
                return self._ended(JobState.CANCELLED, "Cancelled")
            case Interrupted(reason, remedy):
                if self.attempts < MOST_ATTEMPTS:
                    return replace(self, state=JobState.QUEUED, message=f"{reason} Trying once more.")
                return self._ended(JobState.FAILED, f"{reason} {remedy}")

    def _ended(self, state: JobState, message: str, **changes: Any) -> "Job":
        return replace(self, state=state, message=message, finished=time.time(), **changes)
