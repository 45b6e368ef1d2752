"""From a decoded frame to the picture that a player shows."""

from __future__ import annotations

import av
import numpy as np

from headroom.media.colour import rgb_of, wide_colours
from headroom.media.display import Orientation, fitted, scaled, square_size


class PictureConverter:
    """Makes pictures of a stream's frames: upright, of square pixels, BT.709 SDR, all of the size of the first.

    size: width and height of the pictures, pixels.
    changes: what is changed, each as a part of a sentence.
    """

    def __init__(self, stream: av.VideoStream, first: av.VideoFrame):
        """Take the stream's first frame, which decides the size."""
        aspect = stream.sample_aspect_ratio
        self._pixel_aspect = float(aspect) if aspect else 1.0
        self.size = self._shown_size(first)
        self.changes = tuple(self._changes(first))

    def picture(self, frame: av.VideoFrame) -> np.ndarray:
        """Return a frame as (H, W, 3) uint8 RGB."""
        stored = scaled(rgb_of(frame), square_size(frame.width, frame.height, self._pixel_aspect))
        return fitted(Orientation.of(frame).apply(stored), self.size)

    def _shown_size(self, frame: av.VideoFrame) -> tuple[int, int]:
        width, height = square_size(frame.width, frame.height, self._pixel_aspect)
        return (height, width) if Orientation.of(frame).exchanged else (width, height)

    def _changes(self, frame: av.VideoFrame) -> list[str]:
        changes, stored = [], (frame.width, frame.height)
        if Orientation.of(frame).mirrored:
            changes.append("its pictures were mirrored, as players show them")
        square = square_size(*stored, self._pixel_aspect)
        if square != stored:
            changes.append(f"its pixels are not square, so {stored[0]} x {stored[1]} became {square[0]} x {square[1]}")
        if frame.interlaced_frame:
            changes.append("its pictures were deinterlaced")
        colours = wide_colours(frame)
        if colours:
            changes.append(f"its {colours} colours became those of SDR video (BT.709)")
        return changes
