"""Landmarks to coefficients: one identity for the clip, expression and pose for every frame, all solved together.

Gauss-Newton on the reprojection error. The second differences of pose and expression are penalised, so the normal
equations are banded over time and the joint solution costs no more than frame-by-frame fits; frames without a face
have no data term and are filled in by that same prior.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import solveh_banded

from headroom.face import topology as top
from headroom.face.build import similarity
from headroom.face.camera import Camera, rotation_and_derivatives, rotation_angles
from headroom.face.model import FaceModel
from headroom.progress import Progress, silent

_POSE = 6
_FOCAL_CHOICES = (0.9, 1.2, 1.6, 2.2, 3.0)
"""Focal lengths tried, in units of the frame's longer side."""


@dataclass(frozen=True)
class FitConfig:
    """noise: one standard deviation of a landmark, in eye distances. identity_prior, expression_prior: weights of the
    squared coefficients. The smoothness values are standard deviations of second differences at 25 Hz: radians,
    millimetres (across, in depth) and expression units, of which lids make the quickest moves.
    """

    noise: float = 0.012
    identity_prior: float = 8.0
    expression_prior: float = 0.3
    rotation_smoothness: float = 0.0014
    translation_smoothness: float = 0.12
    depth_smoothness: float = 0.35
    expression_smoothness: float = 1.0
    lid_smoothness: float = 3.0
    rounds: int = 4


@dataclass(frozen=True)
class Fit:
    """identity (I,), expression (T, E), rotation (T, 3), translation (T, 3), error (T,) mean landmark error over the
    eye distance (NaN where no face was seen).
    """

    camera: Camera
    identity: np.ndarray
    expression: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    error: np.ndarray


def fit_clip(
    model: FaceModel,
    points: np.ndarray,
    fps: float,
    width: int,
    height: int,
    config: FitConfig | None = None,
    progress: Progress = silent,
    doubt: np.ndarray | None = None,
) -> Fit:
    """Fit everything to landmarks (T, 478, 3); the focal length is the one of a few that explains the clip best.

    doubt: (T,) how many times less exact than usual a frame's landmarks are; above 1 no face counts as seen there.
    """
    config = config or FitConfig()
    problem = _Problem(model, points, fps, config, doubt)
    sample = problem.every(np.unique(np.linspace(0, len(points) - 1, min(24, len(points))).astype(int)))
    candidates = []
    for index, factor in enumerate(_FOCAL_CHOICES):
        progress(0.3 * index / len(_FOCAL_CHOICES), "Estimating the camera")
        camera = Camera(factor * max(width, height), width, height)
        fit = sample.start(camera)
        for _ in range(3):
            fit = sample.solve_identity(sample.solve_motion(fit))
        # a mild prior: most footage is shot between a wide and a short telephoto lens
        candidates.append((sample.cost(fit) + 4 * np.log(factor / 1.5) ** 2, camera, fit.identity))
    _, camera, identity = min(candidates, key=lambda c: c[0])
    fit = replace(problem.start(camera), identity=identity)
    for index in range(config.rounds):
        progress(0.3 + 0.7 * index / config.rounds, "Fitting the face")
        fit = problem.solve_motion(fit)
        if index + 1 < config.rounds:
            fit = problem.solve_identity(fit)
    return problem.with_error(fit)


def fit_motion(
    model: FaceModel,
    points: np.ndarray,
    fps: float,
    camera: Camera,
    identity: np.ndarray,
    config: FitConfig | None = None,
    progress: Progress = silent,
    doubt: np.ndarray | None = None,
) -> Fit:
    """Expression and pose of further frames of a person and camera that are known already."""
    config = config or FitConfig()
    problem = _Problem(model, points, fps, config, doubt)
    fit = replace(problem.start(camera), identity=identity)
    for index in range(config.rounds):
        progress(index / config.rounds, "Fitting the face")
        fit = problem.solve_motion(fit)
    return problem.with_error(fit)


def landmark_weights(ids: np.ndarray) -> np.ndarray:
    """(L,) lips and lids count more, the outline, which slides over the cheek, less."""
    from mediapipe.python.solutions import face_mesh_connections as connections

    def members(edges) -> list[int]:
        return sorted({a for edge in edges for a in edge})

    weights = np.ones(top.MESH_POINTS + 10)
    weights[members(connections.FACEMESH_FACE_OVAL)] = 0.3
    weights[members(connections.FACEMESH_LIPS)] = 2.0
    weights[top.inner_lips()] = 4.0
    weights[members(connections.FACEMESH_LEFT_EYE | connections.FACEMESH_RIGHT_EYE)] = 12.0
    return weights[ids]


