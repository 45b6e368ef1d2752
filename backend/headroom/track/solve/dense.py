"""The dense fit: every frame's motion from its own picture, with the skin's appearance known from the key frames.

The landmarks of a frame are some hundred estimates; its skin is a thousand measurements. Each frame by itself steps
towards its picture, with its own light. The normal equations that the picture ends with are added, as information, to
the smooth fit of the whole clip to the landmarks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from headroom.common.prefetch import parallel_map
from headroom.common.progress import Progress, no_progress
from headroom.face.model import FaceModel
from headroom.face.pose_information import PoseInformation
from headroom.face.topology import inner_lips
from headroom.track.solve.face_patch import FacePatch
from headroom.track.solve.fit import POSE_SIZE, Fit, Information
from headroom.track.solve.landmark_fit import FitConfig, normal_equations, refit_motion
from headroom.track.solve.photometric import MIN_BLUR_PX, SkinAppearance, landmark_noise
from headroom.track.solve.residuals import Residuals
from headroom.track.solve.shading import PosedSkin, ShadingResiduals
from headroom.track.solve.tracker_input import TrackerInput

_LIGHTS = 9
_LIP_FALLOFF_MM = 6.0


@dataclass(frozen=True)
class DenseConfig:
    """Settings of the dense fit."""

    steps: int = 2
    """Gauss-Newton steps towards each picture."""
    blur: float = 0.5
    """As in `PhotometricConfig`."""
    information: float = 1.0
    """Weight of a skin point."""
    light_prior: float = 50.0
    """Weight of the squared changes of a frame's light."""
    expression_prior: float = 0.5
    lips_mm: float = 4.0
    """Skin within this distance of the inner lips is left out, because an opening mouth shows other things there."""
    min_landmark_noise: float = 0.01
    """Standard deviation of the landmarks, eye distances."""
    max_landmark_noise: float = 0.1
    """The same beside pictures that the model explains fully."""


_MEASUREMENTS = 2
"""How often poses are measured by the head; the second time the first one has improved the start."""


class PosedHead(Protocol):
    """The head in the poses of a fit of all frames."""

    def measure_poses(self) -> PoseInformation | None:
        """Return what the head tells of the poses, starting from these; None where it tells nothing."""

    def disagreement(self) -> float:
        """Return how much the frames differ in what they show of the head in these poses; lower is better."""


class HeadMeasurement(Protocol):
    """Measures poses by more than the face."""

    def posed(self, fit: Fit) -> PosedHead:
        """Return the head in the poses of a fit."""


@dataclass(frozen=True)
class DenseFit:
    """The dense fit, and what it follows from, so that more information can be added.

    clip: with corrected landmarks. information: of the pictures.
    """

    fit: Fit
    clip: TrackerInput
    config: FitConfig
    information: Information

    def with_head(self, model: FaceModel, head: HeadMeasurement, progress: Progress = no_progress) -> Fit:
        """Return the fit by face and head in which the frames agree best; that by the face where it is the one."""
        fit = best = self.fit
        posed = head.posed(fit)
        least = posed.disagreement()
        for number in range(_MEASUREMENTS):
            progress(number / _MEASUREMENTS, "Comparing with the pictures")
            poses = posed.measure_poses()
            if poses is None:
                break
            fit = refit_motion(model, self.clip, fit, self.config, self.information.with_poses(poses))
            posed = head.posed(fit)
            disagreement = posed.disagreement()
            if disagreement < least:
                best, least = fit, disagreement
        return best


def fit_all_frames(
    model: FaceModel, clip: TrackerInput, corrected: np.ndarray, fit: Fit, appearance: SkinAppearance,
    progress: Progress = no_progress,
) -> DenseFit:
    """Fit expression and pose of all frames to pictures and landmarks, from a fit to the landmarks.

    clip: with the landmarks as found.
    corrected: (T, 478, 3) landmarks without the network's bias.
    """
    config = DenseConfig()
    noise = landmark_noise(appearance.noise, config.min_landmark_noise, config.max_landmark_noise)
    residuals = Residuals(model, corrected, noise, clip.noise_scale)
    information = image_information(model, clip, fit, appearance, residuals, progress)
    landmarks, fit_config = clip.with_points(corrected), FitConfig(noise=noise)
    fit = refit_motion(model, landmarks, fit.with_state(information.state), fit_config, information)
    return DenseFit(fit, landmarks, fit_config, information)


