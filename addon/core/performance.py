"""Expression and pose over time: what speech predicts and the animator edits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import UNREADABLE, InputError


@dataclass(frozen=True)
class Performance:
    """Motion of one face at a constant rate; sample i is at i / fps seconds.

    expression: (T, 64) float32, model coefficients.
    rotation: (T, 3) float32, pitch, yaw, roll in radians.
    translation: (T, 3) float32, millimetres, camera axes.
    """

    fps: float
    expression: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray

    def __len__(self) -> int:
        return len(self.expression)

    @staticmethod
    def load(path: Path) -> "Performance":
        try:
            with np.load(path, allow_pickle=False) as data:
                return Performance(float(data["fps"]), *(np.asarray(data[name], dtype=np.float32)
                                                         for name in ("expression", "rotation", "translation")))
        except UNREADABLE as error:
            raise InputError(f"{path} is not a performance. Choose a file that Perform wrote.") from error
