"""The person's look: light γ, texture δ, and the detailed albedo (paper §3.3).

The detailed albedo projects the surface into many frames, divides by the light and takes a robust mean: sharper than
the texture model, and steadier than the single frame of the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from headroom.face.camera import Camera, place
from headroom.face.light import FRONTAL, harmonics, shade
from headroom.face.model import FaceModel
from headroom.face.raster import unwrap
from headroom.face.topology import LOWER_INNER_LIP, UPPER_INNER_LIP
from headroom.progress import Progress, silent
from headroom.track.fit import Fit

_SIZE = 512
_LIGHT_FRAMES, _ALBEDO_FRAMES, _OPEN_FRAMES = 16, 40, 16
"""Frames looked at for the light, for the skin, and, with the mouth wide open, for its inside."""
_SEEN = 1.0
"""Squarely seen frames that a texel of the skin needs."""

_DARKEST = 0.15
"""Shading below this tells nothing about the albedo."""


@dataclass(frozen=True)
class Look:
    """texture δ (I,), light γ (9, 3), albedo (S, S, 3) uint8 with row 0 on top."""

    texture: np.ndarray
    light: np.ndarray
    albedo: np.ndarray


def estimate_look(
    model: FaceModel, fit: Fit, frames: Sequence[np.ndarray], progress: Progress = silent
) -> Look:
    """Light, texture and albedo from the clip's frames (T pictures (H, W, 3) uint8) and their fit."""
    good = np.flatnonzero(np.nan_to_num(fit.error, nan=1) <= np.nanquantile(fit.error, 0.9))
    texture, light = _texture_and_light(model, fit, frames, _spread(good, _LIGHT_FRAMES))
    opening = fit.expression @ model.opening(UPPER_INNER_LIP, LOWER_INNER_LIP)
    wide = good[np.argsort(opening[good])[-_OPEN_FRAMES:]]
    chosen = np.union1d(_spread(good, _ALBEDO_FRAMES), wide)
    albedo = _detailed_albedo(model, fit, frames, chosen, texture, light, progress)
    return Look(texture, light, albedo)


def _spread(frames: np.ndarray, count: int) -> np.ndarray:
    return frames[np.unique(np.linspace(0, len(frames) - 1, min(count, len(frames))).astype(int))]


def _texture_and_light(model, fit, frames, chosen) -> tuple[np.ndarray, np.ndarray]:
    """δ and γ by alternating linear least squares on vertex colours (Lambertian model)."""
    colours, basis, weights = [], [], []
    for frame in chosen:
        vertices, normals = _posed(model, fit, frame)
        blurred = cv2.GaussianBlur(frames[frame], (5, 5), 1.2)
        colours.append(_sample(blurred, fit.camera, vertices))
        basis.append(harmonics(normals))
        weights.append(_facing(vertices, normals) * (model.interior < 0.02))
    colour, phi, weight = np.concatenate(colours), np.concatenate(basis), np.concatenate(weights)
    light, texture = FRONTAL.copy(), np.zeros(model.albedo_basis.shape[2])
    prior = np.diag([0.0, *[5e-4] * 3, *[3e-3] * 5]) * weight.sum()
    robust = weight  # the first light must not take a lit side for an outlier
    for _ in range(5):
        albedo = np.tile(model.albedo(texture), (len(chosen), 1))
        for channel in range(3):
            scaled = phi * albedo[:, channel : channel + 1]
            normal = (scaled * robust[:, None]).T @ scaled + prior
            light[:, channel] = np.linalg.solve(normal, (scaled * robust[:, None]).T @ colour[:, channel])
        texture = _solve_texture(model, colour, phi @ light, robust)
        albedo = np.tile(model.albedo(texture), (len(chosen), 1))
        robust = weight / (1 + (np.abs(colour - albedo * (phi @ light)).mean(1) / 0.08) ** 2)
    return texture.astype(np.float32), light.astype(np.float32)


def _solve_texture(model: FaceModel, colour, shading, weight) -> np.ndarray:
    """δ from colours (N, 3) of all frames under known shading, with the unit-normal prior."""
    vertices, modes = len(model.mean), model.albedo_basis.shape[2]
    w = np.repeat(weight[:, None], 3, 1)
    squared = (w * shading**2).reshape(-1, vertices, 3).sum(0)
    target = (w * shading * colour).reshape(-1, vertices, 3).sum(0) - squared * model.albedo_mean
    basis = model.albedo_basis.reshape(-1, modes).astype(np.float64)
    noise = 0.05**2 * 200 * len(colour) / vertices
    normal = (basis * squared.reshape(-1, 1)).T @ basis + noise * np.eye(modes)
    return np.linalg.solve(normal, basis.T @ target.ravel())


