"""Where the head lies beyond the face model, as a correction of a guessed surface; maps over the model's x and y."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

CELL_MM = 4.0
"""Distance of two cells of a map over the model's x and y."""


@dataclass(frozen=True)
class HeadDepth:
    """What to add to the height of `headroom.plate.head_surface.HeadSurface`, measured in a person's clip.

    offset: (h, w) float32, millimetres along z over the model's x and y, `CELL_MM` apart, row 0 lowest.
    origin: (2,) float32, x and y of the first cell, millimetres.
    """

    offset: NDArray[np.float32]
    origin: NDArray[np.float32]

    def at(self, x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the offset (H, W), millimetres, at x and y (H, W), millimetres; beyond the map its nearest one."""
        return sample_map(self.offset, self.origin, x, y)


def sample_map(
    plane: NDArray[np.float32], origin: Iterable[float], x: NDArray[np.floating], y: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Return a map (h, w) over the model's x and y, linearly interpolated, at x and y (H, W), millimetres.

    origin: x and y of the first cell. Beyond the map its nearest value goes on.
    """
    columns, rows = (((mm - np.float32(first)) / np.float32(CELL_MM)).astype(np.float32, copy=False)
                     for mm, first in zip((x, y), origin))
    values = cv2.remap(plane, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(values, np.float32)
