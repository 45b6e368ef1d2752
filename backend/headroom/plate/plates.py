"""A subject's plates, random access by frame number, without all of them in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headroom.media.video import read_frames


class Plates:
    """plates[i] is the frame (H, W, 3) uint8 that track frame i was learned from.

    The constructor decodes the movie into a temporary file, from which single frames are read. Close the plates after
    use, or use them as a context manager.
    """

    def __init__(self, movie: Path, width: int, height: int):
        """Decode `movie`.

        width, height: size of the clip. The movie may have one row or column more, because H.264 needs even sizes.
        """
        self.shape = (height, width, 3)
        self._count = 0
        with ExitStack() as stack:
            self._file = stack.enter_context(tempfile.TemporaryFile())
            for frame in read_frames(Path(movie)):
                self._file.write(np.ascontiguousarray(frame[:height, :width]).data)
                self._count += 1
            self._file.flush()
            stack.pop_all()

    def __enter__(self) -> Plates:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the temporary file."""
        self._file.close()

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> np.ndarray:
        """Return plate `index`; any thread may call this.

        Each call maps its own frame, because the pages of one map for all would pile up in memory.
        """
        return np.array(self._mapped(index))

    def area(self, index: int, rows: slice, columns: slice) -> np.ndarray:
        """Return some rows and columns (h, w, 3) of plate `index`, and read no others; any thread may call this."""
        return np.array(self._mapped(index)[rows, columns])

    def _mapped(self, index: int) -> np.ndarray:
        """Return a map of plate `index`."""
        number = range(self._count)[index]
        return np.memmap(self._file, np.uint8, "r", number * int(np.prod(self.shape)), self.shape)


Frames = Sequence[NDArray[np.uint8]] | Plates
"""Pictures (H, W, 3) by number."""
