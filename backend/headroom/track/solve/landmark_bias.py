"""The landmark network's bias for one person: a shift of each landmark, linear in the head's rotation."""

from __future__ import annotations

import numpy as np

from headroom.face.camera import pose_vertices
from headroom.face.model import FaceModel
from headroom.track.solve.fit import Fit
from headroom.track.solve.tracker_input import TrackerInput

_ROTATION_PRIOR = 0.005
"""Ridge on the dependence on rotation, squared radians: key frames must differ by more to determine it."""


def remove_landmark_bias(
    model: FaceModel, clip: TrackerInput, fit: Fit, key_frames: np.ndarray, key_fit: Fit
) -> np.ndarray:
    """Return the clip's landmarks (T, 478, 3) without the network's bias for this person.

    fit: to the landmarks of all frames; only its poses are used.
    key_frames: (K,) frames that were also fitted to their pictures; key_fit: that fit.
    """
    ids, points = model.landmark_ids, clip.points
    per_mm = _pixels_per_mm(fit)
    shifts = points[key_frames][:, ids, :2] - project_landmarks(model, key_fit)
    shifts_mm = np.linalg.solve(per_mm[key_frames, None], shifts[..., None])[..., 0]
    rotations = fit.rotation[:, :2] - fit.rotation[key_frames, :2].mean(0)
    design = np.concatenate([np.ones((len(key_frames), 1)), rotations[key_frames]], axis=1)
    prior = np.diag([0, _ROTATION_PRIOR, _ROTATION_PRIOR]) * len(key_frames)
    coefficients = np.linalg.solve(design.T @ design + prior, design.T @ shifts_mm.reshape(len(key_frames), -1))
    bias_mm = np.concatenate([np.ones((len(points), 1)), rotations], axis=1) @ coefficients
    bias = (per_mm[:, None] @ bias_mm.reshape(len(points), -1, 2, 1))[..., 0]
    result = points.copy()
    result[:, ids, :2] -= bias
    return result


def project_landmarks(model: FaceModel, fit: Fit) -> np.ndarray:
    """Return the pixels (T, L, 2) of the model's landmarks."""
    at = model.landmark_vertices
    shape = model.mean[at] + model.identity_basis[at] @ fit.identity
    shape = shape + np.tensordot(fit.expression, model.expression_basis[at], axes=(1, 2))
    return fit.camera.project(pose_vertices(shape, fit.rotation, fit.translation))


def _pixels_per_mm(fit: Fit) -> np.ndarray:
    """Return matrices (T, 2, 2) from millimetres across an upright face to pixels."""
    scale, roll = fit.camera.focal_px / -fit.translation[:, 2], fit.rotation[:, 2]
    cos, sin = scale * np.cos(roll), scale * np.sin(roll)
    return np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], -2)
