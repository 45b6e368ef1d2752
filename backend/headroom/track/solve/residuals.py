"""How far a fit is from the landmarks, and how that changes with its coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headroom.face import topology as top
from headroom.face.camera import rotation_and_derivatives
from headroom.face.model import FaceModel

if TYPE_CHECKING:
    from headroom.track.solve.fit import Fit

_BAD_FRAME = 4.0
"""Median squared error of a frame, in squares of three standard deviations, from which its landmarks are of no use."""

_IRIS_NOISE, _IRIS_IMPORTANCE = 0.01, 12.0
"""The irises are looked for by a network of their own, so they stay this exact where the others count for less. They
are compared with the corners of their eye, and say where somebody looks and nothing else.
"""


@dataclass(frozen=True)
class Linearization:
    """Residuals (n, 2L) in pixels of some frames, their weights (n, 2L), and the derivatives of the projected landmarks
    by every frame's expression, rotation and translation (n, 2L, E + 6).

    placed (n, L, 3) mm, camera axes; by_camera and by_point (n, L, 2, 3) px per mm, along camera and model axes.
    """

    residual: np.ndarray
    weights: np.ndarray
    motion: np.ndarray
    placed: np.ndarray
    by_camera: np.ndarray
    by_point: np.ndarray


class Residuals:
    """One clip's landmarks (T, 478, 3) against one model; noise: one standard deviation of a landmark in eye distances.

    doubt: (T,) how many times less exact than `noise` a frame's landmarks are. seen (T,): where there are any.
    shown (T, L): how well each landmark can be seen, 0 for an iris behind closed lids. eye_distance: px, the clip's
    median.
    """

    def __init__(self, model: FaceModel, points: np.ndarray, noise: float, noise_scale: np.ndarray | None = None):
        vertices = model.landmark_vertices
        self.mean = model.mean[vertices].astype(np.float64)
        self.identity_basis = model.identity_basis[vertices].astype(np.float64)
        self.expression_basis = model.expression_basis[vertices].astype(np.float64)
        self.target = points[:, model.landmark_ids].astype(np.float64)
        self.seen = np.isfinite(self.target[:, 0, 0])
        self.eye_distance = float(np.nanmedian(top.eye_distance(points)))
        self.importance = landmark_weights(model.landmark_ids)
        self.noise_scale = np.ones(len(points)) if noise_scale is None else noise_scale
        self.unreliable = self.noise_scale > 1
        self.shown = np.ones((len(points), len(vertices)))
        self.gaze_modes = model.gaze_modes
        self.irises = _irises(model.landmark_ids) if self.gaze_modes else []
        self.noise_px = np.full(len(vertices), noise * self.eye_distance)
        for (iris, _), (upper, lower) in zip(self.irises, top.EYE_LIDS):
            self.noise_px[iris] = min(noise, _IRIS_NOISE) * self.eye_distance
            self.importance[iris] = _IRIS_IMPORTANCE
            self.shown[:, iris] = _open(points[:, upper], points[:, lower])

    def errors(self, fit: Fit) -> np.ndarray:
        """(T, L) landmark errors over the eye distance, NaN where no face was seen or it is doubted."""
        away = np.linalg.norm(self.target[..., :2] - fit.camera.project(self._placed(fit, slice(None))[1]), axis=2)
        away[self.unreliable] = np.nan
        return away / self.eye_distance

    def linearised(self, fit: Fit, frames: slice) -> Linearization:
        shape, placed, rotation, derivatives = self._placed(fit, frames)
        residual = self.target[frames][..., :2] - fit.camera.project(placed)
        lost = ~self.seen[frames]
        residual[lost] = 0
        for iris, corners in self.irises:
            residual[:, iris] -= residual[:, corners].mean(1)
        by_camera = projection_derivative(fit.camera.focal_px, placed)
        by_point = by_camera @ rotation[:, None]
        by_rotation = np.stack([(by_camera @ (shape @ np.swapaxes(d, 1, 2))[..., None])[..., 0]
                                for d in np.moveaxis(derivatives, 1, 0)], -1)
        by_expression = chain(by_point, self.expression_basis)
        count, landmarks = residual.shape[:2]
        motion = np.concatenate([by_expression, by_rotation, by_camera], axis=3)
        for iris, _ in self.irises:
            motion[:, iris] *= np.isin(np.arange(motion.shape[3]), self.gaze_modes)
        return Linearization(
            residual=residual.reshape(count, -1),
            weights=np.repeat(self._weights(residual, lost) * self.shown[frames] / self.noise_scale[frames, None] ** 2, 2, 1),
            motion=motion.reshape(count, landmarks * 2, -1),
            placed=placed,
            by_camera=by_camera,
            by_point=by_point,
        )

    def by_shared(self, fit: Fit, frames: slice, linear: Linearization) -> np.ndarray:
        """Derivatives (n, 2L, I + 1) by the identity and by the logarithm of the focal length, for frames that are all
        seen. The head moves away as the focal length grows, so that only the perspective changes.
        """
        camera, depth = fit.camera, fit.translation[frames, None, 2:3]
        from_middle = camera.project(linear.placed) - [camera.width / 2, camera.height / 2]
        by_focal = from_middle + linear.by_camera[..., 2] * depth
        by_identity = chain(linear.by_point, self.identity_basis)
        count, landmarks = from_middle.shape[:2]
        by_both = np.concatenate([by_identity, by_focal[..., None]], axis=3)
        by_both[:, [iris for iris, _ in self.irises]] = 0
        return by_both.reshape(count, landmarks * 2, -1)

    def _placed(self, fit: Fit, frames: slice):
        """Landmarks (n, L, 3) in model axes and in camera axes, the rotation (n, 3, 3) and its derivatives."""
        shape = self.mean + self.identity_basis @ fit.identity
        shape = shape + np.tensordot(fit.expression[frames], self.expression_basis, axes=(1, 2))
        rotation, derivatives = rotation_and_derivatives(fit.rotation[frames])
        return shape, shape @ np.swapaxes(rotation, 1, 2) + fit.translation[frames][:, None], rotation, derivatives

    def _weights(self, residual: np.ndarray, lost: np.ndarray) -> np.ndarray:
        """(n, L): landmarks far beyond the noise are mistakes and count less, frames full of them hardly at all."""
        away = (residual**2).sum(2) / (3 * self.noise_px) ** 2
        trust = 1 / (1 + (np.median(away, axis=1, keepdims=True) / _BAD_FRAME) ** 2)
        weights = self.importance / self.noise_px**2 / (1 + away) * trust
        weights[lost] = 0
        # nearby landmarks err together: forty of them carry about the evidence of eight
        return 0.2 * weights


def _irises(ids: np.ndarray) -> list[tuple[int, list[int]]]:
    """Where among landmarks (L,) each iris is, and the corners of its eye."""
    at = {int(landmark): index for index, landmark in enumerate(ids)}
    return [(at[iris], [at[corner] for corner in corners])
            for iris, corners in zip((top.RIGHT_IRIS, top.LEFT_IRIS), top.EYE_CORNERS)]


def _open(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """(T,) 1 where the lids, landmarks (T, 3), are open as usual, 0 from two fifths of that on."""
    slit = np.linalg.norm(upper - lower, axis=1)
    return np.clip(2.5 * np.nan_to_num(slit / max(float(np.nanmedian(slit)), 1e-6)) - 1, 0, 1)


def landmark_weights(ids: np.ndarray) -> np.ndarray:
    """(L,) lips and lids count more, the outline, which slides over the cheek, less."""
    from mediapipe.python.solutions import face_mesh_connections as connections

    weights = np.ones(top.MESH_POINTS + 10)
    weights[top.points_of(connections.FACEMESH_FACE_OVAL)] = 0.3
    weights[top.points_of(connections.FACEMESH_LIPS)] = 2.0
    weights[top.inner_lips()] = 4.0
    weights[top.points_of(connections.FACEMESH_LEFT_EYE | connections.FACEMESH_RIGHT_EYE)] = 12.0
    return weights[ids]


def projection_derivative(focal_px: float, placed: np.ndarray) -> np.ndarray:
    """(..., 2, 3): pixels per millimetre in camera axes, at points (..., 3)."""
    x, y, depth = placed[..., 0], placed[..., 1], -placed[..., 2]
    scale, zero = focal_px / depth, np.zeros_like(depth)
    return np.stack(
        [np.stack([scale, zero, scale * x / depth], -1), np.stack([zero, -scale, -scale * y / depth], -1)], -2
    )


def chain(by_point: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """(n, L, 2, C): derivatives by points (n, L, 2, 3) carried on to the coefficients of a basis (L, 3, C)."""
    # written out, because a product of many small matrices takes four times as long
    return sum(by_point[..., axis, None] * basis[:, None, axis] for axis in range(3))
