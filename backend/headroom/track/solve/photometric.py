"""The photometric fit of key frames: identity, camera, texture and light from the skin's brightness and the landmarks.

A landmark network errs a little towards the faces that it was trained on, in the same way in all frames of a person.
The pictures have no such bias as far as the model explains them. So identity, focal length, grey texture, light, and
the key frames' expression and pose are solved together from the brightness of skin points, coarse to fine. Landmarks
start with a low weight, which drops further as the image fit improves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from headroom.face.light import MIN_SHADING, harmonics
from headroom.face.model import FaceModel
from headroom.face.texture import sample_texture
from headroom.face.topology import eye_distance
from headroom.track.solve.face_patch import FacePatch
from headroom.track.solve.fit import POSE_SIZE, Fit
from headroom.track.solve.residuals import Linearization, Residuals
from headroom.track.solve.shading import PosedSkin, ShadingResiduals
from headroom.track.solve.skin_points import SkinPoints

MIN_BLUR_PX = 0.3
_USUAL_NOISE, _USUAL_LANDMARK_NOISE = 0.015, 0.03
"""Where the image fit leaves this noise (display values), landmarks have this standard deviation (eye distances)."""
_ALBEDO_PRIOR, _ALBEDO_NOISE = 0.3, 0.03
"""Weight of the texture model's albedo, in frontal views, and noise of a frame's albedo, display values."""
_MAX_FOCAL_STEP = 0.3
"""Limit of a step of the focal length's logarithm."""


@dataclass(frozen=True)
class PhotometricConfig:
    """Settings of the photometric fit. The priors weigh squared coefficients, as in `FitConfig`."""

    points: int = 1000
    """Number of skin points."""
    blur: tuple[float, ...] = (2.0, 1.0, 0.5)
    """Standard deviation of each level's blur, pixels of a face whose eyes are 100 pixels apart."""
    rounds: tuple[int, ...] = (2, 3, 3)
    """Gauss-Newton steps of each level."""
    information: float = 0.15
    """Weight of a point; below one, because neighbouring points err together."""
    max_landmark_noise: float = 0.3
    """Standard deviation of the landmarks at first, eye distances."""
    min_landmark_noise: float = 0.02
    """Its lower limit on the last level."""
    identity_prior: float = 1.0
    expression_prior: float = 0.5
    texture_prior: float = 1.0
    light_prior: tuple[float, ...] = (2e-3, 2.0, 2.0, 2.0, 8.0, 8.0, 8.0, 8.0, 8.0)
    focal_prior: float = 20.0
    min_noise: float = 0.004
    """Lower limit of the brightness noise, display values."""


@dataclass(frozen=True)
class SkinAppearance:
    """Appearance of one person's skin points.

    albedo: (N,), light: (9,), grey display values.
    unit: a hundredth of the eye distance in the pictures, pixels.
    noise: standard deviation of the brightness residuals, display values.
    """

    skin: SkinPoints
    albedo: np.ndarray
    light: np.ndarray
    unit: float
    noise: float

    def with_known(self, model: FaceModel, albedo: np.ndarray, light: np.ndarray) -> SkinAppearance:
        """Return the same with a known albedo texture (S, S, 3) uint8 and light (9, 3)."""
        colours = sample_texture(albedo, model.uv[self.skin.vertices])
        return replace(self, albedo=colours.mean(1), light=light.mean(1))


@dataclass(frozen=True)
class _State:
    """The key frames' fit, grey texture (I,), light (9,), and the noise that they leave in the brightness."""

    fit: Fit
    texture: np.ndarray
    light: np.ndarray
    noise: float


