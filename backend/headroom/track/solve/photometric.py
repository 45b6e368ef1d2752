"""What the pictures themselves say: a few frames' faces fitted to the skin's brightness beside the landmarks.

A landmark network reads every face a little as the faces it was taught with, the same way in all of a person's frames.
The pictures know better as far as the model can explain them. So identity, focal length, grey texture and light, and
the frames' own expression and pose are solved together from the brightness of some skin points, coarse to fine; the
landmarks count for little at first, and in the end for the less the better the pictures are explained.
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
from headroom.track.solve.fit import Fit, state_of, with_state
from headroom.track.solve.residuals import Linearization, Residuals
from headroom.track.solve.shading import PosedSkin, ShadingResiduals
from headroom.track.solve.skin_points import SkinPoints

_POSE = 6
_BRIGHTNESS, _USUAL_LANDMARKS = 0.015, 0.03
"""Pictures explained to this, display values, leave landmarks this standard deviation, in eye distances."""
_ALBEDO_PRIOR, _ALBEDO_NOISE = 0.3, 0.03
"""Squarely seen frames that the texture model counts for, and how far a frame's colour may be off, display values."""


@dataclass(frozen=True)
class PhotometricConfig:
    """points: of the skin. softness: deviation of the blur of each level, pixels of a face whose eyes are 100 apart;
    rounds: Gauss-Newton steps of each. agreement: evidence of a point, less than one because neighbours err together.
    landmarks: their standard deviation in eye distances, loose at first, at least so much in the end. The priors weigh
    squared coefficients, as in `FitConfig`.
    """

    points: int = 1000
    softness: tuple[float, ...] = (2.0, 1.0, 0.5)
    rounds: tuple[int, ...] = (2, 3, 3)
    agreement: float = 0.15
    loose_landmarks: float = 0.3
    least_landmarks: float = 0.02
    identity_prior: float = 1.0
    expression_prior: float = 0.5
    texture_prior: float = 1.0
    light_prior: tuple[float, ...] = (2e-3, 2.0, 2.0, 2.0, 8.0, 8.0, 8.0, 8.0, 8.0)
    focal_prior: float = 20.0
    least_noise: float = 0.004


@dataclass(frozen=True)
class SkinAppearance:
    """How one person's skin looks: albedo (N,) of its points and light (9,), grey; unit: hundredths of the eye distance
    in the pictures; noise: deviation of what the texture model leaves of the brightness.
    """

    skin: SkinPoints
    albedo: np.ndarray
    light: np.ndarray
    unit: float
    noise: float

    def known(self, model: FaceModel, albedo: np.ndarray, light: np.ndarray) -> "SkinAppearance":
        """The same with an albedo picture (S, S, 3) uint8 and light (9, 3) that are known already."""
        colours = sample_texture(albedo, model.uv[self.skin.vertices])
        return replace(self, albedo=colours.mean(1), light=light.mean(1))


@dataclass(frozen=True)
class _State:
    """The frames' fit, grey texture (I,) and light (9,), and the deviation of what they leave of the brightness."""

    fit: Fit
    texture: np.ndarray
    light: np.ndarray
    noise: float


def fit_key_frames(
    model: FaceModel, fit: Fit, pictures: Sequence[np.ndarray], points: np.ndarray,
    known_face: bool = False, config: PhotometricConfig | None = None,
) -> tuple[Fit, SkinAppearance]:
    """The fit of some frames, K pictures (H, W, 3) uint8 with landmarks (K, 478, 3), brought nearer to the pictures,
    and the skin's look in them.

    known_face: identity and camera stay as they are.
    """
    config = config or PhotometricConfig()
    problem = _Problem(model, fit, known_face, config)
    unit = float(np.nanmedian(eye_distance(points))) / 100
    state = _State(fit, np.zeros(model.albedo_basis.shape[2]), np.zeros(9), 2 * _BRIGHTNESS)
    for level, (softness, rounds) in enumerate(zip(config.softness, config.rounds)):
        windows = [FacePatch.of(p, face, max(0.3, softness * unit)) for p, face in zip(pictures, points)]
        if level == 0:
            state = replace(state, light=problem.first_light(fit, windows))
        noise = config.loose_landmarks
        if level == len(config.softness) - 1:
            noise = landmark_noise(state.noise, config.least_landmarks, config.loose_landmarks)
        residuals = Residuals(model, points, noise)
        for _ in range(rounds):
            state = problem.solve(state, windows, residuals)
    return state.fit, SkinAppearance(problem.skin, problem.own_albedo(state, windows), state.light, unit, state.noise)


def landmark_noise(picture_noise: float, least: float, loose: float) -> float:
    """The landmarks' standard deviation, in eye distances, beside pictures that are explained to `picture_noise`."""
    return float(np.clip(_USUAL_LANDMARKS * (_BRIGHTNESS / picture_noise) ** 2, least, loose))


