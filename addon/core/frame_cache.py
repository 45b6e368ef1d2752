"""Rendered frames on disk, each under a key that stands for everything it was rendered from."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from .files import atomic_write

MOST_DAYS = 14.0
MOST_BYTES = 4 << 30
SECONDS_A_DAY = 86400.0


class FrameCache:
    """Pictures in the first of some folders; those in the others are found as well.

    A frame whose inputs have not changed has the same key and is not rendered again; one whose edit was undone is
    found again. A picture that is used counts as used today.
    """

    def __init__(self, folders: Sequence[Path]):
        self.folder = folders[0]
        self._folders = list(folders)

    def find(self, key: str) -> Path | None:
        for folder in self._folders:
            path = folder / f"{key}.png"
            with suppress(OSError):
                os.utime(path)
                return path
        return None

    def keep(self, key: str, write: Callable[[Path], None]) -> Path:
        """Have `write` make the picture, which appears under its key when it is whole."""
        path = self.folder / f"{key}.png"
        with atomic_write(path) as half:
            write(half)
        return path

    def prune(self, most_days: float = MOST_DAYS, most_bytes: int = MOST_BYTES) -> None:
        """Remove pictures unused for long, and of the others the least used while they take more room than allowed."""
        oldest, room = time.time() - most_days * SECONDS_A_DAY, most_bytes
        found = []
        for path in self.folder.glob("*.png"):
            with suppress(OSError):  # another Blender may be at it too
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        for used, size, path in sorted(found, reverse=True):
            room -= size
            if used < oldest or room < 0:
                path.unlink(missing_ok=True)
