"""Expression and pose over time: what speech predicts and the animator edits."""

from __future__ import annotations

import os
import uuid
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

    @property
    def seconds(self) -> float:
        return len(self) / self.fps

    def save(self, path: Path) -> None:
        """Write `performance.npz` under a temporary name, then rename it."""
        path = Path(path)
        temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}.npz")
        try:
            np.savez(temporary, fps=np.float64(self.fps), expression=self.expression, rotation=self.rotation,
                     translation=self.translation)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    @staticmethod
    def load(path: Path) -> "Performance":
        try:
            with np.load(path, allow_pickle=False) as data:
                return Performance(float(data["fps"]), *(np.asarray(data[name], dtype=np.float32)
                                                         for name in ("expression", "rotation", "translation")))
        except UNREADABLE as error:
            raise InputError(f"{path} is not a performance. Choose a file that Perform wrote.") from error
