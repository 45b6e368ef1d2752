"""How a picture is meant to be shown: turned, mirrored, and with which shape of pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import cv2
import numpy as np

MAX_PIXEL_ASPECT = 4.0  # a more oblong pixel comes from a damaged header
SQUARE = 0.01  # relative difference up to which pixels count as square
SAME_SHAPE = 0.02  # relative difference of width by height up to which a picture is scaled without bars


@dataclass(frozen=True)
class Orientation:
    """How a stored picture is turned for display: rows and columns are exchanged first, then each may be reversed."""

    exchanged: bool = False
    columns_reversed: bool = False
    rows_reversed: bool = False

    @staticmethod
    def of(frame: av.VideoFrame) -> Orientation:
        """Return the nearest orientation to a frame's display matrix.

        The matrix [a b; c d] takes a stored point (x, y) to (a x + c y, b x + d y), y downwards. The angle alone, as
        most tools read it, loses a mirror image.
        """
        data: Any = frame.side_data.get("DISPLAYMATRIX")
        if data is None:
            return Orientation()
        a, b, _, c, d = (int(value) for value in np.frombuffer(bytes(data), "<i4")[:5])
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return Orientation(False, a < 0, d < 0)
        return Orientation(True, c < 0, b < 0)

    @property
    def mirrored(self) -> bool:
        """Whether left and right are exchanged, which no turn does."""
        return (self.exchanged + self.columns_reversed + self.rows_reversed) % 2 == 1

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """Return a stored picture (H, W, C) as it is shown."""
        turned = picture.transpose(1, 0, 2) if self.exchanged else picture
        turned = turned[:, ::-1] if self.columns_reversed else turned
        return np.ascontiguousarray(turned[::-1] if self.rows_reversed else turned)


def square_size(width: int, height: int, pixel_aspect: float) -> tuple[int, int]:
    """Return width and height of a picture with square pixels; one of them grows, so that no detail is lost.

    pixel_aspect: width of a pixel divided by its height.
    """
    if not 1 / MAX_PIXEL_ASPECT <= pixel_aspect <= MAX_PIXEL_ASPECT or abs(pixel_aspect - 1) < SQUARE:
        return width, height
    if pixel_aspect > 1:
        return 2 * round(width * pixel_aspect / 2), height
    return width, 2 * round(height / pixel_aspect / 2)


def scaled(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a picture (H, W, 3) at another width and height, whatever that does to its shape."""
    height, width = picture.shape[:2]
    if (width, height) == size:
        return picture
    smaller = size[0] * size[1] < width * height
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)


def fitted(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a picture (H, W, 3) at another width and height, with black bars where its shape is another."""
    height, width = picture.shape[:2]
    scale = min(size[0] / width, size[1] / height)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    if abs(width * size[1] / (height * size[0]) - 1) < SAME_SHAPE:
        return scaled(picture, size)
    result = np.zeros((size[1], size[0], 3), np.uint8)
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    result[top:top + inner[1], left:left + inner[0]] = scaled(picture, inner)
    return result
