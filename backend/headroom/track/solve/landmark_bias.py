"""The landmark network's habit with one person: how it shifts each landmark, and how that changes as the head turns."""

from __future__ import annotations

import numpy as np

from headroom.face.camera import pose_vertices
from headroom.face.model import FaceModel
from headroom.track.solve.fit import Fit

_TURN_PRIOR = 0.005
"""Squared radians that a few turned frames must be spread over before the turn is believed."""


def remove_landmark_bias(model: FaceModel, points: np.ndarray, fit: Fit, frames: np.ndarray, truth: Fit) -> np.ndarray:
    """Landmarks (T, 478, 3) of a clip without the network's habit with this person.

    fit: all frames as the landmarks have them, of which only the poses count; truth: `frames` (K,) as the pictures have
    them.
    """
    ids = model.landmark_ids
    across = _across(fit)
    shifts = points[frames][:, ids, :2] - project_landmarks(model, truth)
    upright = np.linalg.solve(across[frames, None], shifts[..., None])[..., 0]
    turns = fit.rotation[:, :2] - fit.rotation[frames, :2].mean(0)
    known = np.concatenate([np.ones((len(frames), 1)), turns[frames]], axis=1)
    prior = np.diag([0, _TURN_PRIOR, _TURN_PRIOR]) * len(frames)
    landmark_bias = np.linalg.solve(known.T @ known + prior, known.T @ upright.reshape(len(frames), -1))
    everywhere = np.concatenate([np.ones((len(points), 1)), turns], axis=1) @ landmark_bias
    moved = (across[:, None] @ everywhere.reshape(len(points), -1, 2, 1))[..., 0]
    result = points.copy()
    result[:, ids, :2] -= moved
    return result


def project_landmarks(model: FaceModel, fit: Fit) -> np.ndarray:
    """(T, L, 2) the model's landmarks in the picture."""
    at = model.landmark_vertices
    shape = model.mean[at] + model.identity_basis[at] @ fit.identity
    shape = shape + np.tensordot(fit.expression, model.expression_basis[at], axes=(1, 2))
    return fit.camera.project(pose_vertices(shape, fit.rotation, fit.translation))


def _across(fit: Fit) -> np.ndarray:
    """(T, 2, 2) pixels per millimetre across an upright face."""
    scale, roll = fit.camera.focal_px / -fit.translation[:, 2], fit.rotation[:, 2]
    cos, sin = scale * np.cos(roll), scale * np.sin(roll)
    return np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], -2)
