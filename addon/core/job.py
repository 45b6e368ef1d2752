"""A backend job as the add-on sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
FINISHED: frozenset[JobState] = frozenset({"done", "failed", "cancelled"})


@dataclass(frozen=True)
class Job:
    """The backend's reply about a job; see "The HTTP API" in docs/architecture.md."""

    id: str
    kind: str
    state: JobState
    progress: float  # 0..1
    message: str  # the present step, or how the job ended, in a sentence for the user
    result: dict[str, Any] | None  # of a job that is done
    created: float  # seconds since 1970
    finished: float | None  # seconds since 1970
    preview: str | None = None  # blob, a picture of the result so far, of a job that can be finished early

    @property
    def is_finished(self) -> bool:
        """Whether the job is done, failed or cancelled."""
        return self.state in FINISHED

    @staticmethod
    def from_reply(reply: Mapping[str, Any]) -> Job:
        """Return the job of a reply; fields that a newer backend adds are ignored, an older one has no preview."""
        return Job(**{field.name: reply[field.name] for field in fields(Job) if field.name in reply})
