"""Removing a person: the subject, and what was made from it in every cache of this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from itertools import chain
from pathlib import Path

from headroom.cli.batch.known_reports import known_reports, remove_from_report
from headroom.cli.batch.report import FOLDER_ENDING, JSON
from headroom.common.files import file_digest, listed_folders, remove_all
from headroom.common.paths import cache_folder, extension_folders
from headroom.common.subject_files import INFO, PARTS, PLATES, RIG
from headroom.server.database import JOBS_FILES
from headroom.server.forget import PersonFiles, forget_person
from headroom.subject.folder import Subject

FRAMES, PLACES = "frames", "places.txt"
"""The extension's folder of rendered frames, and its list of the folders of frames beside .blend files."""
OF_A_SUBJECT = re.compile(r"subject-[0-9a-f]{16}")
"""The name of a folder with rendered frames of one subject."""
LOOSE = re.compile(r"[0-9a-f]{64}\.(png|npy)|match-[0-9a-f]{16}\.npz|before-after\.png")
"""Names of the files of versions that did not separate subjects."""


@dataclass(frozen=True)
class SearchedFolders:
    """Folders in which a person may be: data folders of backends, rendered frames, reports of batches, and subjects."""

    data: list[Path]
    frames: list[Path]
    reports: list[Path]
    subjects: list[Path]

    @staticmethod
    def below(folders: Iterable[Path]) -> SearchedFolders:
        """Look through folders once, because they may hold many files, perhaps on a shared drive."""
        data, frames, reports, subjects = set[Path](), set[Path](), set[Path](), set[Path]()
        for place, inner, files in chain.from_iterable(map(os.walk, folders)):
            folder = Path(place)
            if any(fnmatchcase(name, JOBS_FILES) for name in files):
                data.add(folder)
            if any(map(OF_A_SUBJECT.fullmatch, inner)):
                frames.add(folder)
            frames.update(folder / name for name in inner if name.startswith("headroom_"))
            if folder.name.endswith(FOLDER_ENDING) and JSON in files:
                reports.add(folder)
            if INFO in files:
                subjects.add(folder)
        return SearchedFolders(*map(sorted, (data, frames, reports, subjects)))


def forget(subject: Path, search: Sequence[Path] = ()) -> list[str]:
    """Remove a subject and what was made from it in caches; return what was removed and what stays.

    search: folders to look through for further data folders and renders, such as those of projects.

    Raises InputError when there is no subject, HeadroomError while a backend uses one of the data folders,
    and for a file that cannot be removed; the subject stays then, so that a second run finds the rest.
    """
    person = Subject.open(subject)
    clip = person.info.clip.sha256 if person.info.clip is not None else None
    files, name = PersonFiles.of(subject, clip), frames_name(subject)

    @cache  # the files are large, and many jobs name the same subject
    def is_of_person(folder: Path) -> bool:
        return folder.resolve() == subject.resolve() or files.are_in(folder)

    lines = []
    found = SearchedFolders.below(search)
    for data in dict.fromkeys([*_data_folders(), *found.data]):
        count = forget_person(data, files)
        lines += [f"Removed {count} files and folders of jobs in {data}"] if count else []
    for folder in dict.fromkeys([*_frame_folders(), *found.frames]):
        count = _remove_frames(folder, name)
        lines += [f"Removed {count} files and folders of rendered frames in {folder}"] if count else []
    for folder in dict.fromkeys([*known_reports(), *found.reports]):
        count = remove_from_report(folder, is_of_person, name)
        lines += [f"Removed {count} chunks and thumbnails of batches in {folder}"] if count else []
    copies = [folder for folder in found.subjects
              if folder.resolve() != subject.resolve() and is_of_person(folder)]
    _remove_subject(subject)
    return [*lines, f"Removed the subject {subject}", *(f"A copy of the subject is in {copy}" for copy in copies),
            "Movies, .blend files and exports that you saved stay; delete them yourself."]


def frames_name(subject: Path) -> str:
    """Return the name of the folders in which the extension stores rendered frames of a subject."""
    plates = subject / PLATES
    return f"subject-{file_digest(plates if plates.is_file() else subject / RIG)[:16]}"


def _data_folders() -> Iterator[Path]:
    """Yield the data folders of backends."""
    yield cache_folder()
    for extension in extension_folders():
        yield extension / "data"


def _frame_folders() -> Iterator[Path]:
    """Yield the folders with rendered frames: the extension's, and those beside .blend files."""
    for extension in extension_folders():
        frames = extension / FRAMES
        yield frames
        yield from listed_folders(frames / PLACES)


def _remove_frames(folder: Path, name: str) -> int:
    """Remove a subject's frames, and those that nobody can assign; they can be rendered again. Return their number."""
    loose = [path for path in folder.glob("*") if LOOSE.fullmatch(path.name)]
    own = [folder / name] if (folder / name).is_dir() else []
    return remove_all([*loose, *own])


def _remove_subject(folder: Path) -> None:
    """Remove the parts of a subject, the metadata last, so that a second run finds what the first one left."""
    for part in reversed(PARTS):
        (folder / part).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
