"""Where the head's surface beyond the face model lies, as a correction of a guessed one."""

from __future__ import annotations

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
        columns, rows = (((mm - first) / CELL_MM).astype(np.float32) for mm, first in zip((x, y), self.origin))
        sampled = cv2.remap(self.offset, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(sampled, np.float32)
