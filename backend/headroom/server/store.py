"""The data folder: jobs in SQLite and files as blobs; both survive a restart."""

from __future__ import annotations

import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headroom.common.files import require_writable
from headroom.common.temporary import remove_abandoned
from headroom.server.blobs import Blobs
from headroom.server.database import COLUMNS, claim_jobs_file, job_of, row_of
from headroom.server.holdings import Holdings
from headroom.server.job_cache import JobCache
from headroom.server.jobs import OWNER, Event, Failed, Interrupted, Job, JobState, Previewed, Progressed, Started
from headroom.server.requests import JOB_REQUEST, JobRequest

RESUME_SECONDS = 600.0  # a job of the owner that was interrupted longer ago is not resumed, because nobody waits for it
SAVE_SECONDS = 1.0  # the progress of a job is written to disk at most this often
MAX_RECENT = 1000  # finished jobs that are kept in memory


class Store:
    """Jobs and blobs in one data folder.

    All backends that use the folder share its blobs. A jobs file belongs to one running backend: a second backend,
    started by a second Blender, takes the next free file, so that no backend runs or cancels another one's jobs.
    Methods may be called from any thread. Jobs that are not finished are in memory, so that reading them needs neither
    the disk nor the lock.
    """

    def __init__(self, folder: Path):
        require_writable(folder)
        self.folder = folder
        self.blobs = Blobs(folder / "blobs")
        self.cache = JobCache(folder)
        self._lock = threading.RLock()
        self._callbacks: list[Callable[[str], None]] = []
        self._database, name = claim_jobs_file(folder)
        self.scratch = folder / "scratch" / name  # private folders of running jobs
        shutil.rmtree(self.scratch, ignore_errors=True)
        for parent in (self.blobs.incoming, self.cache.subjects):
            remove_abandoned(parent)
        self.holdings = Holdings(self._database, self._lock)
        self._unfinished = {job.id: job for job in self._select("WHERE finished IS NULL ORDER BY number")}
        self._recent: OrderedDict[str, Job] = OrderedDict()
        self._saved: dict[str, float] = {}  # id -> time.monotonic() when its progress was last written
        self._requeue_interrupted()

    def close(self) -> None:
        """Release the jobs file."""
        with self._lock:
            self._database.close()

    def add(self, request: JobRequest, user: str = OWNER) -> Job:
        """Put a job at the end of the queue and return it; return the known job if its id is known."""
        with self._lock:
            if known := self.job(request.id):
                return known
            job = Job.of(request, user)
            row = (*row_of(job), request.model_dump_json())
            self._database.execute(
                f"INSERT INTO jobs ({COLUMNS}, request) VALUES ({', '.join('?' * len(row))})", row)
            self._unfinished[job.id] = job
        return job

    def known(self, job_id: str) -> Job | None:
        """Return a job that is in memory, without waiting for anything; None for all others."""
        return self._unfinished.get(job_id) or self._recent.get(job_id)

    def job(self, job_id: str) -> Job | None:
        """Return a job, None if its id is unknown."""
        if known := self.known(job_id):
            return known
        with self._lock:
            if known := self.known(job_id):  # it may have ended meanwhile
                return known
            jobs = self._select("WHERE id = ?", job_id)
            for job in jobs:
                self._remember(job)
        return jobs[0] if jobs else None

    def jobs(self, user: str | None = None, limit: int = -1, before: str = "") -> list[Job]:
        """Return jobs, the oldest first.

        user: only this user's.
        limit: at most so many, the newest ones; -1 for all.
        before: only jobs that were added before this one.
        """
        conditions, values = ["TRUE"], list[Any]()
        if user is not None:
            conditions, values = ["user = ?"], [user]
        if before:
            conditions.append("number < (SELECT number FROM jobs WHERE id = ?)")
            values.append(before)
        jobs = self._select(f"WHERE {' AND '.join(conditions)} ORDER BY number DESC LIMIT ?", *values, limit)
        return [self._unfinished.get(job.id, job) for job in reversed(jobs)]  # progress on disk may be a second old

    def request(self, job_id: str) -> JobRequest:
        """Return what a job was asked with.

        Raises KeyError for an unknown job.
        """
        with self._lock:
            row = self._database.execute("SELECT request FROM jobs WHERE id = ?", (job_id,)).fetchone()
        if row is None:
            raise KeyError(job_id)
        return JOB_REQUEST.validate_json(row[0])

    def unfinished(self, user: str | None = None) -> list[Job]:
        """Return the jobs that wait or run, the oldest first; only one user's if given."""
        with self._lock:
            return [job for job in self._unfinished.values() if user in (None, job.user)]

    def take(self, choose: Callable[[Sequence[Job], Sequence[Job]], Job | None]) -> Job | None:
        """Start one of the queued jobs and return it, None if there is none.

        choose: picks from the waiting jobs, oldest first, and the running ones.
        """
        with self._lock:
            jobs = self.unfinished()
            job = choose([job for job in jobs if job.state is JobState.QUEUED],
                         [job for job in jobs if job.state is JobState.RUNNING])
            return None if job is None else self.apply(job.id, Started())

    def apply(self, job_id: str, event: Event) -> Job:
        """Change a job by `event`, call the callbacks and return it. Of two events that end it, the first one counts.

        Raises KeyError for an unknown job.
        """
        with self._lock:
            before = self.job(job_id)
            if before is None:
                raise KeyError(job_id)
            after = before.after(event)
            if after == before:
                return after
            self._save(after, event)
            self._replace_preview(before, after)
            if after.is_finished:
                self._remember(after)
                self._unfinished.pop(job_id, None)
            else:
                self._unfinished[job_id] = after
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback(job_id)
        return after

    @contextmanager
    def on_change(self, callback: Callable[[str], None]) -> Iterator[None]:
        """Call `callback` with a job's id, from any thread, after each event of the job while the block runs."""
        with self._lock:
            self._callbacks.append(callback)
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.remove(callback)

    def count_finished(self) -> dict[str, int]:
        """Return the number of stored jobs by the state that they ended in."""
        with self._lock:
            return dict(self._database.execute(
                "SELECT state, COUNT(*) FROM jobs WHERE finished IS NOT NULL GROUP BY state").fetchall())

    def remove_finished(self, before: float) -> None:
        """Remove the jobs that ended before a time, seconds since 1970."""
        with self._lock:
            self._database.execute("DELETE FROM jobs WHERE finished < ?", (before,))
            self._recent.clear()

    def _replace_preview(self, before: Job, after: Job) -> None:
        """Let the user read a job's new picture, and remove the one before it."""
        if before.preview == after.preview:
            return
        if before.preview is not None:
            self.holdings.remove([before.preview])
            self.blobs.path(before.preview).unlink(missing_ok=True)
        if after.preview is not None:
            self.holdings.add(after.user, [self.blobs.path(after.preview)])

    def _remember(self, job: Job) -> None:
        self._recent[job.id] = job
        while len(self._recent) > MAX_RECENT:
            self._recent.popitem(last=False)

    def _requeue_interrupted(self) -> None:
        """Queue again what was running when the last backend with this jobs file was killed."""
        reason = "The backend stopped while this job was running."
        for job in self.unfinished():
            if job.state is JobState.RUNNING:
                resumes = job.user != OWNER or time.time() - job.changed < RESUME_SECONDS
                self.apply(job.id, Interrupted(reason) if resumes else Failed(f"{reason} Start the job again."))

    def _select(self, condition: str, *values: Any) -> list[Job]:
        with self._lock:
            rows = self._database.execute(f"SELECT {COLUMNS} FROM jobs {condition}", values).fetchall()
        return [job_of(row) for row in rows]

    def _save(self, job: Job, event: Event) -> None:
        """Write the columns that events change; progress only from time to time."""
        now = time.monotonic()
        if isinstance(event, (Progressed, Previewed)) and now - self._saved.get(job.id, 0.0) < SAVE_SECONDS:
            return
        self._saved[job.id] = now
        if job.is_finished:
            del self._saved[job.id]
        row = dict(zip(COLUMNS.split(", "), row_of(job), strict=True))
        changed = "state, progress, message, result, finished, attempts, changed".split(", ")
        self._database.execute(
            f"UPDATE jobs SET {', '.join(f'{name} = :{name}' for name in changed)} WHERE id = :id", row)
        if job.result is not None:
            self.holdings.add(job.user, map(self.blobs.path, job.result.blobs()))
