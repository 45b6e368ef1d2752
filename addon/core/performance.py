"""The performance: expression and head pose over time, as `perform` writes them to `performance.npz`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .errors import UNREADABLE, InputError
from .messages import message
from .phones import Phone, read_phones

CONTROL_COUNT = 52
"""Number of the ARKit shapes."""


@dataclass(frozen=True)
class Performance:
    """Motion of one face at a constant rate; sample i is at i / fps seconds.

    expression: (T, 64) float32, coefficients of the face model.
    rotation: (T, 3) float32, pitch, yaw, roll in radians.
    translation: (T, 3) float32, millimetres, camera axes.
    phones: those of the speech that it was predicted from; none in files of older versions.
    controls: (T, 52) float32, the part of the expression that the controls of the subject's rig make; None in files of
        older versions.
    detail_share: part of the face's motion that the controls do not make, 0..1; 1 without controls.
    """

    fps: float
    expression: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    phones: tuple[Phone, ...] = ()
    controls: np.ndarray | None = None
    detail_share: float = 1.0

    def __len__(self) -> int:
        return len(self.expression)

    def divided(self, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the controls (T, C) and the detail (T, 64) that make the expression together.

        directions: (C, 64) coefficients per unit of each control of the head that is animated; C is 0 for a head of an
            older version.
        """
        if self.controls is None or len(directions) == 0:
            return np.zeros((len(self), len(directions)), dtype=np.float32), self.expression
        return self.controls, self.expression - self.controls @ directions

    @staticmethod
    def load(path: Path) -> Performance:
        """Read a performance.npz; raises InputError for any other file."""
        try:
            with np.load(path, allow_pickle=False) as data:
                expression, rotation, translation = (np.asarray(data[name], dtype=np.float32)
                                                     for name in ("expression", "rotation", "translation"))
                return Performance(float(data["fps"]), expression, rotation, translation, read_phones(data),
                                   *_read_controls(data, len(expression)))
        except UNREADABLE as error:
            raise InputError(
                message("{path} is not a performance. Choose a file that Perform wrote.", path=path)) from error


def _read_controls(stored: Mapping[str, Any], samples: int) -> tuple[np.ndarray | None, float]:
    """Return the controls and the share of the detail in a performance.npz; ValueError where they do not fit."""
    if "controls" not in stored:
        return None, 1.0
    controls = np.asarray(stored["controls"], dtype=np.float32)
    if controls.shape != (samples, CONTROL_COUNT):
        raise ValueError("a performance has 52 controls for each sample")
    return controls, float(stored["detail_share"])
