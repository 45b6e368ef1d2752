"""Resampling of maps over pictures."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

V = TypeVar("V", np.float32, np.uint8)


def resampled(
    plane: NDArray[V], start: tuple[float, float], step: tuple[float, float], size: tuple[int, int],
    border: int = cv2.BORDER_CONSTANT,
) -> NDArray[V]:
    """Return a map (h, w) at pixels (H, W) that lie over it, linearly interpolated.

    start: column and row of the pixels' top left corner, cells of the map; (0, 0) is the map's own corner.
    step: cells per pixel, across and down. size: W and H. border: one of OpenCV's, for pixels beside the map.
    """
    offsets = [first + each / 2 - 0.5 for first, each in zip(start, step)]
    transform = np.array([[step[0], 0, offsets[0]], [0, step[1], offsets[1]]])
    sampled = cv2.warpAffine(plane, transform, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=border)
    return np.asarray(sampled, plane.dtype)
