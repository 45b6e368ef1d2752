"""The reports of batches that ran on this machine, and what they hold of a person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from headroom.cli.batch.plan import MOVIE_KINDS, Line
from headroom.cli.batch.report import CHUNKS, THUMBNAILS, Report, thumbnail_name
from headroom.common.files import listed_folders, remove_all
from headroom.common.paths import cache_folder
from headroom.common.subject_files import INFO

REPORTS = "reports.txt"
"""A list of the folders of reports, in the data folder."""


def remember_report(folder: Path) -> None:
    """Add the folder of a report to the list."""
    if folder not in known_reports():
        cache_folder().mkdir(parents=True, exist_ok=True)
        with open(cache_folder() / REPORTS, "a", encoding="utf-8") as file:
            file.write(f"{folder}\n")


def known_reports() -> list[Path]:
    """Return the folders of reports that are in the list."""
    return listed_folders(cache_folder() / REPORTS)


def remove_from_report(folder: Path, is_of_person: Callable[[Path], bool], frames_name: str) -> int:
    """Remove chunks and thumbnails that show a person, or nobody knows whom; return the number of files and folders.

    is_of_person: whether a subject folder is the person's.
    frames_name: of the folder in which the rendered frames of the subject lie.

    Raises HeadroomError for a file that stays.
    """
    chunks = [path for path in (folder / CHUNKS).glob("*") if not _is_of_others(path, frames_name)]
    report = Report.in_folder(folder)
    thumbnails = [path for line in report.lines_before() if line["kind"] in MOVIE_KINDS
                  and (path := folder / THUMBNAILS / thumbnail_name(line["job"])).is_file()
                  and not _shows_others(line, is_of_person)]
    count = remove_all([*chunks, *thumbnails])
    if thumbnails:
        report.write()
    return count


def _is_of_others(chunks: Path, frames_name: str) -> bool:
    """Return whether the frames that lie beside the chunks' scene are those of other people alone."""
    people = {path.name for path in chunks.glob("headroom_*/subject-*")}
    return bool(people) and frames_name not in people


def _shows_others(line: Line, is_of_person: Callable[[Path], bool]) -> bool:
    """Return whether a job has named subjects that can still be looked at, and none of them is the person's."""
    subjects = list(map(Path, line.get("subjects", ()))) if line["kind"] == "shot" else []  # a .blend has its own
    return bool(subjects) and all((path / INFO).is_file() and not is_of_person(path) for path in subjects)
