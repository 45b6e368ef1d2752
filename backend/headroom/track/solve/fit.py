"""Landmarks to coefficients: one identity and camera for the clip, expression and pose for every frame.

Gauss-Newton on the reprojection error. The second differences of pose and expression are penalised, so the normal
equations are banded over time and the joint solution costs no more than frame-by-frame fits; frames without a face
have no data term and are filled in by that same prior.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import solveh_banded
from scipy.ndimage import median_filter

from headroom.common.arrays import evenly_spaced
from headroom.common.progress import Progress, subprogress, no_progress
from headroom.face.build import similarity
from headroom.face.camera import Camera, rotation_angles
from headroom.face.model import GAZE, FaceModel
from headroom.track.solve.residuals import Linearization, Residuals
from headroom.track.solve.smoothness import Smoothness, bands, product

_POSE = 6
_SHARED_FRAMES = 80
"""Frames that identity and focal length are found from."""
_AROUND, _LEAP_RADIANS, _LEAP_EYES = 9, 0.35, 0.5
"""A head this far from the median of so many frames, in radians or eye distances, is not begun from."""


@dataclass(frozen=True)
class FitConfig:
    """noise: one standard deviation of a landmark, in eye distances. identity_prior, expression_prior: weights of the
    squared coefficients. The smoothness values are standard deviations of second differences at 25 Hz: radians,
    millimetres (across, in depth) and expression units, lids being the quickest; beyond `tail` of them a difference
    counts as motion, as when the eyes leap.
    focal: the usual focal length over the frame's longer side; focal_prior: weight of the squared logarithm of its
    ratio to the one found. Rounds: Gauss-Newton steps of what the clip shares, of the motion, and
    of the motion begun from an earlier fit.
    """

    noise: float = 0.01
    identity_prior: float = 2.0
    expression_prior: float = 0.5
    rotation_smoothness: float = 0.0005
    translation_smoothness: float = 0.02
    depth_smoothness: float = 0.1
    expression_smoothness: float = 1.5
    lid_smoothness: float = 3.0
    gaze_smoothness: float = 0.2
    tail: float = 2.5
    focal: float = 1.8
    focal_prior: float = 20.0
    shared_rounds: int = 6
    rounds: int = 4
    rounds_again: int = 3


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

    def at(self, frames: np.ndarray | slice) -> "Fit":
        """The fit of some of the frames."""
        return replace(self, expression=self.expression[frames], rotation=self.rotation[frames],
                       translation=self.translation[frames], error=self.error[frames])

    def through(self, camera: Camera, identity: np.ndarray) -> "Fit":
        """The same heads as far away as they look as large through another camera, with another identity."""
        nearer = np.array([1, 1, camera.focal_px / self.camera.focal_px])
        return replace(self, camera=camera, identity=identity, translation=self.translation * nearer)


@dataclass(frozen=True)
class Information:
    """What else is known of each frame's motion, as least squares about state (T, S): normal (T, S, S), right (T, S).
    """

    state: np.ndarray
    normal: np.ndarray
    right: np.ndarray

    def gradient(self, state: np.ndarray, frames: slice) -> np.ndarray:
        """(n, S) at the state (T, S) of all frames."""
        moved = (state[frames] - self.state[frames])[..., None]
        return self.right[frames] - (self.normal[frames] @ moved)[..., 0]


def fit_clip(
    model: FaceModel,
    points: np.ndarray,
    fps: float,
    width: int,
    height: int,
    config: FitConfig | None = None,
    progress: Progress = no_progress,
    noise_scale: np.ndarray | None = None,
) -> Fit:
    """Fit everything to landmarks (T, 478, 3).

    Identity and focal length come from frames evenly_spaced over the clip, solved together with those frames' own pose and
    expression; then the motion of all frames is solved at once. doubt: (T,) how many times less exact than usual a
    frame's landmarks are; above 1 they are no face seen, and tell of the motion only.
    """
    config = config or FitConfig()
    problem = _Problem(model, points, fps, config, noise_scale)
    shared = problem.spread(_SHARED_FRAMES)
    fit = shared.start(Camera(config.focal * max(width, height), width, height))
    for index in range(config.shared_rounds):
        progress(0.5 * index / config.shared_rounds, "Estimating camera and face")
        fit = shared.solve_shared(fit)
    start = replace(problem.start(fit.camera), identity=fit.identity)
    return _with_motion(problem, start, config.rounds, subprogress(progress, 0.5, 1))


def fit_motion(
    model: FaceModel,
    points: np.ndarray,
    fps: float,
    camera: Camera,
    identity: np.ndarray,
    config: FitConfig | None = None,
    progress: Progress = no_progress,
    noise_scale: np.ndarray | None = None,
) -> Fit:
    """Expression and pose of further frames of a person and camera that are known already."""
    config = config or FitConfig()
    problem = _Problem(model, points, fps, config, noise_scale)
    return _with_motion(problem, replace(problem.start(camera), identity=identity), config.rounds, progress)


def fit_again(
    model: FaceModel, points: np.ndarray, fps: float, start: Fit, noise_scale: np.ndarray | None = None,
    config: FitConfig | None = None, evidence: Information | None = None,
) -> Fit:
    """Expression and pose anew from a fit of the same frames to landmarks that were a little different, and to what
    else is known of them.
    """
    config = config or FitConfig()
    problem, fit = _Problem(model, points, fps, config, noise_scale), start
    for index in range(config.rounds_again):
        fit = problem.solve_motion(fit, steady=index == 0, evidence=evidence)
    return problem.with_error(fit)


def _with_motion(problem: "_Problem", start: Fit, rounds: int, progress: Progress) -> Fit:
    fit = start
    for index in range(rounds):
        progress(index / rounds, "Fitting the face")
        fit = problem.solve_motion(fit, steady=index == 0)
    return problem.with_error(fit)


class _Problem:
    """One clip's landmarks against one model."""

    def __init__(
        self, model: FaceModel, points: np.ndarray, fps: float, config: FitConfig, noise_scale: np.ndarray | None = None
    ):
        self.model, self.points, self.fps, self.config = model, points, fps, config
        self.residuals = Residuals(model, points, config.noise, noise_scale)
        self.seen = self.residuals.seen
        expressions, identities = self.residuals.expression_basis.shape[2], self.residuals.identity_basis.shape[2]
        # a pose has no prior of its own; the last figure only keeps the equations of lost frames solvable
        self.motion_prior = np.append(np.full(expressions, config.expression_prior), np.full(_POSE, 1e-6))
        self.shared_prior = np.append(np.full(identities, config.identity_prior), config.focal_prior)
        self.smoothness = self._smoothness()

    def spread(self, count: int) -> "_Problem":
        """The problem of at most `count` frames with a face, evenly_spaced over the clip; `solve_shared` takes no others."""
        frames = evenly_spaced(np.flatnonzero(self.seen & ~self.residuals.unreliable), count)
        return _Problem(self.model, self.points[frames], self.fps, self.config)

    def start(self, camera: Camera) -> Fit:
        """Pose from the landmarks' own depth, neutral mean face."""
        residuals, count = self.residuals, len(self.points)
        rotation, translation = np.zeros((count, 3)), np.zeros((count, 3))
        flat = residuals.target * [1, -1, -1]
        still = residuals.importance == 1
        for frame in np.flatnonzero(self.seen):
            scale, matrix, shift = similarity(residuals.mean, flat[frame], still.astype(float))
            depth = camera.focal_px / scale
            rotation[frame] = rotation_angles(matrix)
            middle = (shift[:2] - [camera.width / 2, -camera.height / 2]) * depth / camera.focal_px
            translation[frame] = [*middle, -depth]
        believed = self.seen & ~_leaps(rotation, translation * camera.focal_px / -translation[:, 2:].clip(max=-1),
                                       self.residuals.eye_distance, self.seen)
        for values in (rotation, translation):
            _fill(values, believed)
        return Fit(camera, np.zeros(len(self.shared_prior) - 1), np.zeros((count, len(self.motion_prior) - _POSE)),
                   rotation, translation, np.zeros(count))

    def solve_motion(self, fit: Fit, steady: bool = False, evidence: Information | None = None) -> Fit:
        """One Gauss-Newton step of expression and pose, all frames at once."""
        count, size = len(self.points), len(self.motion_prior)
        state = state_of(fit)
        band = np.zeros((2 * size + 1, count * size))
        right = -self.motion_prior * state
        lower = np.tril_indices(size)
        for frames in _groups(count):
            linear = self.residuals.linearised(fit, frames)
            normal, gradient = normal_equations(linear)
            if evidence is not None:
                normal, gradient = normal + evidence.normal[frames], gradient + evidence.gradient(state, frames)
            columns = np.arange(frames.start, frames.stop)[:, None] * size + lower[1][None]
            band[(lower[0] - lower[1])[None], columns] = normal[:, lower[0], lower[1]]
            right[frames] += gradient
        band[0] += np.tile(self.motion_prior, count)
        stiff = self.smoothness.weights(state, steady)
        for offset, values in enumerate(bands(stiff, count)):
            band[offset * size, : values.size] += values.ravel()
        right -= product(stiff, state)
        step = solveh_banded(band, right.ravel(), lower=True, overwrite_ab=True).reshape(count, size)
        return with_state(fit, state + step)

    def solve_shared(self, fit: Fit) -> Fit:
        """One Gauss-Newton step of identity and focal length, together with every frame's own expression and pose.

        The frames are taken as far apart in time, so that each one's own unknowns can be eliminated by themselves.
        """
        size = len(self.shared_prior)
        # the frames see the same landmark network's same mistakes: together they weigh as much as a dozen
        prior = self.shared_prior * max(1.0, len(self.points) / 12)
        usual = self.config.focal * max(fit.camera.width, fit.camera.height)
        normal, right = np.diag(prior), -prior * np.append(fit.identity, np.log(fit.camera.focal_px / usual))
        state = state_of(fit)
        solved = np.zeros((*state.shape, size + 1))
        for frames in _groups(len(state)):
            linear = self.residuals.linearised(fit, frames)
            shared = self.residuals.by_shared(fit, frames, linear)
            weighted = shared * linear.weights[..., None]
            own, gradient = normal_equations(linear)
            gradient -= self.motion_prior * state[frames]
            coupling = np.swapaxes(linear.motion, 1, 2) @ weighted
            known = np.concatenate([coupling, gradient[..., None]], axis=2)
            solved[frames] = np.linalg.solve(own + np.diag(self.motion_prior), known)
            eliminated = np.tensordot(coupling, solved[frames], ([0, 1], [0, 1]))
            normal += np.tensordot(weighted, shared, ([0, 1], [0, 1])) - eliminated[:, :-1]
            right += np.tensordot(weighted, linear.residual, ([0, 1], [0, 1])) - eliminated[:, -1]
        step = np.linalg.solve(normal, right)
        state = state + solved[..., -1] - solved[..., :-1] @ step
        grown = float(np.exp(step[-1]))
        state[:, -1] *= grown
        camera = replace(fit.camera, focal_px=fit.camera.focal_px * grown)
        return replace(with_state(fit, state), camera=camera, identity=fit.identity + step[:-1])

    def with_error(self, fit: Fit) -> Fit:
        return replace(fit, error=self.residuals.errors(fit).mean(1))

    def _smoothness(self) -> Smoothness:
        """The prior on second differences at this clip's rate."""
        c = self.config
        pose = [c.rotation_smoothness] * 3 + [c.translation_smoothness] * 2 + [c.depth_smoothness]
        others = {"Eyes": c.lid_smoothness, GAZE: c.gaze_smoothness}
        sigma = np.array([*(others.get(region, c.expression_smoothness) for region in self.model.regions), *pose])
        return Smoothness(sigma * (25 / self.fps) ** 1.5, c.tail)