class _Problem:
    """One clip's landmarks against one model."""

    def __init__(
        self, model: FaceModel, points: np.ndarray, fps: float, config: FitConfig, doubt: np.ndarray | None = None
    ):
        self.model, self.points, self.fps, self.config = model, points, fps, config
        self.doubt = np.ones(len(points)) if doubt is None else doubt
        vertices = model.landmark_vertices
        self.mean = model.mean[vertices].astype(np.float64)
        self.identity_basis = model.identity_basis[vertices].astype(np.float64)
        self.expression_basis = model.expression_basis[vertices].astype(np.float64)
        self.target = points[:, model.landmark_ids].astype(np.float64)
        self.seen = np.isfinite(self.target[:, 0, 0])
        eyes = points[:, [top.RIGHT_IRIS, top.LEFT_IRIS], :3]
        self.eye_distance = float(np.nanmedian(np.linalg.norm(eyes[:, 0] - eyes[:, 1], axis=1)))
        self.sigma = config.noise * self.eye_distance / np.sqrt(landmark_weights(model.landmark_ids))
        self.smooth = self._smoothness()

    def every(self, frames: np.ndarray) -> "_Problem":
        """The problem of some of the frames, as if they were far apart in time."""
        frames = frames[self.seen[frames]]
        return _Problem(self.model, self.points[frames], 1.0, self.config, self.doubt[frames])

    def start(self, camera: Camera) -> Fit:
        """Pose from the landmarks' own depth, neutral mean face."""
        count, expressions = len(self.points), self.expression_basis.shape[2]
        rotation, translation = np.zeros((count, 3)), np.zeros((count, 3))
        flat = self.target * [1, -1, -1]
        still = landmark_weights(self.model.landmark_ids) == 1
        for frame in np.flatnonzero(self.seen):
            scale, matrix, shift = similarity(self.mean, flat[frame], still.astype(float))
            depth = camera.focal_px / scale
            rotation[frame] = rotation_angles(matrix)
            middle = (shift[:2] - [camera.width / 2, -camera.height / 2]) * depth / camera.focal_px
            translation[frame] = [*middle, -depth]
        for values in (rotation, translation):
            _fill(values, self.seen)
        return Fit(camera, np.zeros(self.identity_basis.shape[2]), np.zeros((count, expressions)), rotation,
                   translation, np.zeros(count))

    def solve_motion(self, fit: Fit) -> Fit:
        """One Gauss-Newton step of expression and pose, all frames at once."""
        count, size = len(self.points), self.expression_basis.shape[2] + _POSE
        state = np.concatenate([fit.expression, fit.rotation, fit.translation], axis=1)
        band = np.zeros((2 * size + 1, count * size))
        right = np.zeros((count, size))
        lower = np.tril_indices(size)
        for start in range(0, count, 64):
            frames = slice(start, min(start + 64, count))
            normal, gradient = self._normal_equations(fit, frames)
            columns = np.arange(frames.start, frames.stop)[:, None] * size + lower[1][None]
            band[(lower[0] - lower[1])[None], columns] = normal[:, lower[0], lower[1]]
            right[frames] = gradient
        prior = np.concatenate([np.full(size - _POSE, self.config.expression_prior), np.full(_POSE, 1e-6)])
        band[0] += np.tile(prior, count)
        prior[-_POSE:] = 0
        right -= prior * state
        for offset, values in enumerate(_second_difference_diagonals(count)):
            band[offset * size, : len(values) * size] += np.outer(values, self.smooth).ravel()
        right -= _second_difference_product(state) * self.smooth
        step = solveh_banded(band, right.ravel(), lower=True, overwrite_ab=True).reshape(count, size)
        state = state + step
        return replace(fit, expression=state[:, :-6], rotation=state[:, -6:-3], translation=state[:, -3:])

    def solve_identity(self, fit: Fit) -> Fit:
        """One Gauss-Newton step of the shared identity."""
        modes = self.identity_basis.shape[2]
        normal, right = np.eye(modes) * self.config.identity_prior, -self.config.identity_prior * fit.identity
        chosen = np.flatnonzero(self.seen)
        chosen = chosen[np.unique(np.linspace(0, len(chosen) - 1, min(len(chosen), 80)).astype(int))]
        # the frames see the same landmark network's same mistakes: together they weigh as much as a dozen
        share = min(1.0, 12 / len(chosen))
        for frame in chosen:
            _, residual, by_point, weights = self._linearised(fit, slice(frame, frame + 1))
            jacobian = np.einsum("lij,ljk->lik", by_point[0], self.identity_basis).reshape(-1, modes)
            scaled = jacobian * weights[0].reshape(-1, 1) * share
            normal += scaled.T @ jacobian
            right += scaled.T @ residual[0].ravel()
        return replace(fit, identity=fit.identity + np.linalg.solve(normal, right))

    def cost(self, fit: Fit) -> float:
        """Mean squared landmark error in eye distances, in units of (0.1 %)²."""
        return float(np.nanmean(self._errors(fit) ** 2)) * 1e6

    def with_error(self, fit: Fit) -> Fit:
        return replace(fit, error=self._errors(fit).mean(1))

    def _errors(self, fit: Fit) -> np.ndarray:
        """(T, L) landmark errors over the eye distance."""
        _, residual, _, _ = self._linearised(fit, slice(0, len(self.points)))
        errors = np.linalg.norm(residual, axis=2) / self.eye_distance
        errors[~self.seen | (self.doubt > 1)] = np.nan
        return errors

    def _normal_equations(self, fit: Fit, frames: slice) -> tuple[np.ndarray, np.ndarray]:
        """JᵀWJ (n, S, S) and JᵀWr (n, S) of some frames; zero where no face was seen."""
        shape, residual, by_point, weights = self._linearised(fit, frames)
        rotation, derivatives = rotation_and_derivatives(fit.rotation[frames])
        count, landmarks = residual.shape[:2]
        by_expression = by_point.reshape(count, landmarks * 2, 3)[:, :, None, :] @ np.repeat(
            self.expression_basis, 2, axis=0
        )
        turned = np.einsum("tkij,tlj->tlik", derivatives, shape)
        # by_point is the derivative by model-axes points; undo its rotation for camera-axes moves
        by_camera = np.einsum("tlij,tkj->tlik", by_point, rotation)
        by_pose = np.concatenate([np.einsum("tlij,tljk->tlik", by_camera, turned), by_camera], axis=3)
        jacobian = np.concatenate([by_expression[:, :, 0], by_pose.reshape(count, landmarks * 2, _POSE)], axis=2)
        weighted = jacobian * weights.reshape(count, -1, 1)
        transposed = np.swapaxes(weighted, 1, 2)
        return transposed @ jacobian, (transposed @ residual.reshape(count, -1, 1))[..., 0]

    def _linearised(self, fit: Fit, frames: slice):
        """Shape (n, L, 3), residual (n, L, 2) px, its derivative by model points (n, L, 2, 3), weights (n, L, 2)."""
        shape = self.mean + self.identity_basis @ fit.identity
        shape = shape + np.tensordot(fit.expression[frames], self.expression_basis, axes=(1, 2))
        rotation, _ = rotation_and_derivatives(fit.rotation[frames])
        placed = shape @ np.swapaxes(rotation, 1, 2) + fit.translation[frames][:, None]
        residual = self.target[frames][..., :2] - fit.camera.project(placed)
        x, y, depth = placed[..., 0], placed[..., 1], -placed[..., 2]
        scale, zero = fit.camera.focal_px / depth, np.zeros_like(depth)
        by_camera = np.stack(
            [np.stack([scale, zero, scale * x / depth], -1), np.stack([zero, -scale, -scale * y / depth], -1)], -2
        )
        by_point = np.einsum("tlij,tjk->tlik", by_camera, rotation)
        lost = ~self.seen[frames]
        residual[lost] = 0
        normed = (residual**2).sum(2) / self.sigma**2
        robust = 1 / (1 + normed / 9) / (self.sigma * self.doubt[frames, None]) ** 2
        robust[lost] = 0
        # nearby landmarks err together: forty of them carry about the evidence of eight
        return shape, residual, by_point, np.repeat((0.2 * robust)[..., None], 2, axis=2)

    def _smoothness(self) -> np.ndarray:
        """(S,) weights of squared second differences at this clip's rate."""
        c = self.config
        pose = [c.rotation_smoothness] * 3 + [c.translation_smoothness] * 2 + [c.depth_smoothness]
        lids = np.array([region == "Eyes" for region in self.model.regions])
        sigma = np.concatenate([np.where(lids, c.lid_smoothness, c.expression_smoothness), pose])
        return 1 / (sigma * (25 / self.fps) ** 1.5) ** 2


def _fill(values: np.ndarray, seen: np.ndarray) -> None:
    """Fill unseen rows of (T, C) in place, linearly in time."""
    known = np.flatnonzero(seen)
    for column in values.T:
        column[:] = np.interp(np.arange(len(column)), known, column[known])


def _second_difference_diagonals(count: int) -> list[np.ndarray]:
    """Main and first two lower diagonals of DᵀD, D the (T-2, T) second difference."""
    if count < 3:
        return []
    main, first, second = np.zeros(count), np.zeros(count - 1), np.zeros(count - 2)
    main[:-2] += 1
    main[1:-1] += 4
    main[2:] += 1
    first[:-1] -= 2
    first[1:] -= 2
    second += 1
    return [main, first, second]


def _second_difference_product(state: np.ndarray) -> np.ndarray:
    """DᵀD state, for state (T, S)."""
    result = np.zeros_like(state)
    if len(state) > 2:
        second = state[:-2] - 2 * state[1:-1] + state[2:]
        result[:-2] += second
        result[1:-1] -= 2 * second
        result[2:] += second
    return result
