"""The performance: expression and head pose over time, as `perform` writes them to `performance.npz`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import UNREADABLE, InputError
from .messages import message
from .phones import Phone, read_phones


@dataclass(frozen=True)
class Performance:
    """Motion of one face at a constant rate; sample i is at i / fps seconds.

    expression: (T, 64) float32, coefficients of the face model.
    rotation: (T, 3) float32, pitch, yaw, roll in radians.
    translation: (T, 3) float32, millimetres, camera axes.
    phones: those of the speech that it was predicted from; none in files of older versions.
    """

    fps: float
    expression: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    phones: tuple[Phone, ...] = ()

    def __len__(self) -> int:
        return len(self.expression)

    @staticmethod
    def load(path: Path) -> Performance:
        """Read a performance.npz; raises InputError for any other file."""
        try:
            with np.load(path, allow_pickle=False) as data:
                expression, rotation, translation = (np.asarray(data[name], dtype=np.float32)
                                                     for name in ("expression", "rotation", "translation"))
                return Performance(float(data["fps"]), expression, rotation, translation, read_phones(data))
        except UNREADABLE as error:
            raise InputError(
                message("{path} is not a performance. Choose a file that Perform wrote.", path=path)) from error
