"""The jobs file: an SQLite database in which each job is a row. Its format number is SQLite's `user_version`."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from headroom.common.errors import HeadroomError
from headroom.server.database_upgrade import FORMAT, format_of, upgrade
from headroom.server.jobs import Job, JobState

MAX_BACKENDS = 16  # that can share one data folder at a time
COLUMNS = "id, kind, user, priority, state, progress, message, result, created, finished, attempts, changed"
JOBS_FILES = "jobs-*.sqlite"
"""Names of the jobs files, of which each running backend has one."""


def claim_jobs_file(folder: Path) -> tuple[sqlite3.Connection, str]:
    """Open the first jobs file in `folder` that no running backend uses; return the connection and the file's stem.

    SQLite's exclusive mode keeps the lock until the connection is closed or its process ends.

    Raises HeadroomError when a file cannot be opened or was written by a newer version of Headroom.
    """
    for number in range(1, MAX_BACKENDS + 1):
        path = folder / f"jobs-{number}.sqlite"
        try:
            database = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        except sqlite3.OperationalError as error:
            raise _cannot_open(path, error) from error
        try:
            open_jobs_file(database, path)
            return database, path.stem
        except sqlite3.OperationalError as error:
            database.close()
            if "locked" not in str(error):
                raise _cannot_open(path, error) from error
        except sqlite3.DatabaseError as error:
            database.close()
            raise damaged(path, error) from error
        except BaseException:
            database.close()
            raise
    raise HeadroomError(f"{MAX_BACKENDS} backends already use {folder}. Stop one of them or choose another folder.")


def row_of(job: Job) -> tuple[Any, ...]:
    """Return the values of `job` in the order of `COLUMNS`."""
    return (job.id, job.kind, job.user, job.priority, job.state.value, job.progress, job.message, job.result_json,
            job.created, job.finished, job.attempts, job.changed)


def job_of(row: tuple[Any, ...]) -> Job:
    """Return the job of a row with the values of `COLUMNS`."""
    id_, kind, user, priority, state, *rest = row
    return Job(id_, kind, user, priority, JobState(state), *rest)


def damaged(path: Path, error: sqlite3.Error) -> HeadroomError:
    """Return the error for a jobs file that cannot be read."""
    return HeadroomError(f"{path} is damaged: {error}. Delete it and start the backend again.")


def _cannot_open(path: Path, error: sqlite3.Error) -> HeadroomError:
    return HeadroomError(f"Cannot open {path}: {error}. Choose another data folder.")


def open_jobs_file(database: sqlite3.Connection, path: Path) -> None:
    """Lock the jobs file and bring it to the present format, in one transaction."""
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    version = format_of(database)
    if version > FORMAT:
        raise HeadroomError(f"{path} was written by a newer version of Headroom. Update Headroom, or choose another "
                            "data folder.")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute("BEGIN EXCLUSIVE")
    try:
        upgrade(database)
        database.execute("COMMIT")
    except BaseException:
        database.execute("ROLLBACK")
        raise