def fit_key_frames(
    model: FaceModel, fit: Fit, pictures: Sequence[np.ndarray], points: np.ndarray,
    known_face: bool = False, config: PhotometricConfig | None = None,
) -> tuple[Fit, SkinAppearance]:
    """Fit the model to K key frames' pictures, and return the fit and the skin's appearance in them.

    fit: of the K frames to their landmarks.
    pictures: K of (H, W, 3) uint8.
    points: (K, 478, 3) landmarks.
    known_face: keep identity and camera.
    """
    config = config or PhotometricConfig()
    problem = _PhotometricProblem(model, fit, known_face, config)
    unit = float(np.nanmedian(eye_distance(points))) / 100
    state = _State(fit, np.zeros(model.albedo_basis.shape[2]), np.zeros(9), 2 * _USUAL_NOISE)
    for level, (blur, rounds) in enumerate(zip(config.blur, config.rounds)):
        patches = [FacePatch.of(p, face, max(MIN_BLUR_PX, blur * unit)) for p, face in zip(pictures, points)]
        if level == 0:
            state = replace(state, light=problem.initial_light(fit, patches))
        noise = config.max_landmark_noise
        if level == len(config.blur) - 1:
            noise = landmark_noise(state.noise, config.min_landmark_noise, config.max_landmark_noise)
        residuals = Residuals(model, points, noise)
        for _ in range(rounds):
            state = problem.solve(state, patches, residuals)
    albedo = problem.mean_albedo(state, patches)
    return state.fit, SkinAppearance(problem.skin, albedo, state.light, unit, state.noise)


def landmark_noise(picture_noise: float, minimum: float, maximum: float) -> float:
    """Return the landmarks' standard deviation, eye distances, beside an image fit with `picture_noise`."""
    return float(np.clip(_USUAL_LANDMARK_NOISE * (_USUAL_NOISE / picture_noise) ** 2, minimum, maximum))


