"""Which paths may be written: the one decision for all commands, made before any work begins.

Nothing is made here, so that wrong input leaves nothing behind; `common/files.py` writes. A path is refused where
writing it would destroy an input, a part of a subject or a file that the user did not name, and where the system
would refuse it at the end of the work. Paths are examined with os.path, because Path.exists and others raise for
names that are too long and folders that may not be read.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import get_args

from headroom.common.choices import Layer, MovieEnding
from headroom.common.errors import InputError
from headroom.common.subject_files import INFO, PARTS

FILE_BYTES = 1_000_000
SUBJECT_BYTES = 25_000_000
"""What a file and a subject need at least; a subject's networks alone have 20 MB."""
_SHOWN_CHARACTERS = 40  # of a name that is too long
_FORBIDDEN = set('<>:"|?*') if os.name == "nt" else set[str]()


def require_output_file(path: Path, *endings: str, inputs: Iterable[Path | None] = ()) -> Path:
    """Return `path` if a file can be written there.

    endings: of which the name must have one, because the ending says what is written.
    inputs: files that the command reads; None and missing files are left out.

    Raises InputError, which says why not.
    """
    if path.suffix.lower() not in endings:
        raise InputError(f"{path} must end in {', '.join(endings)}; choose another name.")
    _require_possible_name(path)
    if os.path.isdir(path):
        raise InputError(f"{path} is a folder; choose a file name in it.")
    if os.path.exists(path) and not os.path.isfile(path):
        raise InputError(f"{path} is a device or a pipe, which would be replaced; choose another name.")
    if os.path.exists(path) and not os.access(path, os.W_OK):
        raise InputError(f"{path} is write-protected; choose another name.")
    _require_no_input(path, inputs)
    if path.name.casefold() in PARTS and os.path.isfile(path.parent / INFO):
        raise InputError(f"{path} is a part of the subject in {path.absolute().parent}; choose another name.")
    _require_writable(path.absolute().parent, FILE_BYTES)
    return path


def require_movie(path: Path, layer: Layer, inputs: Iterable[Path | None] = ()) -> Path:
    """Return `path` if a movie of a shot, or with # in its name a sequence of pictures, can be written there.

    Raises InputError, which says why not.
    """
    require_output_file(path, *((".mov", ".png") if layer == "face" else get_args(MovieEnding)), inputs=inputs)
    if path.suffix.lower() == ".png" and "#" not in path.name:
        raise InputError(f"{path} has no # in its name, where the number of each frame goes; choose a name such as "
                         "shot.####.png.")
    return path


def require_output_folder(path: Path, *names: str, inputs: Iterable[Path | None] = (),
                          bytes_needed: int = FILE_BYTES) -> Path:
    """Return `path` if a folder can be written there.

    names: files in it that are replaced.
    inputs: files that the command reads; None and missing files are left out.

    Raises InputError, which says why not.
    """
    _require_possible_name(path)
    if os.path.exists(path) and not os.path.isdir(path):
        raise InputError(f"{path} is a file; choose a folder.")
    inputs = list(inputs)
    for name in names:
        _require_no_input(path / name, inputs)
    _require_writable(path.absolute(), bytes_needed)
    return path


def unused_file(folder: Path, stem: str, ending: str) -> Path:
    """Return a file in `folder` that does not exist, for what the user did not name."""
    numbers = ("", *(f"_{number}" for number in range(2, 10_000)))
    return next(path for number in numbers if not os.path.lexists(path := folder / f"{stem}{number}{ending}"))


def require_own_files(folder: Path, names: Sequence[str]) -> None:
    """Raise InputError when files whose names the user did not choose would replace files of the user.

    All of them together are the result of an earlier run, which is replaced; some of them are something else.
    """
    existing = [name for name in names if os.path.exists(folder / name)]
    if existing and len(existing) < len(names):
        raise InputError(f"{folder} holds {', '.join(existing)}, which would be overwritten; choose another folder.")


def _require_no_input(path: Path, inputs: Iterable[Path | None]) -> None:
    """Raise InputError when `path` is one of the inputs, also by a link or another spelling."""
    for source in inputs:
        if source is not None and os.path.exists(source) and os.path.exists(path) and os.path.samefile(path, source):
            raise InputError(f"{path} is an input of this command and would be lost; choose another name.")


def _require_possible_name(path: Path) -> None:
    """Raise InputError when the file system cannot have a file of this name, because it is too long or malformed."""
    if "\0" in str(path) or _FORBIDDEN & set(path.name):
        raise InputError(f"{str(path)!r} has a character that file names cannot have; choose another name.")
    folder = _existing(path.absolute())
    for part in path.absolute().relative_to(folder).parts:
        try:
            os.lstat(folder / part)  # looks the name up in a folder that exists, which fails when it is too long
        except OSError as error:
            if error.errno in (errno.ENAMETOOLONG, errno.EINVAL):
                shown = f"{part[:_SHOWN_CHARACTERS]}…"
                raise InputError(f"The name {shown} is too long; choose a shorter one.") from error


def _require_writable(folder: Path, bytes_needed: int) -> None:
    """Raise InputError when nothing can be written in `folder`, which may not exist yet, or not enough."""
    existing = _existing(folder)
    try:
        with tempfile.TemporaryFile(dir=existing):
            free = shutil.disk_usage(existing).free
    except OSError as error:
        raise InputError(f"Cannot write in {folder}: {error.strerror}. Choose another folder.") from error
    if free < bytes_needed:
        raise InputError(f"Only {free / 1e6:.1f} MB are free in {folder}, at least {bytes_needed / 1e6:.0f} MB are "
                         "needed; free some disk space or choose another folder.")


def _existing(path: Path) -> Path:
    """Return the nearest of a path and its parents that exists."""
    while not os.path.exists(path):
        path = path.parent
    return path
