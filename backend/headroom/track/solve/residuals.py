"""Landmark residuals of a fit, and their derivatives by its coefficients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headroom.face import topology as top
from headroom.face.camera import projection_derivative, rotation_and_derivatives
from headroom.face.model import FaceModel
from headroom.track.solve.fit import Fit

_BAD_FRAME = 4.0
"""A frame whose median squared error, in squares of three standard deviations, exceeds this has useless landmarks."""
_CORRELATED = 0.2
"""Factor on the weights, because neighbouring landmarks err together: forty inform about as much as eight."""

_IRIS_NOISE, _IRIS_IMPORTANCE = 0.01, 12.0
"""Largest standard deviation, in eye distances, and weight of an iris. A network of its own finds the irises, so they
stay exact where other landmarks get larger deviations. They are compared with the corners of their eye and determine
the gaze only.
"""


@dataclass(frozen=True)
class Linearization:
    """Landmark residuals of n frames and their derivatives.

    residual, weights: (n, 2L) pixels.
    motion: (n, 2L, E + 6) derivatives of the projected landmarks by every frame's state.
    positions: (n, L, 3) mm, camera axes.
    by_camera, by_point: (n, L, 2, 3) pixels per mm along camera and model axes.
    """

    residual: np.ndarray
    weights: np.ndarray
    motion: np.ndarray
    positions: np.ndarray
    by_camera: np.ndarray
    by_point: np.ndarray


class Residuals:
    """One clip's landmarks against one face model.

    seen: (T,) bool, frames with landmarks. predicted: (T,) bool, frames whose landmarks the regressor predicted.
    visibility: (T, L) 0..1 of the landmarks; an iris behind closed lids is not visible.
    eye_distance: pixels, the clip's median.
    """

    def __init__(self, model: FaceModel, points: np.ndarray, noise: float, noise_scale: np.ndarray | None = None):
        """Prepare the problem.

        points: (T, 478, 3) landmarks.
        noise: standard deviation of a landmark, eye distances.
        noise_scale: (T,) factor on it, see `TrackerInput`.
        """
        vertices = model.landmark_vertices
        self.mean = model.mean[vertices].astype(np.float64)
        self.identity_basis = model.identity_basis[vertices].astype(np.float64)
        self.expression_basis = model.expression_basis[vertices].astype(np.float64)
        self.target = points[:, model.landmark_ids].astype(np.float64)
        self.seen = np.isfinite(self.target[:, 0, 0])
        self.eye_distance = float(np.nanmedian(top.eye_distance(points)))
        self.importance = landmark_weights(model.landmark_ids)
        self.noise_scale = np.ones(len(points)) if noise_scale is None else noise_scale
        self.predicted = self.noise_scale > 1
        self.visibility = np.ones((len(points), len(vertices)))
        self.gaze_modes = model.gaze_modes
        self.irises = _irises(model.landmark_ids) if self.gaze_modes else []
        self.noise_px = np.full(len(vertices), noise * self.eye_distance)
        for (iris, _), (upper, lower) in zip(self.irises, top.EYE_LIDS):
            self.noise_px[iris] = min(noise, _IRIS_NOISE) * self.eye_distance
            self.importance[iris] = _IRIS_IMPORTANCE
            self.visibility[:, iris] = _iris_visibility(points[:, upper], points[:, lower])

    def errors(self, fit: Fit) -> np.ndarray:
        """Return landmark errors (T, L) in eye distances; NaN in frames without a face and predicted ones."""
        away = np.linalg.norm(self.target[..., :2] - fit.camera.project(self._posed(fit, slice(None))[1]), axis=2)
        away[self.predicted] = np.nan
        return away / self.eye_distance

    def linearised(self, fit: Fit, frames: slice) -> Linearization:
        """Return residuals and derivatives of some frames at a fit."""
        shape, positions, rotation, derivatives = self._posed(fit, frames)
        residual = self.target[frames][..., :2] - fit.camera.project(positions)
        missing = ~self.seen[frames]
        residual[missing] = 0
        for iris, corners in self.irises:
            residual[:, iris] -= residual[:, corners].mean(1)
        by_camera = projection_derivative(fit.camera.focal_px, positions)
        by_point = by_camera @ rotation[:, None]
        by_rotation = np.stack([(by_camera @ (shape @ np.swapaxes(d, 1, 2))[..., None])[..., 0]
                                for d in np.moveaxis(derivatives, 1, 0)], -1)
        by_expression = chain(by_point, self.expression_basis)
        count, landmarks = residual.shape[:2]
        motion = np.concatenate([by_expression, by_rotation, by_camera], axis=3)
        for iris, _ in self.irises:
            motion[:, iris] *= np.isin(np.arange(motion.shape[3]), self.gaze_modes)
        weights = self._weights(residual, missing) * self.visibility[frames] / self.noise_scale[frames, None] ** 2
        return Linearization(
            residual=residual.reshape(count, -1),
            weights=np.repeat(weights, 2, 1),
            motion=motion.reshape(count, landmarks * 2, -1),
            positions=positions,
            by_camera=by_camera,
            by_point=by_point,
        )

    def by_shared(self, fit: Fit, frames: slice, linear: Linearization) -> np.ndarray:
        """Return derivatives (n, 2L, I + 1) by the identity and the logarithm of the focal length.

        The head's depth changes in proportion to the focal length, so that only the perspective changes. All of the
        frames have a face.
        """
        camera, depth = fit.camera, fit.translation[frames, None, 2:3]
        from_middle = camera.project(linear.positions) - [camera.width / 2, camera.height / 2]
        by_focal = from_middle + linear.by_camera[..., 2] * depth
        by_identity = chain(linear.by_point, self.identity_basis)
        count, landmarks = from_middle.shape[:2]
        by_both = np.concatenate([by_identity, by_focal[..., None]], axis=3)
        by_both[:, [iris for iris, _ in self.irises]] = 0
        return by_both.reshape(count, landmarks * 2, -1)

    def _posed(self, fit: Fit, frames: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return landmarks (n, L, 3) in model and in camera axes, rotations (n, 3, 3) and derivatives (n, 3, 3, 3)."""
        shape = self.mean + self.identity_basis @ fit.identity
        shape = shape + np.tensordot(fit.expression[frames], self.expression_basis, axes=(1, 2))
        rotation, derivatives = rotation_and_derivatives(fit.rotation[frames])
        return shape, shape @ np.swapaxes(rotation, 1, 2) + fit.translation[frames][:, None], rotation, derivatives

    def _weights(self, residual: np.ndarray, missing: np.ndarray) -> np.ndarray:
        """Return robust weights (n, L): low for landmarks far beyond the noise, and for frames that have many of them.

        residual: (n, L, 2) pixels. missing: (n,) bool, frames without a face.
        """
        away = (residual**2).sum(2) / (3 * self.noise_px) ** 2
        frame_weight = 1 / (1 + (np.median(away, axis=1, keepdims=True) / _BAD_FRAME) ** 2)
        weights = self.importance / self.noise_px**2 / (1 + away) * frame_weight
        weights[missing] = 0
        return _CORRELATED * weights


