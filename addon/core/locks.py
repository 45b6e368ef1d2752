"""A lock between processes, which the system lifts when its holder ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import HeadroomError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


@contextmanager
def only_one(path: Path, refusal: str) -> Iterator[None]:
    """Hold the lock file `path` during the block; raises HeadroomError(`refusal`) when somebody else holds it."""
    with open(path, "a+b") as file:
        try:
            if sys.platform == "win32":
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise HeadroomError(refusal) from error
        yield
