"""A backend job as the add-on sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

FINISHED = ("done", "failed", "cancelled")


@dataclass(frozen=True)
class Job:
    """What the backend says about a job; see "The HTTP API" in docs/architecture.md."""

    id: str
    kind: str
    state: str  # queued, running, done, failed or cancelled
    progress: float  # 0..1
    message: str  # what is being done, or how it ended, in a sentence for the user
    result: dict[str, Any] | None  # of a done job
    created: float  # seconds since 1970
    finished: float | None  # seconds since 1970

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED

    @staticmethod
    def from_reply(reply: Mapping[str, Any]) -> "Job":
        """Fields that a newer backend adds are left out."""
        return Job(**{field.name: reply[field.name] for field in fields(Job)})
