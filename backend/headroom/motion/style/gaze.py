"""Where the eyes look: where they looked in the moment of the clip that the head is from.

Sound does not tell it. But eyes hold on to what they look at while the head turns, so that they turn against it: where
the head goes another way than in the clip, the eyes make up for the difference.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter

from headroom.face.model import GAZE_DEGREES

_FIXATION = 5
"""Frames over which the gaze is steadied: eyes rest and leap, and trackers flutter."""
_BEYOND = 0.5
"""Units that the eyes may go beyond where they were in the clip."""


def hold_gaze(gaze: np.ndarray, clip_pose: np.ndarray, frames: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """Gaze (T, 2) left and up for a pose (T, 6), with frames (T,) of the clip, whose gaze is (N, 2) and pose (N, 6)."""
    pitch, yaw = np.degrees(pose[:, :2] - clip_pose[frames, :2]).T / GAZE_DEGREES
    gaze = median_filter(gaze, (_FIXATION, 1), mode="nearest")
    wanted = gaze[frames] + np.stack([-yaw, pitch], 1)
    return np.clip(wanted, gaze.min(0) - _BEYOND, gaze.max(0) + _BEYOND).astype(np.float32)