def normal_equations(linear: Linearization) -> tuple[np.ndarray, np.ndarray]:
    """JᵀWJ (n, S, S) and JᵀWr (n, S) of every frame's own unknowns."""
    transposed = np.swapaxes(linear.motion * linear.weights[..., None], 1, 2)
    return transposed @ linear.motion, (transposed @ linear.residual[..., None])[..., 0]


def _groups(count: int) -> Iterator[slice]:
    """Frames that are worked on at once: few enough for the processor's cache."""
    for start in range(0, count, 16):
        yield slice(start, min(start + 16, count))


def state_of(fit: Fit) -> np.ndarray:
    """(T, E + 6) what every frame has of its own."""
    return np.concatenate([fit.expression, fit.rotation, fit.translation], axis=1)


def with_state(fit: Fit, state: np.ndarray) -> Fit:
    return replace(fit, expression=state[:, :-6], rotation=state[:, -6:-3], translation=state[:, -3:])


def _leaps(rotation: np.ndarray, place_px: np.ndarray, eye_distance: float, seen: np.ndarray) -> np.ndarray:
    """(T,) frames whose head is far from where the frames around have it: their landmarks are of something else."""
    leaps = np.zeros(len(seen), bool)
    known = np.flatnonzero(seen)
    for values, far in ((rotation[known], _LEAP_RADIANS), (place_px[known, :2], _LEAP_EYES * eye_distance)):
        usual = median_filter(values, size=(_AROUND, 1), mode="nearest")
        leaps[known] |= np.linalg.norm(values - usual, axis=1) > far
    return leaps


def _fill(values: np.ndarray, seen: np.ndarray) -> None:
    """Fill unseen rows of (T, C) in place, linearly in time."""
    known = np.flatnonzero(seen)
    for column in values.T:
        column[:] = np.interp(np.arange(len(column)), known, column[known])