def landmark_weights(ids: np.ndarray) -> np.ndarray:
    """Return weights (L,) of landmarks: high for lips and lids, low for the outline, which slides over the cheek."""
    from mediapipe.python.solutions import face_mesh_connections as connections

    weights = np.ones(top.MESH_POINTS + 10)
    weights[top.points_of(connections.FACEMESH_FACE_OVAL)] = 0.3
    weights[top.points_of(connections.FACEMESH_LIPS)] = 2.0
    weights[top.inner_lips()] = 4.0
    weights[top.points_of(connections.FACEMESH_LEFT_EYE | connections.FACEMESH_RIGHT_EYE)] = 12.0
    return weights[ids]


def chain(by_point: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Return derivatives (n, L, 2, C) by coefficients, from those by points (n, L, 2, 3) and a basis (L, 3, C)."""
    # written out, because matmul of many small matrices takes four times as long
    return sum(by_point[..., axis, None] * basis[:, None, axis] for axis in range(3))


def _irises(ids: np.ndarray) -> list[tuple[int, list[int]]]:
    """Return the index of each iris among landmarks (L,), and the indices of its eye's corners."""
    index = {int(landmark): i for i, landmark in enumerate(ids)}
    return [(index[iris], [index[corner] for corner in corners])
            for iris, corners in zip((top.RIGHT_IRIS, top.LEFT_IRIS), top.EYE_CORNERS)]


def _iris_visibility(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Return (T,) 1 where the lids' landmarks (T, 3) are open as usual, 0 from two fifths of that on."""
    slit = np.linalg.norm(upper - lower, axis=1)
    return np.clip(2.5 * np.nan_to_num(slit / max(float(np.nanmedian(slit)), 1e-6)) - 1, 0, 1)
