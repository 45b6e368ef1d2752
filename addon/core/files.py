"""Atomic writing of files and folders: a reader finds the old content or the new one, never a part."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import InputError
from .messages import message
from .temporary import NEW, REPLACED, folder_in


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield the same name in a temporary folder beside `path`, and move it to `path` at the end of the block.

    The block writes a file or makes a folder at the temporary path. Missing parent folders are created. When the block
    raises, `path` stays as it was and the temporary file or folder is removed. A folder that exists is moved aside,
    replaced and then deleted; when the replacement fails it is moved back.

    Raises InputError for any OSError, also one raised in the block, because a full disk shows up there.
    """
    path = Path(path)
    with write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with folder_in(path.parent) as folder:
            yield folder / NEW / path.name
            _replace(path, folder / NEW / path.name, folder / REPLACED / path.name)


def publish(finished: Path, target: Path) -> None:
    """Copy a finished file to `target` in one step: a reader finds the old file or the new one, never half of one."""
    with atomic_write(target) as temporary:
        shutil.copyfile(finished, temporary)


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Raise InputError with the system's reason when writing `path` in the block fails."""
    try:
        yield
    except OSError as error:
        raise InputError(message("Cannot write {path}: {reason}. Free some disk space or choose another folder.",
                                 path=path, reason=error.strerror)) from error


def _replace(path: Path, new: Path, old: Path) -> None:
    """Move `new` to `path`; a folder that is there is moved to `old`, because `os.replace` replaces only files."""
    if not (path.is_dir() and new.is_dir()):
        os.replace(new, path)
        return
    os.replace(path, old)
    try:
        os.replace(new, path)
    except OSError as error:
        _restore(path, old, error)
        raise


def _restore(path: Path, old: Path, cause: OSError) -> None:
    """Move the old folder back; where that fails too, raise InputError with its path, because its name is hidden."""
    try:
        os.replace(old, path)
    except OSError:
        raise InputError(message("Cannot write {path}: {reason}. The previous folder is now {old}; rename it back.",
                                 path=path, reason=cause.strerror, old=old)) from cause
