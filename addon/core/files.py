"""Writing files and folders so that a reader finds the old one or the new one, never half of one."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import InputError

LONGEST_STEM = 60
"""Letters of a name that its temporary one keeps: 255 bytes are all that file systems allow."""


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`, with its suffix, for a file or a folder to be written in the block.

    It takes the place of `path` when the block ends well and is removed otherwise. Raises InputError when the system
    does not let us write.
    """
    path = Path(path)
    half = _beside(path)
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield half
            _replace(path, half)
    finally:
        _remove(half)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What the system has against writing `path` in the block, as one sentence."""
    try:
        yield
    except OSError as error:
        raise InputError(f"Cannot write {path}: {error.strerror}. Make room, or choose another folder.") from error


def _beside(path: Path) -> Path:
    """A hidden name in the same folder that nothing has."""
    return path.with_name(f".{path.stem[:LONGEST_STEM]}.{uuid.uuid4().hex[:8]}{path.suffix}")


def _replace(path: Path, new: Path) -> None:
    """`os.replace`, which by itself puts no folder in the place of another."""
    if not (path.is_dir() and new.is_dir()):
        os.replace(new, path)
        return
    old = _beside(path)
    os.replace(path, old)
    try:
        os.replace(new, path)
    except OSError:
        os.replace(old, path)
        raise
    _remove(old)


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    with suppress(OSError):  # it was a folder, or has its final name
        path.unlink()