class _PhotometricProblem:
    """One person's key frames.

    Columns of the normal equations: expression and pose of one frame; then the shared unknowns identity, focal length,
    texture and light.
    """

    def __init__(self, model: FaceModel, fit: Fit, known_face: bool, config: PhotometricConfig):
        self.model, self.config, self.known_face = model, config, known_face
        self.skin = SkinPoints(model, fit.identity, config.points)
        self.usual_focal = fit.camera.focal_px
        identities, modes = model.identity_basis.shape[2], model.albedo_basis.shape[2]
        expressions = np.full(fit.expression.shape[1], config.expression_prior)
        self.motion_prior = np.append(expressions, np.full(POSE_SIZE, 1e-6))
        self.face_size = identities + 1
        face = np.append(np.full(identities, config.identity_prior), config.focal_prior)
        self.shared_prior = np.concatenate([face, np.full(modes, config.texture_prior), config.light_prior])

    def initial_light(self, fit: Fit, patches: list[FacePatch]) -> np.ndarray:
        """Return γ (9,) by least squares under the mean albedo."""
        rows, greys = [], []
        for phi, grey, weight in self._seen_skin(fit, patches):
            rows.append(phi * (self.skin.albedo_mean * weight)[:, None])
            greys.append(grey * weight)
        return np.linalg.lstsq(np.concatenate(rows), np.concatenate(greys), rcond=None)[0]

    def mean_albedo(self, state: _State, patches: list[FacePatch]) -> np.ndarray:
        """Return the skin's albedo (N,): a robust mean over the frames and the texture model."""
        phi, grey, weights = (np.stack(values) for values in zip(*self._seen_skin(state.fit, patches)))
        seen = grey / np.maximum(phi @ state.light, MIN_SHADING)
        mean = model = self.skin.albedo(state.texture)
        for _ in range(3):
            robust = weights / (1 + ((seen - mean) / _ALBEDO_NOISE) ** 2)
            mean = (_ALBEDO_PRIOR * model + (robust * seen).sum(0)) / (_ALBEDO_PRIOR + robust.sum(0))
        return mean.astype(np.float32)

    def solve(self, state: _State, patches: list[FacePatch], residuals: Residuals) -> _State:
        """Take one Gauss-Newton step of all unknowns; each frame's own ones are eliminated (Schur complement)."""
        fit, frames = state.fit, slice(0, len(patches))
        linear = residuals.linearised(fit, frames)
        by_face = residuals.by_shared(fit, frames, linear)
        neutral, own = self.model.shape(fit.identity), len(self.motion_prior)
        normal, right = np.diag(self.shared_prior), -self.shared_prior * self._shared_values(state)
        motion, solved, absolute_residuals = fit.state, [], []
        for frame, patch in enumerate(patches):
            rows, weights, absolute = self._rows(state, frame, patch, neutral)
            products = ((rows * weights[:, None]).T @ rows).astype(np.float64)
            products += self._landmark_products(linear, by_face, frame)
            gradient = products[:own, -1] - self.motion_prior * motion[frame]
            coupling = products[:own, own:-1]
            known = np.concatenate([coupling, gradient[:, None]], axis=1)
            solved.append(np.linalg.solve(products[:own, :own] + np.diag(self.motion_prior), known))
            eliminated = coupling.T @ solved[-1]
            normal += products[own:-1, own:-1] - eliminated[:, :-1]
            right += products[own:-1, -1] - eliminated[:, -1]
            absolute_residuals.append(absolute)
        step = self._shared_step(normal, right)
        motion = motion + np.stack([s[:, -1] - s[:, :-1] @ step for s in solved])
        # 1.48 times the median absolute deviation estimates a standard deviation
        noise = max(1.48 * float(np.median(np.concatenate(absolute_residuals))), self.config.min_noise)
        return self._stepped(state, motion, step, noise)

    def _seen_skin(self, fit: Fit, patches: list[FacePatch]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield each frame's harmonics (N, 9), brightness (N,) and weights (N,) of the skin."""
        neutral = self.model.shape(fit.identity)
        for frame, patch in enumerate(patches):
            posed = PosedSkin.of(self.skin, fit, neutral, frame)
            grey, _, _, unclipped = patch.sample(posed.pixels)
            yield harmonics(posed.camera_normals), grey, posed.view_weight * unclipped

    def _shared_values(self, state: _State) -> np.ndarray:
        focal = np.log(state.fit.camera.focal_px / self.usual_focal)
        return np.concatenate([state.fit.identity, [focal], state.texture, state.light])

    def _shared_step(self, normal: np.ndarray, right: np.ndarray) -> np.ndarray:
        free = slice(self.face_size, None) if self.known_face else slice(None)
        step = np.zeros(len(right))
        step[free] = np.linalg.solve(normal[free, free], right[free])
        focal = self.face_size - 1
        step[focal] = np.clip(step[focal], -_MAX_FOCAL_STEP, _MAX_FOCAL_STEP)
        return step

    def _stepped(self, state: _State, motion: np.ndarray, step: np.ndarray, noise: float) -> _State:
        identities, appearance = self.face_size - 1, step[self.face_size :]
        focal_ratio = float(np.exp(step[identities]))
        motion[:, -1] *= focal_ratio
        camera = replace(state.fit.camera, focal_px=state.fit.camera.focal_px * focal_ratio)
        fit = replace(state.fit.with_state(motion), camera=camera, identity=state.fit.identity + step[:identities])
        modes = len(state.texture)
        return _State(fit, state.texture + appearance[:modes], state.light + appearance[modes:], noise)

    def _rows(
        self, state: _State, frame: int, patch: FacePatch, neutral: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return a frame's Jacobian with the residual as last column (N, columns + 1), weights (N,), |residuals|."""
        skin, fit = self.skin, state.fit
        posed = PosedSkin.of(skin, fit, neutral, frame)
        shaded = ShadingResiduals.of(fit, frame, posed, patch, skin.albedo(state.texture), state.light)
        rows = np.concatenate([
            shaded.by_motion(skin), shaded.by_face(skin), skin.albedo_basis * shaded.shading[:, None],
            shaded.by_light(), shaded.residual[:, None],
        ], axis=1).astype(np.float32)
        return rows, shaded.robust_weights(state.noise, self.config.information), shaded.absolute_residuals()

    def _landmark_products(self, linear: Linearization, by_face: np.ndarray, frame: int) -> np.ndarray:
        """Return what the landmarks add to a frame's products (columns + 1, columns + 1)."""
        own, face = linear.motion.shape[2], by_face.shape[2]
        rows = np.concatenate([linear.motion[frame], by_face[frame], linear.residual[frame][:, None]], axis=1)
        small = (rows * linear.weights[frame][:, None]).T @ rows
        columns = np.r_[np.arange(own + face), own + len(self.shared_prior)]
        products = np.zeros((columns[-1] + 1,) * 2)
        products[np.ix_(columns, columns)] = small
        return products
