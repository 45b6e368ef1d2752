"""Refined crops that are kept, so that no frame is ever painted twice."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headroom.common.errors import InputError
from headroom.media.image import read_picture, write_picture

RefinedCrop = tuple[NDArray[np.uint8], NDArray[np.float32]]
"""The refined picture (R, R, 3) and the mask (R, R), 0..1, of where it is shown."""


class CropCache:
    """A folder of refined crops, each a PNG under a key that stands for all it was made from; its alpha is the mask.

    Several processes may share it: a crop appears whole or not at all. A crop that is used counts as used today.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)

    def __contains__(self, key: str) -> bool:
        return self._path(key).is_file()

    def load(self, key: str) -> RefinedCrop | None:
        """The crop, or None when it is not here or cannot be read."""
        path = self._path(key)
        try:
            os.utime(path)
            return _parts(read_picture(path, alpha=True))
        except (OSError, InputError):
            return None

    def save(self, key: str, crop: RefinedCrop) -> RefinedCrop:
        """Keep a crop; returns it as `load` will give it, its mask in steps of 1/255."""
        picture, mask = crop
        kept = np.dstack([picture, (mask * 255 + 0.5).astype(np.uint8)])
        write_picture(self._path(key), kept)
        return _parts(kept)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.png"


def _parts(kept: NDArray[np.uint8]) -> RefinedCrop:
    return np.ascontiguousarray(kept[..., :3]), kept[..., 3].astype(np.float32) / 255
