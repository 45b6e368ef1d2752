"""The data folder: jobs in SQLite and files as blobs; both survive a restart."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headroom.common.files import require_writable
from headroom.server.blobs import SECONDS_PER_DAY, Blobs
from headroom.server.database import COLUMNS, claim_jobs_file, job_of, row_of
from headroom.server.job_cache import JobCache
from headroom.server.jobs import Event, Failed, Interrupted, Job, JobState

RESUME_SECONDS = 600.0  # a job that was interrupted longer ago is not resumed, because nobody waits for it

log = logging.getLogger(__name__)


class Store:
    """Jobs and blobs in one data folder.

    All backends that use the folder share its blobs. A jobs file belongs to one running backend: a second backend,
    started by a second Blender, takes the next free file, so that no backend runs or cancels another one's jobs.
    Methods may be called from any thread.
    """

    def __init__(self, folder: Path):
        require_writable(folder)
        self.folder = folder
        self.blobs = Blobs(folder / "blobs")
        self.cache = JobCache(folder)
        self._lock = threading.RLock()
        self._callbacks: dict[str, list[Callable[[], None]]] = {}
        self._database, name = claim_jobs_file(folder)
        self.scratch = folder / "scratch" / name  # private folders of running jobs
        shutil.rmtree(self.scratch, ignore_errors=True)
        self._requeue_interrupted()

    def close(self) -> None:
        """Release the jobs file."""
        with self._lock:
            self._database.close()

    def add(self, job: Job) -> Job:
        """Put a job at the end of the queue and return it; return the known job if its id is known."""
        with self._lock:
            if known := self.job(job.id):
                return known
            row = row_of(job)
            self._database.execute(f"INSERT INTO jobs ({COLUMNS}) VALUES ({', '.join('?' * len(row))})", row)
        return job

    def job(self, job_id: str) -> Job | None:
        """Return a job, None if its id is unknown."""
        jobs = self._select("WHERE id = ?", job_id)
        return jobs[0] if jobs else None

    def jobs(self) -> list[Job]:
        """Return all jobs, the oldest first."""
        return self._select("ORDER BY number")

    def next_queued(self) -> Job | None:
        """Return the queued job that was added first, None if no job is queued."""
        jobs = self._select("WHERE state = ? ORDER BY number LIMIT 1", JobState.QUEUED.value)
        return jobs[0] if jobs else None

    def apply(self, job_id: str, event: Event) -> Job:
        """Change a job by `event`, call its callbacks and return it. Of two events that end it, the first one counts.

        Raises KeyError for an unknown job.
        """
        with self._lock:
            before = self.job(job_id)
            if before is None:
                raise KeyError(job_id)
            after = before.after(event)
            if after != before:
                self._update(after)
            callbacks = list(self._callbacks.get(job_id, ()))
        for callback in callbacks:
            callback()
        return after

    @contextmanager
    def on_change(self, job_id: str, callback: Callable[[], None]) -> Iterator[None]:
        """Call `callback`, from any thread, after each event of the job while the block runs."""
        with self._lock:
            self._callbacks.setdefault(job_id, []).append(callback)
        try:
            yield
        finally:
            with self._lock:
                self._callbacks[job_id].remove(callback)
                if not self._callbacks[job_id]:
                    del self._callbacks[job_id]

    def prune(self, max_age_days: float) -> None:
        """Remove jobs that ended, and files that were last used, more than `max_age_days` ago.

        A blob counts as used when it is sent, asked for, or named by a new job, so the blobs of a stored job stay.
        """
        with self._lock:
            oldest = time.time() - max_age_days * SECONDS_PER_DAY
            self._database.execute("DELETE FROM jobs WHERE finished < ?", (oldest,))
        removed = self.blobs.prune(max_age_days) + self.cache.prune(max_age_days)
        log.info("Pruned %d files unused for %g days", removed, max_age_days)

    def _requeue_interrupted(self) -> None:
        """Queue again what was running when the last backend with this jobs file was killed."""
        reason = "The backend stopped while this job was running."
        for job in self._select("WHERE state = ?", JobState.RUNNING.value):
            is_recent = time.time() - job.changed < RESUME_SECONDS
            self._update(job.after(Interrupted(reason) if is_recent else Failed(f"{reason} Start the job again.")))

    def _select(self, condition: str, *values: Any) -> list[Job]:
        with self._lock:
            rows = self._database.execute(f"SELECT {COLUMNS} FROM jobs {condition}", values).fetchall()
        return [job_of(row) for row in rows]

    def _update(self, job: Job) -> None:
        """Write the columns that events change."""
        row = dict(zip(COLUMNS.split(", "), row_of(job), strict=True))
        changed = "state, progress, message, result, finished, attempts, changed".split(", ")
        with self._lock:
            self._database.execute(
                f"UPDATE jobs SET {', '.join(f'{name} = :{name}' for name in changed)} WHERE id = :id", row)
