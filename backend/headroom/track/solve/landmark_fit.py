"""The fit to landmarks: one identity and camera for the clip, expression and pose for every frame.

Gauss-Newton on the reprojection error. A prior on the second differences of pose and expression makes the normal
equations banded over time, so the joint solution costs no more than separate fits of the frames. Frames without a face
have no data term; the prior interpolates them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import solveh_banded
from scipy.ndimage import median_filter

from headroom.common.arrays import evenly_spaced
from headroom.common.progress import Progress, no_progress, subprogress
from headroom.face.alignment import fit_similarity
from headroom.face.camera import Camera, rotation_angles
from headroom.face.model import GAZE, FaceModel
from headroom.track.solve.fit import POSE_SIZE, Fit, Information
from headroom.track.solve.residuals import Linearization, Residuals
from headroom.track.solve.smoothness import Smoothness, bands, product
from headroom.track.solve.tracker_input import TrackerInput

_SHARED_FRAMES = 80
"""Number of frames that identity and focal length are estimated from."""
_INDEPENDENT_FRAMES = 12
"""Frames weigh together at most as much as this many, because the landmark network errs alike in all of them."""
_MEDIAN_FRAMES, _OUTLIER_RADIANS, _OUTLIER_EYES = 9, 0.35, 0.5
"""A start pose further than this from the median of so many frames, in radians or eye distances, is an outlier."""
_FPS = 25
"""Frame rate at which the smoothness values of `FitConfig` hold."""


@dataclass(frozen=True)
class FitConfig:
    """Settings of the fit to landmarks.

    The smoothness values are standard deviations of second differences at 25 frames per second; lids are the quickest
    part of a face.
    """

    noise: float = 0.01
    """Standard deviation of a landmark, eye distances."""
    identity_prior: float = 2.0
    """Weight of the squared coefficients."""
    expression_prior: float = 0.5
    rotation_smoothness: float = 0.0005
    """Radians."""
    translation_smoothness: float = 0.02
    """Millimetres across the picture."""
    depth_smoothness: float = 0.1
    """Millimetres in depth."""
    expression_smoothness: float = 1.5
    """Expression units; likewise the next two."""
    lid_smoothness: float = 3.0
    gaze_smoothness: float = 0.2
    tail: float = 2.5
    """Second differences beyond this many standard deviations count as motion, for example when the eyes leap."""
    focal: float = 1.8
    """Usual focal length, longer sides of the frame."""
    focal_prior: float = 20.0
    """Weight of the squared logarithm of the focal length's ratio to the usual one."""
    shared_rounds: int = 6
    """Gauss-Newton steps of identity and focal length."""
    rounds: int = 4
    """Gauss-Newton steps of the motion."""
    refit_rounds: int = 3
    """Gauss-Newton steps of the motion from an earlier fit."""


def fit_clip(
    model: FaceModel, clip: TrackerInput, size: tuple[int, int], config: FitConfig | None = None,
    progress: Progress = no_progress,
) -> Fit:
    """Fit camera, identity, expression and pose to a clip's landmarks.

    Identity and focal length are solved from frames spread over the clip, together with these frames' own pose and
    expression; then the motion of all frames is solved at once.

    size: width and height of the frames, pixels.
    """
    config = config or FitConfig()
    problem = _LandmarkProblem(model, clip, config)
    shared = problem.evenly_spaced(_SHARED_FRAMES)
    fit = shared.start(Camera(config.focal * max(size), *size))
    for index in range(config.shared_rounds):
        progress(0.5 * index / config.shared_rounds, "Estimating camera and face")
        fit = shared.solve_shared(fit)
    start = replace(problem.start(fit.camera), identity=fit.identity)
    return _fit_motion(problem, start, subprogress(progress, 0.5, 1))


def fit_motion(
    model: FaceModel, clip: TrackerInput, camera: Camera, identity: np.ndarray, config: FitConfig | None = None,
    progress: Progress = no_progress,
) -> Fit:
    """Fit expression and pose to the landmarks of a person and camera that are known.

    identity: (I,).
    """
    problem = _LandmarkProblem(model, clip, config or FitConfig())
    return _fit_motion(problem, replace(problem.start(camera), identity=identity), progress)


