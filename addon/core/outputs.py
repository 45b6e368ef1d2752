"""Which paths may be read and written: the one decision for all commands and buttons, made before any work begins.

The backend's headroom/common/outputs.py decides alike; tests/common/test_outputs.py compares the two. Nothing is made
here. Paths are examined with os.path, because Path.exists and others raise for names that are too long.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from .errors import InputError
from .messages import message
from .subject import INFO, PARTS

FILE_BYTES = 1_000_000
SUBJECT_BYTES = 25_000_000
"""What a file and a subject need at least; a subject's networks alone have 20 MB."""
_SHOWN_CHARACTERS = 40  # of a name that is too long
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\\/:*?"<>|\s]+')
_FORBIDDEN = set('<>:"|?*') if os.name == "nt" else set()


def file_name(name: str) -> str:
    """Return a name without what file names cannot have, on any system; it may be empty."""
    return _NOT_IN_NAMES.sub(" ", name).strip(" .")


def require_file(path: Path, what: str) -> None:
    """Raise InputError when a file that the user named does not exist."""
    if not path.is_file():
        raise InputError(message("The {what} {path} does not exist. Choose another file.", what=what, path=path))


def require_output_file(path: Path, *endings: str, inputs: Iterable[Path | None] = ()) -> Path:
    """Return `path` if a file can be written there; raises InputError, which says why not.

    endings: of which the name must have one, because the ending says what is written.
    inputs: files that the command reads; None and missing files are left out.
    """
    if path.suffix.lower() not in endings:
        raise InputError(message("{path} must end in {endings}; choose another name.", path=path,
                                 endings=", ".join(endings)))
    _require_possible_name(path)
    if os.path.isdir(path):
        raise InputError(message("{path} is a folder; choose a file name in it.", path=path))
    if os.path.exists(path) and not os.path.isfile(path):
        raise InputError(message("{path} is a device or a pipe, which would be replaced; choose another name.",
                                 path=path))
    if os.path.exists(path) and not os.access(path, os.W_OK):
        raise InputError(message("{path} is write-protected; choose another name.", path=path))
    for source in inputs:
        if source is not None and os.path.exists(source) and os.path.exists(path) and os.path.samefile(path, source):
            raise InputError(message("{path} is an input of this command and would be lost; choose another name.",
                                     path=path))
    if path.name.casefold() in PARTS and os.path.isfile(path.parent / INFO):
        raise InputError(message("{path} is a part of the subject in {folder}; choose another name.", path=path,
                                 folder=path.absolute().parent))
    _require_writable(path.absolute().parent, FILE_BYTES)
    return path


def require_new_folder(path: Path) -> Path:
    """Return `path` if a subject can be written there: a folder without files, or none.

    Raises InputError, which says why not.
    """
    _require_possible_name(path)
    if os.path.exists(path) and not os.path.isdir(path):
        raise InputError(message("{path} is a file; choose a folder.", path=path))
    _require_writable(path.absolute().parent, SUBJECT_BYTES)
    if os.path.isdir(path) and any(path.iterdir()):
        raise InputError(message("{folder} is not empty. Choose a new folder for the subject.", folder=path))
    return path


def _require_possible_name(path: Path) -> None:
    """Raise InputError when the file system cannot have a file of this name, because it is too long or malformed."""
    if "\0" in str(path) or _FORBIDDEN & set(path.name):
        raise InputError(message("{name} has a character that file names cannot have; choose another name.",
                                 name=repr(str(path))))
    folder = _existing(path.absolute())
    for part in path.absolute().relative_to(folder).parts:
        try:
            os.lstat(folder / part)  # looks the name up in a folder that exists, which fails when it is too long
        except OSError as error:
            if error.errno in (errno.ENAMETOOLONG, errno.EINVAL):
                raise InputError(message("The name {name} is too long; choose a shorter one.",
                                         name=f"{part[:_SHOWN_CHARACTERS]}…")) from error


def _require_writable(folder: Path, bytes_needed: int) -> None:
    """Raise InputError when nothing can be written in `folder`, which may not exist yet, or not enough."""
    existing = _existing(folder)
    try:
        with tempfile.TemporaryFile(dir=existing):
            free = shutil.disk_usage(existing).free
    except OSError as error:
        raise InputError(message("Cannot write in {folder}: {reason}. Choose another folder.", folder=folder,
                                 reason=error.strerror)) from error
    if free < bytes_needed:
        raise InputError(message("Only {free} MB are free in {folder}, at least {needed} MB are needed; free some disk "
                                 "space or choose another folder.", free=f"{free / 1e6:.1f}", folder=folder,
                                 needed=f"{bytes_needed / 1e6:.0f}"))


def _existing(path: Path) -> Path:
    """Return the nearest of a path and its parents that exists."""
    while not os.path.exists(path):
        path = path.parent
    return path
