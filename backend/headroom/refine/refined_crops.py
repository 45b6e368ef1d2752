"""The cache of refined crops, so that no frame is refined twice."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.common.errors import InputError
from headroom.media.image import read_picture, write_picture

ENLARGING_READS = 2
"""Pixels beside the mask that a crop's colours are read from when it is enlarged to the frame."""

RefinedCrop = tuple[NDArray[np.uint8], NDArray[np.float32]]
"""A refined picture (R, R, 3) and its mask (R, R), 0..1: the alpha with which it is composited over the plate.

Away from the mask, the picture is not defined: it is not painted there.
"""


class CropCache:
    """A folder of refined crops, each a PNG named by a digest of everything it depends on; its alpha is the mask.

    Several processes may use the folder at the same time, because a crop is written atomically. Loading a crop renews
    its modification time, by which unused ones are removed.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)

    def __contains__(self, digest: str) -> bool:
        return self._path(digest).is_file()

    def load(self, digest: str) -> RefinedCrop | None:
        """Return the crop, or None when it is missing or damaged."""
        path = self._path(digest)
        try:
            os.utime(path)
            return _split(read_picture(path, alpha=True))
        except (OSError, InputError):
            return None

    def save(self, digest: str, crop: RefinedCrop) -> RefinedCrop:
        """Store a crop; return it as `load` will, with the mask in steps of 1/255."""
        picture, mask = crop
        stored = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA), np.uint8)
        stored[..., 3] = mask * 255 + 0.5
        # Black beside the mask takes half the time and space.
        side = 2 * ENLARGING_READS + 1
        near = cv2.dilate(stored[..., 3], np.ones((side, side), np.uint8))
        stored = np.asarray(cv2.copyTo(stored, near), np.uint8)
        write_picture(self._path(digest), stored)
        return _split(stored)

    def _path(self, digest: str) -> Path:
        """Return where the crop is stored."""
        return self.folder / f"{digest}.png"


def _split(stored: NDArray[np.uint8]) -> RefinedCrop:
    """Return picture and mask of a stored crop (R, R, 4)."""
    picture = np.asarray(cv2.cvtColor(stored, cv2.COLOR_RGBA2RGB), np.uint8)
    return picture, np.asarray(np.divide(stored[..., 3], np.float32(255)), np.float32)
