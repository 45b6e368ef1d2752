"""What the pictures themselves say: a few frames' faces fitted to the skin's brightness beside the landmarks.

A landmark network reads every face a little as the faces it was taught with, the same way in all of a person's frames.
The pictures know better as far as the model can explain them. So identity, focal length, grey texture and light, and
the frames' own expression and pose are solved together from the brightness of some skin points, coarse to fine; the
landmarks count for little at first, and in the end for the less the better the pictures are explained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from headroom.face.camera import Camera, place, rotation_and_derivatives
from headroom.face.light import DARKEST, harmonics, harmonics_derivative
from headroom.face.model import FaceModel
from headroom.face.topology import eye_distance
from headroom.track.fit import Fit, state_of, with_state
from headroom.track.residuals import Linear, Residuals, chain, projection_derivative
from headroom.track.skin import SkinPoints
from headroom.track.window import Window

_POSE = 6
_BRIGHTNESS = 0.015
"""How well the pictures are explained, display values, when the landmarks have their usual say in the end."""


@dataclass(frozen=True)
class PhotometricConfig:
    """points: of the skin. softness: deviation of the blur of each level, pixels of a face whose eyes are 100 apart;
    rounds: Gauss-Newton steps of each. agreement: evidence of a point, less than one because neighbours err together.
    rim: cosine from which the skin is seen too slantingly. landmarks: their standard deviation in eye distances, loose
    at first, usual and at least in the end. The priors weigh squared coefficients, as in `FitConfig`.
    """

    points: int = 1000
    softness: tuple[float, ...] = (2.0, 1.0, 0.5)
    rounds: tuple[int, ...] = (2, 3, 3)
    agreement: float = 0.15
    rim: float = 0.4
    loose_landmarks: float = 0.1
    usual_landmarks: float = 0.03
    least_landmarks: float = 0.02
    identity_prior: float = 1.0
    expression_prior: float = 0.5
    texture_prior: float = 1.0
    light_prior: tuple[float, ...] = (2e-3, 2.0, 2.0, 2.0, 8.0, 8.0, 8.0, 8.0, 8.0)
    focal_prior: float = 20.0
    least_noise: float = 0.004


@dataclass(frozen=True)
class _State:
    """The frames' fit, grey texture (I,) and light (9,), and the deviation of what they leave of the brightness."""

    fit: Fit
    texture: np.ndarray
    light: np.ndarray
    noise: float


def fit_to_pictures(
    model: FaceModel, fit: Fit, pictures: Sequence[np.ndarray], points: np.ndarray,
    known_face: bool = False, config: PhotometricConfig | None = None,
) -> Fit:
    """The fit of some frames, K pictures (H, W, 3) uint8 with landmarks (K, 478, 3), brought nearer to the pictures.

    known_face: identity and camera stay as they are.
    """
    config = config or PhotometricConfig()
    problem = _Problem(model, fit, known_face, config)
    unit = float(np.nanmedian(eye_distance(points))) / 100
    state = _State(fit, np.zeros(model.albedo_basis.shape[2]), np.zeros(9), 2 * _BRIGHTNESS)
    for level, (softness, rounds) in enumerate(zip(config.softness, config.rounds)):
        windows = [Window.of(p, face, max(0.3, softness * unit)) for p, face in zip(pictures, points)]
        if level == 0:
            state = replace(state, light=problem.first_light(fit, windows))
        last = level == len(config.softness) - 1
        residuals = Residuals(model, points, _landmark_noise(state.noise, config) if last else config.loose_landmarks)
        for _ in range(rounds):
            state = problem.solve(state, windows, residuals)
    return state.fit


