"""What the routes work with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from headroom.server.access.limits import NO_LIMITS, Limits
from headroom.server.api.users import Access, User
from headroom.server.jobs import Job
from headroom.server.store import Store
from headroom.server.uploads import Uploads


class JobRunner(Protocol):
    """What the API needs of the runner; tests pass another one."""

    @property
    def device(self) -> str:
        """The device of the workers, "starting" until it is known."""

    @property
    def accepts_jobs(self) -> bool:
        """Whether new jobs are taken; not while the server drains."""

    def start(self) -> None:
        """Start running queued jobs."""

    def stop(self) -> None:
        """Stop; a running job is queued again or fails."""

    def wake(self) -> None:
        """Read the store again, because a job was added."""

    def finish(self, job_id: str) -> Job:
        """Let a job end with what it has learned, and return it."""

    def cancel(self, job_id: str) -> Job:
        """Cancel a job and return it."""


@dataclass(frozen=True)
class Services:
    """The parts of one server."""

    store: Store
    runner: JobRunner
    uploads: Uploads
    access: Access
    limits: Limits = NO_LIMITS

    def can_read(self, user: User, sha: str) -> bool:
        """Return whether a blob exists for a user, and mark it as used now if so.

        Others' blobs do not exist for a named user, so nobody learns what is stored by asking for its SHA-256.
        """
        return self.store.holdings.holds(user.name, sha) and self.store.blobs.touch(sha)