class _Problem:
    """One person's frames; columns are expression and pose of a frame, then identity, focal length, texture, light."""

    def __init__(self, model: FaceModel, fit: Fit, known_face: bool, config: PhotometricConfig):
        self.model, self.config, self.known_face = model, config, known_face
        self.skin = SkinPoints(model, fit.identity, config.points)
        self.usual_focal = fit.camera.focal_px
        identities, modes = model.identity_basis.shape[2], model.albedo_basis.shape[2]
        self.own_prior = np.append(np.full(fit.expression.shape[1], config.expression_prior), np.full(_POSE, 1e-6))
        self.face_size = identities + 1
        face = np.append(np.full(identities, config.identity_prior), config.focal_prior)
        self.shared_prior = np.concatenate([face, np.full(modes, config.texture_prior), config.light_prior])

    def first_light(self, fit: Fit, windows: list[FacePatch]) -> np.ndarray:
        """γ (9,) that suits the mean texture."""
        rows, greys = [], []
        for phi, grey, weight in self._seen(fit, windows):
            rows.append(phi * (self.skin.albedo_mean * weight)[:, None])
            greys.append(grey * weight)
        return np.linalg.lstsq(np.concatenate(rows), np.concatenate(greys), rcond=None)[0]

    def own_albedo(self, state: _State, windows: list[FacePatch]) -> np.ndarray:
        """(N,) the skin's own brightness under the light: a robust mean over the frames."""
        phi, grey, weights = (np.stack(values) for values in zip(*self._seen(state.fit, windows)))
        seen = grey / np.maximum(phi @ state.light, MIN_SHADING)
        mean = model = self.skin.albedo(state.texture)
        for _ in range(3):
            trust = weights / (1 + ((seen - mean) / _ALBEDO_NOISE) ** 2)
            mean = (_ALBEDO_PRIOR * model + (trust * seen).sum(0)) / (_ALBEDO_PRIOR + trust.sum(0))
        return mean.astype(np.float32)

    def _seen(self, fit: Fit, windows: list[FacePatch]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """For each frame the skin's harmonics (N, 9), its brightness (N,), and how well it is seen (N,)."""
        neutral = self.model.shape(fit.identity)
        for frame, window in enumerate(windows):
            posed = PosedSkin.of(self.skin, fit, neutral, frame)
            grey, _, _, true = window.at(posed.pixels)
            yield harmonics(posed.normals), grey, posed.square * true

    def solve(self, state: _State, windows: list[FacePatch], residuals: Residuals) -> _State:
        """One Gauss-Newton step of everything; each frame's own unknowns are eliminated by themselves."""
        fit, frames = state.fit, slice(0, len(windows))
        linear = residuals.linearised(fit, frames)
        by_face = residuals.by_shared(fit, frames, linear)
        neutral, own = self.model.shape(fit.identity), len(self.own_prior)
        normal, right = np.diag(self.shared_prior), -self.shared_prior * self._shared_values(state)
        motion, solved, left_over = state_of(fit), [], []
        for frame, window in enumerate(windows):
            rows, weights, left = self._rows(state, frame, window, neutral)
            products = ((rows * weights[:, None]).T @ rows).astype(np.float64)
            products += self._landmark_products(linear, by_face, frame)
            gradient = products[:own, -1] - self.own_prior * motion[frame]
            coupling = products[:own, own:-1]
            known = np.concatenate([coupling, gradient[:, None]], axis=1)
            solved.append(np.linalg.solve(products[:own, :own] + np.diag(self.own_prior), known))
            eliminated = coupling.T @ solved[-1]
            normal += products[own:-1, own:-1] - eliminated[:, :-1]
            right += products[own:-1, -1] - eliminated[:, -1]
            left_over.append(left)
        step = self._shared_step(normal, right)
        motion = motion + np.stack([s[:, -1] - s[:, :-1] @ step for s in solved])
        noise = max(1.48 * float(np.median(np.concatenate(left_over))), self.config.least_noise)
        return self._stepped(state, motion, step, noise)

    def _shared_values(self, state: _State) -> np.ndarray:
        focal = np.log(state.fit.camera.focal_px / self.usual_focal)
        return np.concatenate([state.fit.identity, [focal], state.texture, state.light])

    def _shared_step(self, normal: np.ndarray, right: np.ndarray) -> np.ndarray:
        free = slice(self.face_size, None) if self.known_face else slice(None)
        step = np.zeros(len(right))
        step[free] = np.linalg.solve(normal[free, free], right[free])
        focal = self.face_size - 1
        step[focal] = np.clip(step[focal], -0.3, 0.3)
        return step

    def _stepped(self, state: _State, motion: np.ndarray, step: np.ndarray, noise: float) -> _State:
        identities, look = self.face_size - 1, step[self.face_size :]
        grown = float(np.exp(step[identities]))
        motion[:, -1] *= grown
        camera = replace(state.fit.camera, focal_px=state.fit.camera.focal_px * grown)
        fit = replace(with_state(state.fit, motion), camera=camera, identity=state.fit.identity + step[:identities])
        modes = len(state.texture)
        return _State(fit, state.texture + look[:modes], state.light + look[modes:], noise)

    def _rows(
        self, state: _State, frame: int, window: FacePatch, neutral: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Derivatives (N, columns + 1) of the shown less the seen brightness, what is missing last; weights (N,); how
        far those seen squarely are off.
        """
        skin, fit = self.skin, state.fit
        posed = PosedSkin.of(skin, fit, neutral, frame)
        shaded = ShadingResiduals.of(fit, frame, posed, window, skin.albedo(state.texture), state.light)
        rows = np.concatenate([
            shaded.by_motion(skin), shaded.by_face(skin), skin.albedo_basis * shaded.shading[:, None],
            shaded.by_light(), shaded.missing[:, None],
        ], axis=1).astype(np.float32)
        return rows, shaded.evidence(state.noise, self.config.agreement), shaded.left_over()

    def _landmark_products(self, linear: Linearization, by_face: np.ndarray, frame: int) -> np.ndarray:
        """(columns + 1, columns + 1) what the landmarks add to a frame's normal equations."""
        own, face = linear.motion.shape[2], by_face.shape[2]
        rows = np.concatenate([linear.motion[frame], by_face[frame], linear.residual[frame][:, None]], axis=1)
        small = (rows * linear.weights[frame][:, None]).T @ rows
        columns = np.r_[np.arange(own + face), own + len(self.shared_prior)]
        products = np.zeros((columns[-1] + 1,) * 2)
        products[np.ix_(columns, columns)] = small
        return products