def _detailed_albedo(model, fit, frames, chosen, texture, light, progress) -> np.ndarray:
    coarse, covered = unwrap(model, model.albedo(texture), _SIZE)
    interior = unwrap(model, np.repeat(model.interior[:, None], 3, 1), _SIZE)[0][..., 0]
    opening = fit.expression[chosen] @ model.opening(UPPER_INNER_LIP, LOWER_INNER_LIP)
    opening -= float(np.quantile(opening, 0.05))
    samples = np.zeros((len(chosen), _SIZE, _SIZE, 3), np.float16)
    weights = np.zeros((len(chosen), _SIZE, _SIZE), np.float16)
    for index, frame in enumerate(chosen):
        progress(index / len(chosen), "Collecting the skin's colours")
        vertices, normals = _posed(model, fit, frame)
        points, normal = unwrap(model, vertices, _SIZE)[0], unwrap(model, normals, _SIZE)[0]
        normal /= np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-6)
        shading = np.maximum(shade(normal, light), _DARKEST)
        points[~covered] = [0, 0, -1000]
        samples[index] = np.clip(_sample(frames[frame], fit.camera, points) / shading, 0, 2)
        facing = _facing(points, normal)
        # the inside of the mouth is seen only while it is open
        inside = np.clip((opening[index] - 0.4 * opening.max()) / (0.4 * opening.max() + 1e-3), 0.001, 1)
        weights[index] = np.where(covered, np.where(interior > 0.02, inside, facing), 0)
    albedo = _robust_mean(samples, weights)
    seen = weights.astype(np.float32).sum(0)
    inside = interior > 0.02
    albedo[inside & (seen < 1)] = coarse[inside & (seen < 1)]
    # skin that no frame shows squarely, as behind the wings of the nose, takes its neighbours' colour
    known = covered & (inside | (seen > _SEEN))
    return np.rint(np.clip(_spread_outwards(albedo, known), 0, 1) * 255).astype(np.uint8)


def _robust_mean(samples: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(S, S, 3) mean over frames that trusts what most frames agree on."""
    mean, reach = np.zeros(samples.shape[1:], np.float32), 100.0
    for _ in range(3):
        total, summed = np.zeros(mean.shape[:2], np.float32), np.zeros_like(mean)
        for sample, weight in zip(samples, weights):
            away = np.abs(sample.astype(np.float32) - mean).mean(2)
            trust = weight.astype(np.float32) / (1 + (away / reach) ** 2)
            total += trust
            summed += sample * trust[..., None]
        mean = np.where(total[..., None] > 1e-6, summed / np.maximum(total[..., None], 1e-6), mean)
        reach = 0.06
    return mean


def _spread_outwards(picture: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Colours of the covered texels carried over its border, so that filtering at the edge meets no black."""
    known = covered.astype(np.float32)
    filled = picture * known[..., None]
    for size in (3, 7, 15, 31, 63, 127):
        wide = cv2.GaussianBlur(filled, (size, size), 0)
        share = cv2.GaussianBlur(known, (size, size), 0)
        new = (known == 0) & (share > 1e-3)
        filled[new] = wide[new] / share[new][:, None]
        known[new] = 1
    return filled


def _posed(model: FaceModel, fit: Fit, frame: int) -> tuple[np.ndarray, np.ndarray]:
    shape = model.shape(fit.identity, fit.expression[frame])
    vertices = place(shape, fit.rotation[frame], fit.translation[frame]).astype(np.float32)
    return vertices, model.normals(vertices)


def _facing(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """(...) how squarely a point looks at the camera, 0 from 75 degrees on."""
    towards = -points / np.linalg.norm(points, axis=-1, keepdims=True)
    return np.clip(((normals * towards).sum(-1) - 0.25) / 0.75, 0, 1) ** 2


def _sample(picture: np.ndarray, camera: Camera, points: np.ndarray) -> np.ndarray:
    """Colours (..., 3) in 0..1 of the picture where points (..., 3) in camera axes project to."""
    pixels = (camera.project(points) - 0.5).astype(np.float32)
    shape = pixels.shape[:-1]
    grid = pixels.reshape(1, -1, 2) if pixels.ndim == 2 else pixels
    colours = cv2.remap(picture, grid[..., 0], grid[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return colours.reshape(*shape, 3).astype(np.float32) / 255
