"""Temporary folders that are removed even when their owner was killed.

The owner of a folder holds a lock on a file in it. The system releases the lock when the process ends, whatever ends
it, so a folder whose lock is free has been abandoned.

The backend and the extension have this module in common (`headroom/common/temporary.py`, `addon/core/temporary.py`), so
that either removes what the other has left.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK = ".headroom-owner"
"""The file that the owner of a folder has locked."""
KEPT = ".headroom-kept"
"""The file that takes its place in a folder that outlives its owner for `KEPT_DAYS`."""
NEW, REPLACED = "new", "replaced"
"""The folders for what is being written, and for what is moved out of its way until it is in its place."""
KEPT_DAYS = 14
_UNLOCKED = LOCK if sys.platform == "win32" else f"{LOCK}.new"  # its name until it is locked; Windows cannot rename it
_PREFIX = "headroom-"
_HEXADECIMAL = 8 * "[0-9a-f]"


@contextmanager
def temporary_folder(parent: Path | None = None) -> Iterator[Path]:
    """Yield a folder in `parent`, the system's temporary folder if None; it is removed after the block."""
    with _owned(parent or Path(tempfile.gettempdir()), _PREFIX, 0o700) as folder:
        yield folder


@contextmanager
def folder_in(parent: Path) -> Iterator[Path]:
    """Yield a hidden folder in `parent` with the folders `NEW` and `REPLACED`; it is removed after the block.

    What is renamed from `parent` into `REPLACED` is renamed back if the block ends before its successor has its place.
    """
    with _owned(parent, f".{_PREFIX}", 0o777) as folder:
        (folder / NEW).mkdir()
        (folder / REPLACED).mkdir()
        yield folder


def for_children(folder: Path) -> dict[str, str]:
    """Return the environment variables that let other programs put their temporary files into a folder.

    What they leave when they are killed is removed with the folder.
    """
    return dict.fromkeys(("TMPDIR", "TMP", "TEMP"), str(folder))


def keep(folder: Path) -> None:
    """Let a temporary folder outlive its block, for a user who wants to read what is in it; it is removed later."""
    (folder / KEPT).touch()


def remove_abandoned(parent: Path) -> None:
    """Remove the temporary folders in `parent` whose owners have ended, and rename back what they had replaced."""
    with suppress(OSError):
        for folder in [*parent.glob(_PREFIX + _HEXADECIMAL), *parent.glob(f".{_PREFIX}{_HEXADECIMAL}")]:
            with suppress(OSError):
                _remove_if_abandoned(folder)


@contextmanager
def _owned(parent: Path, prefix: str, mode: int) -> Iterator[Path]:
    _remove_abandoned_once(parent)
    folder = parent / f"{prefix}{uuid.uuid4().hex[:8]}"
    folder.mkdir(mode)
    try:
        with open(folder / _UNLOCKED, "wb") as lock:
            _try_to_lock(lock)
            if _UNLOCKED != LOCK:
                os.rename(folder / _UNLOCKED, folder / LOCK)
            try:
                yield folder
            finally:
                _empty(folder)
    finally:
        _remove(folder)


@lru_cache(maxsize=256)
def _remove_abandoned_once(parent: Path) -> None:
    """Do it once for each folder in the life of this process, because a folder may hold many thousand files."""
    remove_abandoned(parent)


def _try_to_lock(file: BinaryIO) -> bool:
    """Lock a file for this process; return whether that was possible, which some network drives do not offer."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_if_abandoned(folder: Path) -> None:
    with open(folder / LOCK, "r+b") as lock:  # fails for folders without the file and for those of other users
        kept = folder / KEPT
        if not _try_to_lock(lock) or (kept.exists() and kept.stat().st_mtime > time.time() - KEPT_DAYS * 86_400):
            return
        kept.unlink(missing_ok=True)
        _empty(folder)
    _remove(folder)


def _empty(folder: Path) -> None:
    """Rename back what was replaced, and remove everything but the lock; keep all where that is impossible."""
    if (folder / KEPT).exists():
        return
    try:
        _restore(folder)
    except OSError:
        return
    for path in folder.iterdir():
        if path.name not in (LOCK, _UNLOCKED):
            shutil.rmtree(path, ignore_errors=True)
            with suppress(OSError):  # it was a folder
                path.unlink()


def _restore(folder: Path) -> None:
    """Rename back what was replaced, unless everything that replaces it is in its place."""
    if any((folder / NEW).glob("*")):
        for path in (folder / REPLACED).glob("*"):
            os.replace(path, folder.parent / path.name)


def _remove(folder: Path) -> None:
    """Remove an empty folder and its lock, which goes last, so that what could not be removed is found again."""
    with suppress(OSError):
        if all(path.name in (LOCK, _UNLOCKED) for path in folder.iterdir()):
            shutil.rmtree(folder, ignore_errors=True)
