"""The person's appearance: light γ and texture δ by linear least squares, and an albedo texture of a chosen kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from headroom.common.arrays import evenly_spaced
from headroom.common.errors import InputError
from headroom.common.progress import Progress, no_progress
from headroom.face.light import AMBIENT, harmonics
from headroom.face.model import FaceModel
from headroom.track.appearance import albedo
from headroom.track.appearance.sampling import posed_surface, sample_colours, view_weight
from headroom.track.solve.fit import Fit
from headroom.track.solve.frame_selection import good_frames

ALBEDO_KINDS = {"low": albedo.texture_model_albedo, "frame": albedo.single_frame_albedo, "clip": albedo.averaged_albedo}
"""low: the texture model alone. frame: the paper's detailed albedo, from one frame. clip: a robust mean of many frames.
"""

_LIGHT_FRAMES = 16
"""Number of frames that light and texture are fitted to."""
_ROUNDS, _OUTLIER = 5, 0.08
"""Alternations of light and texture, and the colour difference at which a vertex's weight is halved."""
_LIGHT_PRIOR = (0.0, *[5e-4] * 3, *[3e-3] * 5)
"""Ridge on the bands of the light, per unit of weight; the first band is free."""


@dataclass(frozen=True)
class Appearance:
    """A person's appearance in a clip.

    texture: (I,) coefficients δ. light: (9, 3) coefficients γ.
    albedo: (S, S, 3) uint8 texture, row 0 on top.
    """

    texture: np.ndarray
    light: np.ndarray
    albedo: np.ndarray

    @staticmethod
    def unknown(model: FaceModel) -> Appearance:
        """Return the mean texture in even light, with a grey albedo of one texel."""
        texture = np.zeros(model.albedo_basis.shape[2], np.float32)
        return Appearance(texture, AMBIENT.astype(np.float32), np.full((1, 1, 3), 128, np.uint8))


def estimate_appearance(
    model: FaceModel, fit: Fit, frames: Sequence[np.ndarray], kind: str = "clip", progress: Progress = no_progress
) -> Appearance:
    """Estimate light, texture and albedo.

    fit: of all frames.
    frames: T pictures (H, W, 3) uint8.
    kind: of the albedo, see `ALBEDO_KINDS`.
    """
    require_albedo(kind)
    good = good_frames(fit)
    texture, light = fit_texture_and_light(model, fit, frames, evenly_spaced(good, _LIGHT_FRAMES))
    return Appearance(texture, light, ALBEDO_KINDS[kind](model, fit, frames, texture, light, progress))


def require_albedo(kind: str) -> None:
    """Raise InputError when there is no such kind of albedo."""
    if kind not in ALBEDO_KINDS:
        raise InputError(f"There is no albedo {kind!r}; choose one of {', '.join(ALBEDO_KINDS)}.")


def fit_texture_and_light(
    model: FaceModel, fit: Fit, frames: Sequence[np.ndarray], chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return δ (I,) and γ (9, 3), float32, that explain vertex colours of the chosen frames (Lambertian model).

    Alternates between linear least squares of the light and of the texture.
    """
    colours, basis, weights = [], [], []
    for frame in chosen:
        vertices, normals = posed_surface(model, fit, frame)
        blurred = cv2.GaussianBlur(frames[frame], (5, 5), 1.2)
        colours.append(sample_colours(blurred, fit.camera, vertices))
        basis.append(harmonics(normals))
        weights.append(view_weight(vertices, normals) * model.skin)
    colour, phi, weight = np.concatenate(colours), np.concatenate(basis), np.concatenate(weights)
    light, texture = AMBIENT.copy(), np.zeros(model.albedo_basis.shape[2])
    robust = weight  # not robust at first, because ambient light makes a lit side look like an outlier
    for _ in range(_ROUNDS):
        light = _solve_light(phi, np.tile(model.albedo(texture), (len(chosen), 1)), colour, robust, weight.sum())
        texture = _solve_texture(model, colour, phi @ light, robust)
        lit = np.tile(model.albedo(texture), (len(chosen), 1)) * (phi @ light)
        robust = weight / (1 + (np.abs(colour - lit).mean(1) / _OUTLIER) ** 2)
    return texture.astype(np.float32), light.astype(np.float32)


def _solve_light(
    phi: np.ndarray, albedo: np.ndarray, colour: np.ndarray, weight: np.ndarray, total_weight: float
) -> np.ndarray:
    """Return γ (9, 3) from harmonics (N, 9), albedo (N, 3) and colours (N, 3), with a prior for even light."""
    prior = np.diag(_LIGHT_PRIOR) * total_weight
    light = np.zeros((9, 3))
    for channel in range(3):
        scaled = phi * albedo[:, channel : channel + 1]
        weighted = (scaled * weight[:, None]).T
        light[:, channel] = np.linalg.solve(weighted @ scaled + prior, weighted @ colour[:, channel])
    return light


def _solve_texture(model: FaceModel, colour: np.ndarray, shading: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return δ (I,) from colours (N, 3) of all frames under known shading (N, 3), with a unit Gaussian prior."""
    vertices, modes = len(model.mean), model.albedo_basis.shape[2]
    w = np.repeat(weight[:, None], 3, 1)
    squared = (w * shading**2).reshape(-1, vertices, 3).sum(0)
    target = (w * shading * colour).reshape(-1, vertices, 3).sum(0) - squared * model.albedo_mean
    basis = model.albedo_basis.reshape(-1, modes).astype(np.float64)
    noise = 0.05**2 * 20 * len(colour) / vertices
    normal = (basis * squared.reshape(-1, 1)).T @ basis + noise * np.eye(modes)
    return np.linalg.solve(normal, basis.T @ target.ravel())
