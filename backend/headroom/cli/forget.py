"""Removing a person: the subject, and what was made from it in every cache of this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from headroom.cli.batch.known_reports import known_reports, remove_from_report
from headroom.common.files import file_digest, listed_folders, remove_all
from headroom.common.paths import cache_folder, extension_folders
from headroom.common.subject_files import INFO, PARTS, PLATES, RIG
from headroom.server.forget import PersonFiles, forget_person
from headroom.subject.folder import Subject

FRAMES, PLACES = "frames", "places.txt"
"""The extension's folder of rendered frames, and its list of the folders of frames beside .blend files."""
LOOSE = ("*.png", "*.npy", "match-*.npz")  # frames of versions that did not separate subjects


def forget(subject: Path, search: Sequence[Path] = ()) -> list[str]:
    """Remove a subject and what was made from it in caches; return what was removed and what stays.

    search: folders to look through for further data folders and renders, such as those of projects.

    Raises InputError when there is no subject, HeadroomError while a backend uses one of the data folders,
    and for a file that cannot be removed; the subject stays then, so that a second run finds the rest.
    """
    person = Subject.open(subject)
    clip = person.info.clip.sha256 if person.info.clip is not None else None
    files, name = PersonFiles.of(subject, clip), frames_name(subject)
    lines = []
    for data in dict.fromkeys(_data_folders(search)):
        count = forget_person(data, files)
        lines += [f"Removed {count} files and folders of jobs in {data}"] if count else []
    for folder in dict.fromkeys(_frame_folders(search)):
        count = _remove_frames(folder, name)
        lines += [f"Removed {count} files and folders of rendered frames in {folder}"] if count else []
    for folder in dict.fromkeys(known_reports(search)):
        count = remove_from_report(folder, subject, files, name)
        lines += [f"Removed {count} chunks and thumbnails of batches in {folder}"] if count else []
    copies = [path.parent for folder in search for path in folder.rglob(INFO)
              if path.parent.resolve() != subject.resolve() and files.are_in(path.parent)]
    _remove_subject(subject)
    return [*lines, f"Removed the subject {subject}", *(f"A copy of the subject is in {copy}" for copy in copies),
            "Movies, .blend files and exports that you saved stay; delete them yourself."]


def frames_name(subject: Path) -> str:
    """Return the name of the folders in which the extension stores rendered frames of a subject."""
    plates = subject / PLATES
    return f"subject-{file_digest(plates if plates.is_file() else subject / RIG)[:16]}"


def _data_folders(search: Sequence[Path]) -> Iterator[Path]:
    """Yield the data folders of backends."""
    yield cache_folder()
    for extension in extension_folders():
        yield extension / "data"
    for folder in search:
        yield from sorted({path.parent for path in folder.rglob("jobs-*.sqlite")})


def _frame_folders(search: Sequence[Path]) -> Iterator[Path]:
    """Yield the folders with rendered frames: the extension's, those beside .blend files, and those found."""
    for extension in extension_folders():
        frames = extension / FRAMES
        yield frames
        yield from listed_folders(frames / PLACES)
    for folder in search:
        yield from sorted({path.parent for path in folder.rglob("subject-*") if path.is_dir()}
                          | {path for path in folder.rglob("headroom_*") if path.is_dir()})


def _remove_frames(folder: Path, name: str) -> int:
    """Remove a subject's frames, and those that nobody can assign; they can be rendered again. Return their number."""
    loose = [path for pattern in LOOSE for path in folder.glob(pattern)]
    own = [folder / name] if (folder / name).is_dir() else []
    return remove_all([*loose, *own])


def _remove_subject(folder: Path) -> None:
    """Remove the parts of a subject, the metadata last, so that a second run finds what the first one left."""
    for part in reversed(PARTS):
        (folder / part).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
