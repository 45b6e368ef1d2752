"""What measurements tell about a head's pose, so that a fit can weigh them against others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PoseInformation:
    """Gaussian information about the poses of T frames, as normal equations about a point (an information matrix).

    Rotation (radians) and translation (millimetres) are six columns, as in `Fit.state`.

    pose: (T, 6) the point. normal: (T, 6, 6) JᵀWJ. right: (T, 6) JᵀWr at the point.
    """

    pose: np.ndarray
    normal: np.ndarray
    right: np.ndarray

    @staticmethod
    def none(rotation: np.ndarray, translation: np.ndarray) -> PoseInformation:
        """Return no information about poses, each (T, 3)."""
        pose = np.concatenate([rotation, translation], axis=1).astype(np.float64)
        return PoseInformation(pose, np.zeros((*pose.shape, 6)), np.zeros_like(pose))
