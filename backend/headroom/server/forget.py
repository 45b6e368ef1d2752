"""Removing a person from a data folder: their jobs, and every file that was made from their subject."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from headroom.common.errors import HeadroomError
from headroom.common.files import file_digest, remove_all
from headroom.common.subject_files import ALBEDO, PLATES, REFINER, TRACK
from headroom.server.blobs import is_sha
from headroom.server.database import COLUMNS, JOBS_FILES, damaged, job_of, open_jobs_file
from headroom.server.jobs import Job
from headroom.server.requests import JOB_REQUEST, JobRequest
from headroom.server.results import LearnResult

PERSONAL = (PLATES, TRACK, REFINER, ALBEDO)
"""Files of a subject that no other subject has."""


@dataclass(frozen=True)
class PersonFiles:
    """What a person is recognised by in a data folder.

    digests: of the personal files of their subject, and of the clip.
    clip: digest of the clip; None where the subject does not record it.
    """

    digests: frozenset[str]
    clip: str | None

    @staticmethod
    def of(subject: Path, clip: str | None) -> PersonFiles:
        """Return those of a subject folder."""
        found = {file_digest(subject / name) for name in PERSONAL if (subject / name).is_file()}
        return PersonFiles(frozenset(found | ({clip} if clip else set())), clip)

    def are_in(self, folder: Path) -> bool:
        """Return whether a subject folder is of the person."""
        return not self.digests.isdisjoint(file_digest(folder / name) for name in PERSONAL
                                           if (folder / name).is_file())


def forget_person(data: Path, person: PersonFiles) -> int:
    """Remove everything of a person from a data folder; return the number of files and folders that were removed.

    Blobs that no remaining job names go as well, because nothing says whose they are, and a client sends them again.

    Raises HeadroomError while a backend uses the folder.
    """
    if not data.is_dir():
        return 0
    with ExitStack() as stack:
        databases = [stack.enter_context(closing(_locked(path))) for path in sorted(data.glob(JOBS_FILES))]
        kept, clips = _remove_jobs(databases, person)
        for database in databases:
            held = [sha for (sha,) in database.execute("SELECT DISTINCT sha FROM holdings")]
            database.executemany("DELETE FROM holdings WHERE sha = ?",
                                 [(sha,) for sha in held if sha not in kept or sha in person.digests])
        for database in databases:
            database.execute("VACUUM")  # what was deleted stays in the file otherwise
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        subjects = [folder for folder in _folders(data / "subjects") if person.are_in(folder)]
        crops = [folder for folder in _folders(data / "crops")
                 if folder.name in person.digests or not is_sha(folder.name)]  # older versions did not separate people
        tracks = [path for clip in clips for path in data.glob(f"tracks/*/{clip[:2]}/{clip}*")]
        blobs = [path for path in data.glob("blobs/*/*") if not is_sha(path.name) or path.name not in kept
                 or path.name in person.digests]
        return remove_all([*subjects, *crops, *tracks, *blobs, *_folders(data / "scratch")])


def _locked(path: Path) -> sqlite3.Connection:
    """Open a jobs file that no backend uses."""
    database = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        open_jobs_file(database, path)
        return database
    except sqlite3.OperationalError as error:
        database.close()
        raise HeadroomError(f"A backend is using {path.parent}. Close Blender or stop the server, and run the command "
                            "again.") from error
    except sqlite3.DatabaseError as error:
        database.close()
        raise damaged(path, error) from error


def _remove_jobs(databases: Iterable[sqlite3.Connection], person: PersonFiles) -> tuple[set[str], set[str]]:
    """Remove the jobs of a person; return the blobs that the other jobs name, and the person's clips."""
    kept: set[str] = set()
    clips = {person.clip} if person.clip else set()
    for database in databases:
        for request_json, *row in database.execute(f"SELECT request, {COLUMNS} FROM jobs").fetchall():
            request, job = JOB_REQUEST.validate_json(request_json), job_of(tuple(row))
            if _subject_blobs(request, job).isdisjoint(person.digests):
                kept |= set(request.inputs.blobs()) | (set(job.result.blobs()) if job.result is not None else set())
            else:
                database.execute("DELETE FROM jobs WHERE id = ?", (job.id,))
                clips |= {request.inputs.clip} if request.kind == "learn" else set()
    return kept, clips


def _subject_blobs(request: JobRequest, job: Job) -> set[str]:
    """Return the files of the subjects that a job used or made, and its clip."""
    if request.kind == "learn":
        made = job.result.subject.values() if isinstance(job.result, LearnResult) else ()
        return {request.inputs.clip, *made}
    if request.kind == "evaluate" or request.kind == "check":
        return {request.inputs.clip, *(job.result.blobs() if job.result else ())}
    return {sha for subject in request.inputs.subjects() for sha in subject.values()}


def _folders(parent: Path) -> list[Path]:
    return [path for path in parent.iterdir() if path.is_dir()] if parent.is_dir() else []
