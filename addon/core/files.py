"""Atomic writing of files and folders: a reader finds the old content or the new one, never a part."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import InputError
from .messages import message

MAX_STEM = 60
"""Characters of the name that the temporary name repeats, because file systems allow 255 bytes."""


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, with the same suffix, and move it to `path` at the end of the block.

    The block writes a file or makes a folder at the temporary path. Missing parent folders are created. When the block
    raises, `path` stays as it was and the temporary file or folder is removed. A folder that exists is moved aside,
    replaced and then deleted; when the replacement fails it is moved back.

    Raises InputError for any OSError, also one raised in the block, because a full disk shows up there.
    """
    path = Path(path)
    temporary = _temporary_path(path)
    try:
        with write_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            _replace(path, temporary)
    finally:
        _remove(temporary)


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Raise InputError with the system's reason when writing `path` in the block fails."""
    try:
        yield
    except OSError as error:
        raise InputError(message("Cannot write {path}: {reason}. Free some disk space or choose another folder.",
                                 path=path, reason=error.strerror)) from error


def _temporary_path(path: Path) -> Path:
    """Return a hidden, unused name in the folder of `path`."""
    return path.with_name(f".{path.stem[:MAX_STEM]}.{uuid.uuid4().hex[:8]}{path.suffix}")


def _replace(path: Path, new: Path) -> None:
    """Move `new` to `path`; unlike `os.replace`, this also replaces a folder that is not empty."""
    if not (path.is_dir() and new.is_dir()):
        os.replace(new, path)
        return
    old = _temporary_path(path)
    os.replace(path, old)
    try:
        os.replace(new, path)
    except OSError as error:
        _restore(path, old, error)
        raise
    _remove(old)


def _restore(path: Path, old: Path, cause: OSError) -> None:
    """Move the old folder back; where that fails too, raise InputError with its path, because its name is hidden."""
    try:
        os.replace(old, path)
    except OSError:
        raise InputError(message("Cannot write {path}: {reason}. The previous folder is now {old}; rename it back.",
                                 path=path, reason=cause.strerror, old=old)) from cause


def _remove(path: Path) -> None:
    """Delete a file or folder, if it exists."""
    shutil.rmtree(path, ignore_errors=True)
    with suppress(OSError):  # it was a folder, or has been moved
        path.unlink()
