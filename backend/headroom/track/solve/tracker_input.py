"""The tracker's input: a clip's frames with their landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class TrackerInput:
    """What the solvers fit the face model to.

    frames: T pictures (H, W, 3) uint8 RGB; empty for fits to landmarks alone.
    points: (T, 478, 3) landmarks in pixels; NaN where no face was found.
    fps: frames per second.
    noise_scale: (T,) factor on the landmarks' standard deviation. Frames with a factor above 1 are predictions of the
        regressor: they count for the motion only, not for identity, camera and landmark error. None is 1 everywhere.
    """

    frames: Sequence[np.ndarray]
    points: np.ndarray
    fps: float
    noise_scale: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.points)

    def with_points(self, points: np.ndarray) -> TrackerInput:
        """Return the same clip with other landmarks (T, 478, 3)."""
        return replace(self, points=points)
