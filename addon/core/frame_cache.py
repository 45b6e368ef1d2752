"""The cache of rendered frames on disk; the key of a frame stands for everything it was rendered from."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .files import atomic_write

PICTURE, MESH = ".png", ".npy"
"""Suffixes of what is stored of a frame."""
MAX_DAYS = 14.0
MAX_BYTES = 4 << 30
SECONDS_PER_DAY = 86400.0


@dataclass(frozen=True)
class Render:
    """What Blender makes of one frame.

    picture: RGBA PNG file of the face crop; None for a frame that the backend draws from the mesh.
    mesh: npy file (V, 3) float32 of the vertices that the picture shows, millimetres, camera axes; None where a
        modifier has changed their number.
    """

    picture: Path | None
    mesh: Path | None

    @staticmethod
    def stored(picture: Path | None, mesh: Path) -> Render:
        """Return the render of two files; an empty one stands for no mesh."""
        return Render(picture, mesh if mesh.stat().st_size else None)


class FrameCache:
    """Pictures and meshes of frames in the first of some folders; those in the other folders are found as well.

    A frame whose inputs have not changed has the same key and is not rendered again. A frame whose edit was undone is
    found again. Finding a file sets its modification time, so that `prune` removes it last.
    """

    def __init__(self, folders: Sequence[Path], name: str = ""):
        """Take the folders; of a subject's frames, `name` is that of its folder in each of them."""
        self._bases = list(folders)
        self.folder = folders[0] / name
        self._folders = [folder / name for folder in folders]

    def find(self, key: str, suffix: str) -> Path | None:
        """Return the file stored under `key`, or None."""
        for folder in self._folders:
            path = folder / f"{key}{suffix}"
            with suppress(OSError):
                os.utime(path)
                return path
        return None

    def find_or_store(self, key: str, suffix: str, write: Callable[[Path], None]) -> Path:
        """Return the file stored under `key`; where there is none, let `write` make it and store it once complete."""
        found = self.find(key, suffix)
        if found is not None:
            return found
        path = self.folder / f"{key}{suffix}"
        with atomic_write(path) as temporary:
            write(temporary)
        return path

    def prune(self, max_days: float = MAX_DAYS, max_bytes: int = MAX_BYTES) -> None:
        """Remove files unused for `max_days`, and the least recently used ones beyond `max_bytes`."""
        oldest, free_bytes = time.time() - max_days * SECONDS_PER_DAY, max_bytes
        files = []
        for path in (each for each in self._bases[0].rglob("*") if each.suffix in (PICTURE, MESH)):
            with suppress(OSError):  # another Blender may prune the same folder
                status = path.stat()
                files.append((status.st_mtime, status.st_size, path))
        for used, size, path in sorted(files, reverse=True):
            free_bytes -= size
            if used < oldest or free_bytes < 0:
                path.unlink(missing_ok=True)


def remember_place(places: Path, folder: Path) -> None:
    """Add a folder of frames to the list of those that lie beside .blend files; `headroom forget` reads it."""
    known = places.read_text(encoding="utf-8").splitlines() if places.is_file() else []
    if str(folder) not in known:
        with atomic_write(places) as temporary:
            temporary.write_text("".join(f"{each}\n" for each in [*known, folder]), encoding="utf-8")