def refit_motion(
    model: FaceModel, clip: TrackerInput, start: Fit, config: FitConfig | None = None,
    information: Information | None = None,
) -> Fit:
    """Fit expression and pose again, from a fit of the same frames to slightly different landmarks.

    information: about the frames' motion, which is added to the landmarks'.
    """
    problem, fit = _LandmarkProblem(model, clip, config or FitConfig()), start
    for index in range(problem.config.refit_rounds):
        fit = problem.solve_motion(fit, gaussian=index == 0, information=information)
    return problem.with_error(fit)


def normal_equations(linear: Linearization) -> tuple[np.ndarray, np.ndarray]:
    """Return JᵀWJ (n, S, S) and JᵀWr (n, S) of n frames' states."""
    transposed = np.swapaxes(linear.motion * linear.weights[..., None], 1, 2)
    return transposed @ linear.motion, (transposed @ linear.residual[..., None])[..., 0]


def _fit_motion(problem: _LandmarkProblem, start: Fit, progress: Progress) -> Fit:
    fit = start
    for index in range(problem.config.rounds):
        progress(index / problem.config.rounds, "Fitting the face")
        fit = problem.solve_motion(fit, gaussian=index == 0)
    return problem.with_error(fit)


class _LandmarkProblem:
    """One clip's landmarks and one face model, as a least-squares problem."""

    def __init__(self, model: FaceModel, clip: TrackerInput, config: FitConfig):
        self.model, self.clip, self.config = model, clip, config
        self.residuals = Residuals(model, clip.points, config.noise, clip.noise_scale)
        expressions, identities = self.residuals.expression_basis.shape[2], self.residuals.identity_basis.shape[2]
        # a pose needs no prior; 1e-6 keeps the equations of frames without a face solvable
        self.motion_prior = np.append(np.full(expressions, config.expression_prior), np.full(POSE_SIZE, 1e-6))
        self.shared_prior = np.append(np.full(identities, config.identity_prior), config.focal_prior)
        self.smoothness = self._smoothness()

    def evenly_spaced(self, count: int) -> _LandmarkProblem:
        """Return the problem of at most `count` frames with a face, spread evenly, as `solve_shared` needs."""
        frames = evenly_spaced(np.flatnonzero(self.residuals.seen & ~self.residuals.predicted), count)
        return _LandmarkProblem(self.model, TrackerInput((), self.clip.points[frames], self.clip.fps), self.config)

    def start(self, camera: Camera) -> Fit:
        """Return the neutral mean face, posed by the landmark network's depth."""
        residuals, count = self.residuals, len(self.clip)
        rotation, translation = np.zeros((count, 3)), np.zeros((count, 3))
        points = residuals.target * [1, -1, -1]
        still = residuals.importance == 1
        for frame in np.flatnonzero(residuals.seen):
            similarity = fit_similarity(residuals.mean, points[frame], still.astype(float))
            depth = camera.focal_px / similarity.scale
            rotation[frame] = rotation_angles(similarity.rotation)
            middle = (similarity.shift[:2] - [camera.width / 2, -camera.height / 2]) * depth / camera.focal_px
            translation[frame] = [*middle, -depth]
        offset_px = translation * camera.focal_px / -translation[:, 2:].clip(max=-1)
        inliers = residuals.seen & ~_pose_outliers(rotation, offset_px, residuals.eye_distance, residuals.seen)
        for values in (rotation, translation):
            _interpolate_missing(values, inliers)
        return Fit(camera, np.zeros(len(self.shared_prior) - 1), np.zeros((count, len(self.motion_prior) - POSE_SIZE)),
                   rotation, translation, np.zeros(count))

    def solve_motion(self, fit: Fit, gaussian: bool = False, information: Information | None = None) -> Fit:
        """Take one Gauss-Newton step of expression and pose, all frames at once.

        gaussian: use the smoothness prior without its heavy tails.
        """
        count, size = len(self.clip), len(self.motion_prior)
        state = fit.state
        band = np.zeros((2 * size + 1, count * size))
        right = -self.motion_prior * state
        lower = np.tril_indices(size)
        for frames in _frame_groups(count):
            normal, gradient = normal_equations(self.residuals.linearised(fit, frames))
            if information is not None:
                normal, gradient = normal + information.normal[frames], gradient + information.gradient(state, frames)
            columns = np.arange(frames.start, frames.stop)[:, None] * size + lower[1][None]
            band[(lower[0] - lower[1])[None], columns] = normal[:, lower[0], lower[1]]
            right[frames] += gradient
        band[0] += np.tile(self.motion_prior, count)
        weights = self.smoothness.weights(state, gaussian)
        for offset, values in enumerate(bands(weights, count)):
            band[offset * size, : values.size] += values.ravel()
        right -= product(weights, state)
        step = solveh_banded(band, right.ravel(), lower=True, overwrite_ab=True).reshape(count, size)
        return fit.with_state(state + step)

    def solve_shared(self, fit: Fit) -> Fit:
        """Take one Gauss-Newton step of identity and focal length, with every frame's expression and pose.

        The frames are far apart in time, so no smoothness couples them, and each frame's unknowns are eliminated by
        themselves (Schur complement).
        """
        size = len(self.shared_prior)
        prior = self.shared_prior * max(1.0, len(self.clip) / _INDEPENDENT_FRAMES)
        usual_focal = self.config.focal * max(fit.camera.width, fit.camera.height)
        normal, right = np.diag(prior), -prior * np.append(fit.identity, np.log(fit.camera.focal_px / usual_focal))
        state = fit.state
        solved = np.zeros((*state.shape, size + 1))
        for frames in _frame_groups(len(state)):
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
        focal_ratio = float(np.exp(step[-1]))
        state[:, -1] *= focal_ratio
        camera = replace(fit.camera, focal_px=fit.camera.focal_px * focal_ratio)
        return replace(fit.with_state(state), camera=camera, identity=fit.identity + step[:-1])

    def with_error(self, fit: Fit) -> Fit:
        """Return the fit with its landmark error."""
        return replace(fit, error=self.residuals.errors(fit).mean(1))

    def _smoothness(self) -> Smoothness:
        """Return the prior on second differences at the clip's frame rate."""
        c = self.config
        pose = [c.rotation_smoothness] * 3 + [c.translation_smoothness] * 2 + [c.depth_smoothness]
        special = {"Eyes": c.lid_smoothness, GAZE: c.gaze_smoothness}
        sigma = np.array([*(special.get(region, c.expression_smoothness) for region in self.model.regions), *pose])
        return Smoothness(sigma * (_FPS / self.clip.fps) ** 1.5, c.tail)


def _frame_groups(count: int) -> Iterator[slice]:
    """Yield slices of 16 frames, whose arrays fit the processor's cache."""
    for start in range(0, count, 16):
        yield slice(start, min(start + 16, count))


def _pose_outliers(rotation: np.ndarray, offset_px: np.ndarray, eye_distance: float, seen: np.ndarray) -> np.ndarray:
    """Return (T,) bool: frames whose head is far from the median of the frames around, so it is not this face."""
    outliers = np.zeros(len(seen), bool)
    known = np.flatnonzero(seen)
    for values, limit in ((rotation[known], _OUTLIER_RADIANS), (offset_px[known, :2], _OUTLIER_EYES * eye_distance)):
        median = median_filter(values, size=(_MEDIAN_FRAMES, 1), mode="nearest")
        outliers[known] |= np.linalg.norm(values - median, axis=1) > limit
    return outliers


def _interpolate_missing(values: np.ndarray, known: np.ndarray) -> None:
    """Fill rows of values (T, C) that are not known (T,) in place, linearly in time."""
    frames = np.flatnonzero(known)
    for column in values.T:
        column[:] = np.interp(np.arange(len(column)), frames, column[frames])
