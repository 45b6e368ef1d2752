"""Gaze: replayed from the frames of the clip that the head pose comes from, because speech does not determine it.

Eyes fixate a point while the head turns, so they counter-rotate. Where the predicted pose differs from the clip's, the
gaze compensates for the difference.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter

from headroom.face.model import GAZE_DEGREES

_MEDIAN_FRAMES = 5
"""Length of the median filter on the clip's gaze: it removes the tracker's jitter and leaves saccades sharp."""
_MARGIN = 0.5
"""Units by which the gaze may leave the range that it has in the clip."""


def compensated_gaze(
    gaze: np.ndarray, clip_pose: np.ndarray, source_frames: np.ndarray, pose: np.ndarray
) -> np.ndarray:
    """Return the gaze (T, 2) float32, left and up, that fixates the same points as in the clip.

    gaze, clip_pose: (N, 2) and (N, 6) of the clip.
    source_frames: (T,) the frame of the clip that each frame's pose comes from.
    pose: (T, 6) of the performance.
    """
    pitch, yaw = np.degrees(pose[:, :2] - clip_pose[source_frames, :2]).T / GAZE_DEGREES
    gaze = median_filter(gaze, (_MEDIAN_FRAMES, 1), mode="nearest")
    compensated = gaze[source_frames] + np.stack([-yaw, pitch], 1)
    return within_range(compensated, gaze)


def within_range(wanted: np.ndarray, gaze: np.ndarray, margin: float = _MARGIN) -> np.ndarray:
    """Return gaze (T, 2) float32 that leaves the range of the clip's (N, 2) by a margin at most."""
    return np.clip(wanted, gaze.min(0) - margin, gaze.max(0) + margin).astype(np.float32)
