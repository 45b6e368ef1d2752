"""Landmarks of frames in which the landmark network found no face, predicted by the regressor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headroom.face.model import FaceModel
from headroom.face.topology import eye_distance
from headroom.track.regressor.crop import RegressorCrop
from headroom.track.regressor.estimate import FaceRegressor, five_points
from headroom.track.solve.tracker_input import TrackerInput

_CROP_VARIATIONS = ((0.0, 0.0, 1.0), (0.025, 0.01, 1.05), (-0.025, 0.02, 0.95), (0.0, -0.03, 1.0))
"""Shifts across and down, in sides of the crop, and scales of the crops that predictions are made from. A visible face
keeps its position in all of them.
"""
_NOISE_PER_DISAGREEMENT = 130.0
"""Noise scale per eye distance by which the predictions differ; it leaves hidden faces to the motion around them."""


def fill_missing_frames(clip: TrackerInput, model: FaceModel, regressor: FaceRegressor) -> TrackerInput:
    """Return the clip with predicted landmarks where there were none, and with the noise scale of every frame.

    The noise scale is 1 where the landmark network found the face. The crops follow from the frames before and after,
    because a face detector misses the same frames.
    """
    found = np.isfinite(clip.points[:, 0, 0])
    points, noise_scale = clip.points.copy(), np.ones(len(clip))
    known = np.flatnonzero(found)
    five = five_points(clip.points[known]).reshape(len(known), -1)
    eyes = float(np.median(eye_distance(clip.points[known, :, :2])))
    for frame in np.flatnonzero(~found):
        expected = np.array([np.interp(frame, known, column) for column in five.T]).reshape(-1, 2)
        predictions = _predictions(clip.frames[frame], RegressorCrop.around(expected), model, regressor)
        points[frame] = predictions.mean(0)
        disagreement = np.nanmean(np.linalg.norm((predictions - points[frame])[..., :2], axis=2))
        noise_scale[frame] = 1 + _NOISE_PER_DISAGREEMENT * disagreement / eyes
    return replace(clip, points=points, noise_scale=noise_scale)


def _predictions(picture: np.ndarray, crop: RegressorCrop, model: FaceModel, regressor: FaceRegressor) -> np.ndarray:
    """Return landmarks (K, 478, 3) predicted from slightly different crops."""
    crops = (
        RegressorCrop(crop.x + (x + (1 - scale) / 2) * crop.size, crop.y + (y + (1 - scale) / 2) * crop.size,
                      scale * crop.size)
        for x, y, scale in _CROP_VARIATIONS
    )
    return np.stack([regressor.predict(picture, varied).landmarks(model) for varied in crops])
