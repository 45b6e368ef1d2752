"""A subject's plates, by number, without holding them all in memory."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from headroom.media.video import read_frames


class Plates:
    """plates[i] is the frame (H, W, 3) uint8 that track frame i was learnt from.

    The movie is decoded once into a scratch file, of which one frame at a time is read; use as a context manager.
    """

    def __init__(self, movie: Path, width: int, height: int):
        """width, height of the clip; the movie may have a row or column more, for video sizes are even."""
        self.movie, self.shape = Path(movie), (height, width, 3)

    def __enter__(self) -> "Plates":
        height, width, _ = self.shape
        self._scratch = tempfile.TemporaryFile()
        self._count = 0
        for frame in read_frames(self.movie):
            self._scratch.write(np.ascontiguousarray(frame[:height, :width]).data)
            self._count += 1
        self._scratch.flush()
        return self

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> np.ndarray:
        """May be called from any thread: each call maps its own frame, so pages that were read do not pile up."""
        number = range(self._count)[index]
        offset = number * int(np.prod(self.shape))
        return np.array(np.memmap(self._scratch, np.uint8, "r", offset, self.shape))

    def __exit__(self, *exception) -> None:
        self._scratch.close()
