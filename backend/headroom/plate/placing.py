"""Where the frame of another clip lies in the shot's frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.face.camera import Crop


@dataclass(frozen=True)
class Placement:
    """Where the frame of another clip lies in the shot's frame.

    scale: pixels of the shot's frame per pixel of the other one.
    x, y: pixel of the shot's frame at the other frame's top left corner.
    """

    scale: float = 1.0
    x: float = 0.0
    y: float = 0.0

    def placed(self, picture: NDArray, width: int, height: int) -> NDArray:
        """Return a picture (h, w, ...) in the shot's frame (height, width, ...), 0 where it does not reach."""
        scale_x = scale_y = self.scale
        if self.scale < 1:  # averaging: bilinear samples of a larger picture would flicker
            size = tuple(max(round(side * self.scale), 1) for side in picture.shape[1::-1])
            scale_x, scale_y = (self.scale * side / new for side, new in zip(picture.shape[1::-1], size))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        matrix = np.array([  # OpenCV counts from the centres of pixels
            [scale_x, 0, self.x + scale_x * 0.5 - 0.5], [0, scale_y, self.y + scale_y * 0.5 - 0.5]], np.float64)
        return np.asarray(cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR))

    def crop(self, crop: Crop) -> Crop:
        """Return a crop of the other frame in the shot's frame."""
        return Crop(round(self.x + self.scale * crop.x), round(self.y + self.scale * crop.y),
                    max(round(self.scale * crop.size), 1))