def _landmark_noise(noise: float, config: PhotometricConfig) -> float:
    """The landmarks' standard deviation, in eye distances, beside pictures that are explained to `noise`."""
    believed = config.usual_landmarks * (_BRIGHTNESS / noise) ** 2
    return float(np.clip(believed, config.least_landmarks, config.loose_landmarks))


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

    def first_light(self, fit: Fit, windows: list[Window]) -> np.ndarray:
        """γ (9,) that suits the mean texture."""
        rows, greys = [], []
        for frame, window in enumerate(windows):
            placed, normals = self._surface(fit, frame, self.model.shape(fit.identity, fit.expression[frame]))[:2]
            square = self._square(placed, normals)
            rows.append(harmonics(normals) * (self.skin.albedo_mean * square)[:, None])
            greys.append(window.at(fit.camera.project(placed))[0] * square)
        return np.linalg.lstsq(np.concatenate(rows), np.concatenate(greys), rcond=None)[0]

    def solve(self, state: _State, windows: list[Window], residuals: Residuals) -> _State:
        """One Gauss-Newton step of everything; each frame's own unknowns are eliminated by themselves."""
        fit, frames = state.fit, slice(0, len(windows))
        linear = residuals.linearised(fit, frames)
        by_face = residuals.by_shared(fit, frames, linear)
        shapes = self.model.shape(fit.identity, fit.expression)
        own = len(self.own_prior)
        normal, right = np.diag(self.shared_prior), -self.shared_prior * self._shared_values(state)
        motion, solved, left_over = state_of(fit), [], []
        for frame, window in enumerate(windows):
            rows, weights, left = self._rows(state, frame, window, shapes[frame])
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
        self, state: _State, frame: int, window: Window, shape: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Derivatives (N, columns + 1) of the shown less the seen brightness, what is missing last; weights (N,); how
        far those seen squarely are off.
        """
        fit, skin = state.fit, self.skin
        placed, normals, (points, facing), rotation, derivatives = self._surface(fit, frame, shape)
        pixels = fit.camera.project(placed)
        seen, along_u, along_v = window.at(pixels)
        phi = harmonics(normals).astype(np.float32)
        shading = np.maximum(phi @ state.light, DARKEST).astype(np.float32)
        albedo = skin.albedo(state.texture)
        missing = seen - albedo * shading
        square = self._square(placed, normals)
        by_place = -_along(along_u, along_v, fit.camera, placed)
        by_normal = albedo[:, None] * (harmonics_derivative(normals) * state.light[:, None]).sum(1)
        by_shape = _carried(by_place @ rotation, skin.shape_basis) + _carried(by_normal @ rotation, skin.normal_basis)
        by_rotation = [(by_place * (points @ d.T)).sum(1) + (by_normal * (facing @ d.T)).sum(1) for d in derivatives]
        u, v = (pixels - [fit.camera.width / 2, fit.camera.height / 2]).T
        by_focal = by_place[:, 2] * fit.translation[frame, 2] - along_u * u - along_v * v
        identities = self.face_size - 1
        rows = np.concatenate([
            by_shape[:, identities:], np.stack(by_rotation, 1), by_place, by_shape[:, :identities], by_focal[:, None],
            skin.albedo_basis * shading[:, None], albedo[:, None] * phi, missing[:, None],
        ], axis=1).astype(np.float32)
        weights = square * self.config.agreement / state.noise**2 / (1 + (missing / (3 * state.noise)) ** 2)
        return rows, weights.astype(np.float32), np.abs(missing[square > 0.2])

    def _surface(self, fit: Fit, frame: int, shape: np.ndarray):
        """Skin points and normals (N, 3) in camera axes, both in model axes, rotation (3, 3) and its derivatives."""
        rotation, derivatives = rotation_and_derivatives(fit.rotation[frame])
        points, normals = shape[self.skin.vertices], self.model.normals(shape)[self.skin.vertices]
        placed = place(points, fit.rotation[frame], fit.translation[frame])
        return placed, normals @ rotation.T, (points, normals), rotation, derivatives

    def _square(self, placed: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """(N,) how squarely the points are seen, 0 from the rim on."""
        towards = -(placed * normals).sum(1) / np.linalg.norm(placed, axis=1)
        return np.clip((towards - self.config.rim) / (1 - self.config.rim), 0, 1)

    def _landmark_products(self, linear: Linear, by_face: np.ndarray, frame: int) -> np.ndarray:
        """(columns + 1, columns + 1) what the landmarks add to a frame's normal equations."""
        own, face = linear.motion.shape[2], by_face.shape[2]
        rows = np.concatenate([linear.motion[frame], by_face[frame], linear.residual[frame][:, None]], axis=1)
        small = (rows * linear.weights[frame][:, None]).T @ rows
        columns = np.r_[np.arange(own + face), own + len(self.shared_prior)]
        products = np.zeros((columns[-1] + 1,) * 2)
        products[np.ix_(columns, columns)] = small
        return products


def _along(along_u: np.ndarray, along_v: np.ndarray, camera: Camera, placed: np.ndarray) -> np.ndarray:
    """(N, 3) brightness per millimetre in camera axes."""
    by_camera = projection_derivative(camera.focal_px, placed)
    return along_u[:, None] * by_camera[:, 0] + along_v[:, None] * by_camera[:, 1]


def _carried(by_point: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """(N, C): derivatives by points (N, 3) carried on to the coefficients of a basis (N, 3, C)."""
    return chain(by_point.astype(np.float32)[None, :, None], basis)[0, :, 0]
