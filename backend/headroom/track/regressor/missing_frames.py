"""Frames in which the landmark network found no face, read by the regressor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headroom.face.model import FaceModel
from headroom.face.topology import eye_distance
from headroom.track.landmarks.detect import Landmarks
from headroom.track.regressor.crop import Deep3DCrop
from headroom.track.regressor.estimate import FaceRegressor, five_points

_LOOKS = ((0.0, 0.0, 1.0), (0.025, 0.01, 1.05), (-0.025, 0.02, 0.95), (0.0, -0.03, 1.0))
"""Windows looked through: shift across and down in sides, and size. A face that is seen stays where it is in all."""
_DOUBT = 130.0
"""Doubt per eye distance that the looks differ by; it leaves hidden faces to the motion around them."""


def fill_missing_frames(
    frames: Sequence[np.ndarray], landmarks: Landmarks, model: FaceModel, regressor: FaceRegressor
) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks (T, 478, 3) with the regressor's where none were found, and how many times less exact each frame's are
    than the landmark network's (T,): 1 where that found the face.

    The window is where the face was before and after: a face detector fails on the frames on which the mesh does.
    """
    points, noise_scale = landmarks.points.copy(), np.ones(len(frames))
    known = np.flatnonzero(landmarks.found)
    five = five_points(landmarks.points[known]).reshape(len(known), -1)
    eyes = float(np.median(eye_distance(landmarks.points[known, :, :2])))
    for frame in np.flatnonzero(~landmarks.found):
        around = np.array([np.interp(frame, known, column) for column in five.T]).reshape(-1, 2)
        seen = _looks(frames[frame], Deep3DCrop.around(around), model, regressor)
        points[frame] = seen.mean(0)
        apart = np.nanmean(np.linalg.norm((seen - points[frame])[..., :2], axis=2))
        noise_scale[frame] = 1 + _DOUBT * apart / eyes
    return points, noise_scale


def _looks(picture: np.ndarray, crop: Deep3DCrop, model: FaceModel, regressor: FaceRegressor) -> np.ndarray:
    """(K, 478, 3) landmarks as read through windows moved a little."""
    windows = (
        Deep3DCrop(crop.x + (x + (1 - scale) / 2) * crop.size, crop.y + (y + (1 - scale) / 2) * crop.size,
                   scale * crop.size)
        for x, y, scale in _LOOKS
    )
    return np.stack([regressor.read(picture, window).landmarks(model) for window in windows])