def image_information(
    model: FaceModel, clip: TrackerInput, fit: Fit, appearance: SkinAppearance, residuals: Residuals,
    progress: Progress = no_progress,
) -> Information:
    """Return the information that the pictures have about each frame's motion, from a fit to the landmarks.

    Frames without a face, and frames whose landmarks the regressor predicted, have no information.

    clip: its landmarks tell where the face is in the picture.
    residuals: of the landmarks that keep each frame near them.
    """
    picture_fit = _PictureFit(model, fit, appearance, residuals, DenseConfig())
    state = fit.state
    information = Information(state.copy(), np.zeros((*state.shape, state.shape[1]), np.float32), np.zeros_like(state))
    seen = np.flatnonzero(residuals.seen & ~residuals.predicted)

    def fit_frame(frame: int) -> None:
        result = picture_fit.fit_frame(frame, clip.frames[frame], clip.points[frame])
        information.state[frame], information.normal[frame], information.right[frame] = result

    for count, _ in enumerate(parallel_map(fit_frame, seen)):
        if count % 10 == 0:
            progress(count / len(seen), "Comparing with the pictures")
    return information


class _PictureFit:
    """One person's frames, each fitted to its picture by itself."""

    def __init__(
        self, model: FaceModel, fit: Fit, appearance: SkinAppearance, residuals: Residuals, config: DenseConfig
    ):
        self.fit, self.appearance, self.residuals, self.config = fit, appearance, residuals, config
        self.neutral = model.shape(fit.identity)
        self.lip_weights = _weights_around_lips(model, appearance.skin.vertices, config.lips_mm)
        self.prior = np.append(np.full(fit.expression.shape[1], config.expression_prior), np.zeros(POSE_SIZE))
        self.blur = max(MIN_BLUR_PX, config.blur * appearance.unit)

    def fit_frame(
        self, frame: int, picture: np.ndarray, points: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the state (S,) of one frame, and the picture's normal equations (S, S) and (S,) there."""
        patch = FacePatch.of(picture, points, self.blur)
        linear = self.residuals.linearised(self.fit, slice(frame, frame + 1))
        normal, gradient = (values[0] for values in normal_equations(linear))
        fit = self.fit.at(slice(frame, frame + 1))
        start = fit.state[0]
        for _ in range(self.config.steps):
            state = fit.state[0]
            picture_normal, picture_gradient = self._picture_equations(fit, patch)
            right = picture_gradient + gradient - normal @ (state - start) - self.prior * state
            step = np.linalg.solve(picture_normal + normal + np.diag(self.prior), right)
            fit = fit.with_state((state + step)[None])
        return fit.state[0], *self._picture_equations(fit, patch)

    def _picture_equations(self, fit: Fit, patch: FacePatch) -> tuple[np.ndarray, np.ndarray]:
        """Return JᵀWJ (S, S) and JᵀWr (S,) of a frame's motion, with the frame's own light eliminated."""
        skin, albedo, light = self.appearance.skin, self.appearance.albedo, self.appearance.light
        shaded = ShadingResiduals.of(fit, 0, PosedSkin.of(skin, fit, self.neutral, 0), patch, albedo, light)
        rows = np.concatenate([shaded.by_motion(skin), shaded.by_light(), shaded.residual[:, None]], axis=1)
        rows = rows.astype(np.float32)
        weights = shaded.robust_weights(self.appearance.noise, self.config.information) * self.lip_weights
        products = ((rows * weights[:, None]).T @ rows).astype(np.float64)
        own, lights = slice(0, -_LIGHTS - 1), slice(-_LIGHTS - 1, -1)
        light_normal = products[lights, lights] + self.config.light_prior * np.eye(_LIGHTS)
        products -= products[:, lights] @ np.linalg.solve(light_normal, products[lights])
        return products[own, own], products[own, -1]


def _weights_around_lips(model: FaceModel, vertices: np.ndarray, radius_mm: float) -> np.ndarray:
    """Return (N,) 0 within `radius_mm` of the inner lips, rising to 1."""
    lips = model.mean_positions(inner_lips())
    distance = np.linalg.norm(model.mean[vertices][:, None] - lips, axis=2).min(1)
    return np.clip((distance - radius_mm) / _LIP_FALLOFF_MM, 0, 1).astype(np.float32)
