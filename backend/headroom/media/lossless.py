"""Frames of a part of a movie, stored without loss until the parts are joined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import cast

import av
import numpy as np

from headroom.common.errors import InputError
from headroom.common.files import atomic_write

CODEC, CONTAINER = "ffv1", "matroska"
PIXELS = {3: "bgr0", 4: "bgra"}
ARRAYS = {3: "rgb24", 4: "rgba"}


class LosslessWriter:
    """Writes frames of one size; use it as a context manager. The file appears when the block succeeds."""

    def __init__(self, path: Path):
        """Nothing is written before the block starts; the first frame decides size and channels."""
        self.path = path
        self.frames = 0
        self._stack = ExitStack()
        self._stream: av.VideoStream | None = None

    def __enter__(self) -> LosslessWriter:
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_write(self.path))
            self._container = stack.enter_context(av.open(str(temporary), "w", format=CONTAINER))
            self._stack = stack.pop_all()
        return self

    def write(self, frame: np.ndarray) -> None:
        """Append one frame (H, W, 3) uint8 RGB or (H, W, 4) RGBA."""
        channels = frame.shape[2]
        if self._stream is None:
            self._stream = cast(av.VideoStream, self._container.add_stream(CODEC, rate=Fraction(25)))
            self._stream.height, self._stream.width = frame.shape[:2]
            self._stream.pix_fmt = PIXELS[channels]
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format=ARRAYS[channels])
        self._container.mux(self._stream.encode(picture))
        self.frames += 1

    def write_all(self, frames: Iterable[np.ndarray]) -> None:
        """Append frames."""
        for frame in frames:
            self.write(frame)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if error is None and self._stream is not None:
            self._container.mux(self._stream.encode(None))
        self._stack.__exit__(kind, error, trace)


def read_lossless(path: Path) -> Iterator[np.ndarray]:
    """Yield the frames that `LosslessWriter` wrote, as they were given; raises InputError when the file is damaged."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            layout = next((ARRAYS[count] for count, name in PIXELS.items() if name == stream.pix_fmt), "")
            for frame in container.decode(stream):
                yield frame.to_ndarray(format=layout)
    except (av.FFmpegError, OSError, IndexError, ValueError) as error:
        raise InputError(f"The chunk {path.name} is damaged; render the shot again.") from error


def joined_frames(parts: Sequence[Path], count: int) -> Iterator[np.ndarray]:
    """Yield the frames of all parts in their order; raises InputError when there are not `count` of them."""
    found = 0
    for part in parts:
        for frame in read_lossless(part):
            found += 1
            yield frame
    if found != count:
        raise InputError(f"The chunks have {found} of {count} frames; render the shot again.")
