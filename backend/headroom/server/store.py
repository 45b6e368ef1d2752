"""The backend's memory: jobs in SQLite, files as blobs; both survive a restart."""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headroom.common.errors import HeadroomError
from headroom.common.files import require_writable
from headroom.server.blobs import SECONDS_A_DAY, Blobs
from headroom.server.job_cache import JobCache
from headroom.server.jobs import Event, Failed, Interrupted, Job, JobState

MOST_BACKENDS = 16  # that can share one data folder at a time
RESUME_SECONDS = 600.0  # a job cut short longer ago is nobody's any more
_COLUMNS = "id, kind, inputs, settings, state, progress, message, result, created, finished, attempts, changed"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY,  -- the order of the queue
    id TEXT UNIQUE NOT NULL,
    kind TEXT NOT NULL,
    inputs TEXT NOT NULL,        -- JSON
    settings TEXT NOT NULL,      -- JSON
    state TEXT NOT NULL,
    progress REAL NOT NULL,
    message TEXT NOT NULL,
    result TEXT NOT NULL,        -- JSON
    created REAL NOT NULL,
    finished REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    changed REAL NOT NULL DEFAULT 0
)
"""

log = logging.getLogger(__name__)


class Store:
    """Jobs and blobs in one data folder.

    Blobs are shared by all backends that use the folder. The jobs file belongs to one backend while it lives: a second
    backend, started by a second Blender, takes the next free file, so nobody runs or ends another's jobs.
    Methods may be called from any thread.
    """

    def __init__(self, folder: Path):
        require_writable(folder)
        self.folder = folder
        self.blobs = Blobs(folder / "blobs")
        self.shelf = JobCache(folder)
        self._lock = threading.RLock()
        self._watchers: dict[str, list[Callable[[], None]]] = {}
        self._database, name = _claim_jobs_file(folder)
        self.scratch = folder / "scratch" / name  # private folders of running jobs
        shutil.rmtree(self.scratch, ignore_errors=True)
        self._take_up_interrupted()

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def add(self, job: Job) -> Job:
        """Put a job at the end of the queue; one whose id is known stays as it is, and is what comes back."""
        with self._lock:
            if known := self.job(job.id):
                return known
            marks = ", ".join("?" * len(_row(job)))
            self._database.execute(f"INSERT INTO jobs ({_COLUMNS}) VALUES ({marks})", _row(job))
        return job

    def job(self, job_id: str) -> Job | None:
        found = self._select("WHERE id = ?", job_id)
        return found[0] if found else None

    def jobs(self) -> list[Job]:
        """All jobs, the oldest first."""
        return self._select("ORDER BY number")

    def next_queued(self) -> Job | None:
        found = self._select("WHERE state = ? ORDER BY number LIMIT 1", JobState.QUEUED.value)
        return found[0] if found else None

    def apply(self, job_id: str, event: Event) -> Job:
        """Move a job on by `event` and tell its watchers; of two events that end it, the first one counts."""
        with self._lock:
            before = self.job(job_id)
            if before is None:
                raise KeyError(job_id)
            after = before.after(event)
            if after != before:
                self._replace(after)
            watchers = list(self._watchers.get(job_id, ()))
        for changed in watchers:
            changed()
        return after

    @contextmanager
    def watching(self, job_id: str, changed: Callable[[], None]) -> Iterator[None]:
        """Call `changed`, from any thread, whenever the job may have moved on."""
        with self._lock:
            self._watchers.setdefault(job_id, []).append(changed)
        try:
            yield
        finally:
            with self._lock:
                self._watchers[job_id].remove(changed)
                if not self._watchers[job_id]:
                    del self._watchers[job_id]

    def prune(self, max_age_days: float) -> None:
        """Forget jobs that ended, and blobs last used, more than `max_age_days` ago.

        A blob is used when it is sent, asked for, or named by a new job, so a kept job's blobs are kept as well.
        """
        with self._lock:
            oldest = time.time() - max_age_days * SECONDS_A_DAY
            self._database.execute("DELETE FROM jobs WHERE finished < ?", (oldest,))
        removed = self.blobs.prune(max_age_days) + self.shelf.prune(max_age_days)
        log.info("Pruned %d files unused for %g days", removed, max_age_days)

    def _take_up_interrupted(self) -> None:
        """Queue again what was running when the last backend that had our jobs file was killed."""
        reason = "The backend stopped while this job was running."
        for job in self._select("WHERE state = ?", JobState.RUNNING.value):
            is_recent = time.time() - job.changed < RESUME_SECONDS
            self._replace(job.after(Interrupted(reason) if is_recent else Failed(f"{reason} Start the job again.")))

    def _select(self, condition: str, *values: Any) -> list[Job]:
        with self._lock:
            rows = self._database.execute(f"SELECT {_COLUMNS} FROM jobs {condition}", values).fetchall()
        return [_job(row) for row in rows]

    def _replace(self, job: Job) -> None:
        with self._lock:
            self._database.execute(
                "UPDATE jobs SET state = ?, progress = ?, message = ?, result = ?, finished = ?, attempts = ?, "
                "changed = ? WHERE id = ?",
                (job.state.value, job.progress, job.message, json.dumps(job.result), job.finished, job.attempts,
                 job.changed, job.id),
            )


def _claim_jobs_file(folder: Path) -> tuple[sqlite3.Connection, str]:
    """The first jobs file that no living backend holds, and its name.

    SQLite's exclusive mode keeps the lock for the life of the connection; the system drops it when a process dies.
    """
    for number in range(1, MOST_BACKENDS + 1):
        name = f"jobs-{number}"
        path = folder / f"{name}.sqlite"
        database = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute(_SCHEMA)
            _add_columns(database)
            return database, name
        except sqlite3.OperationalError as error:
            database.close()
            if "locked" not in str(error):
                raise HeadroomError(f"Cannot open {path}: {error}. Choose another data folder.") from error
        except sqlite3.DatabaseError as error:
            database.close()
            raise HeadroomError(f"{path} is damaged: {error}. Delete it and start the backend again.") from error
    raise HeadroomError(f"{MOST_BACKENDS} backends already use {folder}. Stop one of them or choose another folder.")


def _add_columns(database: sqlite3.Connection) -> None:
    """Bring a file of version 0.1, whose jobs had a single attempt, up to date."""
    there = {row[1] for row in database.execute("PRAGMA table_info(jobs)")}
    for name, kind in (("attempts", "INTEGER"), ("changed", "REAL")):
        if name not in there:
            database.execute(f"ALTER TABLE jobs ADD COLUMN {name} {kind} NOT NULL DEFAULT 0")


def _row(job: Job) -> tuple[Any, ...]:
    """In the order of _COLUMNS."""
    inputs, settings, result = (json.dumps(value) for value in (job.inputs, job.settings, job.result))
    return (job.id, job.kind, inputs, settings, job.state.value, job.progress, job.message, result, job.created,
            job.finished, job.attempts, job.changed)


def _job(row: tuple[Any, ...]) -> Job:
    id_, kind, inputs, settings, state, progress, message, result, *times = row
    return Job(kind, json.loads(inputs), json.loads(settings), id_, JobState(state), progress, message,
               json.loads(result), *times)
