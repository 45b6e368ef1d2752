"""A subject's plates, by number, without holding them all in memory."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from headroom.media.video import probe, read_frames


class Plates:
    """plates[i] is the frame (H, W, 3) uint8 that track frame i was learnt from.

    The movie is decoded once into a scratch file that the system pages in and out; use as a context manager.
    """

    def __init__(self, movie: Path, width: int, height: int):
        """width, height of the clip; the movie may have a row or column more, for video sizes are even."""
        self.movie, self.width, self.height = Path(movie), width, height

    def __enter__(self) -> "Plates":
        info = probe(self.movie)
        shape = (info.frames, self.height, self.width, 3)
        self._scratch = tempfile.TemporaryFile()
        self._frames = np.memmap(self._scratch, np.uint8, "w+", shape=shape)
        for index, frame in enumerate(read_frames(self.movie)):
            self._frames[index] = frame[: self.height, : self.width]
        return self

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> np.ndarray:
        return np.asarray(self._frames[index])

    def __exit__(self, *exception) -> None:
        del self._frames
        self._scratch.close()
