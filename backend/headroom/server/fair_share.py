"""Which waiting job runs next: users take turns by the time that their jobs have used, then priority, then age."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

from headroom.server.jobs import Job

HALF_LIFE_SECONDS = 3600.0  # after which a second that was used counts half
_RANK = {"high": 0, "normal": 1, "low": 2}


class FairShare:
    """The time that each user's jobs have used; recent time counts more. Methods may be called from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._lock = threading.Lock()
        self._used: dict[str, tuple[float, float]] = {}  # user -> seconds, and the time that they are as of

    def add(self, user: str, seconds: float) -> None:
        """Count the time that a job of a user ran."""
        with self._lock:
            self._used[user] = (self._decayed(user) + seconds, self._clock())

    def choose(self, waiting: Sequence[Job], running: Sequence[Job]) -> Job | None:
        """Return the job to run next, None if none waits.

        A user with fewer running jobs comes first, then one whose jobs have used less time. Priorities order the jobs
        of one user, so that nobody gets ahead of others by calling every job urgent.

        waiting: in the order of their requests.
        """
        running_of = Counter(job.user for job in running)
        first: dict[str, Job] = {}
        for job in waiting:
            if job.user not in first or _RANK[job.priority] < _RANK[first[job.user].priority]:
                first[job.user] = job
        with self._lock:
            return min(first.values(), key=lambda job: (running_of[job.user], self._decayed(job.user)), default=None)

    def _decayed(self, user: str) -> float:
        seconds, since = self._used.get(user, (0.0, 0.0))
        return float(seconds * 0.5 ** ((self._clock() - since) / HALF_LIFE_SECONDS))
