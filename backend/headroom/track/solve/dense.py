"""Every frame's motion from its own picture: the skin, as it looks in the key frames, is found again in each.

The landmarks of a frame are some hundred guesses; its skin is a thousand measurements. Each frame by itself steps
towards the picture, with its own light, and what the picture says in the end is kept as least squares, which the
smooth fit of the whole clip takes in beside the landmarks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headroom.common.prefetch import parallel_map
from headroom.common.progress import Progress, no_progress
from headroom.face.model import FaceModel
from headroom.face.topology import inner_lips
from headroom.track.solve.face_patch import FacePatch
from headroom.track.solve.fit import Information, Fit, FitConfig, fit_again, normal_equations, state_of, with_state
from headroom.track.solve.photometric import SkinAppearance, landmark_noise
from headroom.track.solve.residuals import Residuals
from headroom.track.solve.shading import PosedSkin, ShadingResiduals

_LIGHTS = 9


@dataclass(frozen=True)
class DenseConfig:
    """steps: Gauss-Newton steps towards each picture. softness: as in `PhotometricConfig`. agreement: evidence of a
    point. light_prior: weight of the squared changes of a frame's light. lips: mm around the inner lips where the
    picture is not asked, because a mouth that opens shows other things. landmarks: their standard deviation in eye
    distances, the least and, beside pictures that are explained wholly, the loosest.
    """

    steps: int = 2
    softness: float = 0.5
    agreement: float = 1.0
    light_prior: float = 50.0
    expression_prior: float = 0.5
    lips: float = 4.0
    least_landmarks: float = 0.01
    loose_landmarks: float = 0.1


def fit_all_frames(
    model: FaceModel, fit: Fit, frames: Sequence[np.ndarray], points: np.ndarray, corrected: np.ndarray, fps: float,
    noise_scale: np.ndarray | None, look: SkinAppearance, progress: Progress = no_progress,
) -> Fit:
    """Expression and pose of all frames from their pictures beside the landmarks, begun from a fit to those.

    points: (T, 478, 3) landmarks as they were found; corrected: without the landmark network's habit. doubt: as in
    `fit_clip`.
    """
    config = DenseConfig()
    noise = landmark_noise(look.noise, config.least_landmarks, config.loose_landmarks)
    residuals = Residuals(model, corrected, noise, noise_scale)
    evidence = image_information(model, fit, frames, points, look, residuals, config, progress)
    return fit_again(model, corrected, fps, with_state(fit, evidence.state), noise_scale, FitConfig(noise=noise), evidence)


def image_information(
    model: FaceModel, fit: Fit, frames: Sequence[np.ndarray], points: np.ndarray, look: SkinAppearance, residuals: Residuals,
    config: DenseConfig | None = None, progress: Progress = no_progress,
) -> Information:
    """What T pictures (H, W, 3) uint8 say of each frame's motion, begun from a fit to the landmarks.

    points: (T, 478, 3) landmarks that say where the face is; residuals: the fit's distance from landmarks, which keep
    each frame near them. Frames without a face, or with a doubted one, tell nothing.
    """
    closer = _Closer(model, fit, look, residuals, config or DenseConfig())
    state = state_of(fit)
    evidence = Information(state.copy(), np.zeros((*state.shape, state.shape[1]), np.float32), np.zeros_like(state))
    seen = np.flatnonzero(residuals.seen & ~residuals.unreliable)

    def look_at(frame: int) -> None:
        found = closer.frame(frame, frames[frame], points[frame])
        evidence.state[frame], evidence.normal[frame], evidence.right[frame] = found

    for count, _ in enumerate(parallel_map(look_at, seen)):
        if count % 10 == 0:
            progress(count / len(seen), "Comparing with the pictures")
    return evidence


class _Closer:
    """One person's frames, each stepped towards its picture by itself."""

    def __init__(self, model: FaceModel, fit: Fit, look: SkinAppearance, residuals: Residuals, config: DenseConfig):
        self.fit, self.look, self.residuals, self.config = fit, look, residuals, config
        self.neutral = model.shape(fit.identity)
        self.trust = _away_from_lips(model, look.skin.vertices, config.lips)
        self.prior = np.append(np.full(fit.expression.shape[1], config.expression_prior), np.zeros(6))
        self.softness = max(0.3, config.softness * look.unit)

    def frame(self, frame: int, picture: np.ndarray, face: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The state (S,) that a frame comes to, and there the picture's normal equations (S, S) and (S,)."""
        window = FacePatch.of(picture, face, self.softness)
        linear = self.residuals.linearised(self.fit, slice(frame, frame + 1))
        normal, gradient = (values[0] for values in normal_equations(linear))
        fit = self.fit.at(slice(frame, frame + 1))
        begun = state_of(fit)[0]
        for _ in range(self.config.steps):
            state = state_of(fit)[0]
            seen_normal, seen_gradient = self._picture_says(fit, window)
            right = seen_gradient + gradient - normal @ (state - begun) - self.prior * state
            fit = with_state(fit, (state + np.linalg.solve(seen_normal + normal + np.diag(self.prior), right))[None])
        return state_of(fit)[0], *self._picture_says(fit, window)

    def _picture_says(self, fit: Fit, window: FacePatch) -> tuple[np.ndarray, np.ndarray]:
        """JᵀWJ (S, S) and JᵀWr (S,) of a frame's motion, its light eliminated."""
        skin, albedo, noise = self.look.skin, self.look.albedo, self.look.noise
        shaded = ShadingResiduals.of(fit, 0, PosedSkin.of(skin, fit, self.neutral, 0), window, albedo, self.look.light)
        rows = np.concatenate([shaded.by_motion(skin), shaded.by_light(), shaded.missing[:, None]], axis=1)
        rows = rows.astype(np.float32)
        weights = shaded.evidence(noise, self.config.agreement) * self.trust
        products = ((rows * weights[:, None]).T @ rows).astype(np.float64)
        own, light = slice(0, -_LIGHTS - 1), slice(-_LIGHTS - 1, -1)
        lit = np.linalg.solve(products[light, light] + self.config.light_prior * np.eye(_LIGHTS), products[light])
        products -= products[:, light] @ lit
        return products[own, own], products[own, -1]


def _away_from_lips(model: FaceModel, vertices: np.ndarray, reach: float) -> np.ndarray:
    """(N,) 0 within `reach` mm of the inner lips, 1 from 6 mm further on."""
    lips = model.resting_place(inner_lips())
    away = np.linalg.norm(model.mean[vertices][:, None] - lips, axis=2).min(1)
    return np.clip((away - reach) / 6, 0, 1).astype(np.float32)
