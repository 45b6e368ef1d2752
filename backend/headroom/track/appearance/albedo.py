"""Albedo textures (paper §3.3): from the texture model, from one frame as in the paper, or from many frames.

A detailed albedo projects the surface into a frame and divides the colours there by the shading. A robust mean over
many frames is as sharp and averages out highlights and blur of single frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from headroom.common.arrays import evenly_spaced
from headroom.common.prefetch import parallel_map
from headroom.common.progress import Progress, no_progress
from headroom.face.light import shade
from headroom.face.model import FaceModel
from headroom.face.texture import clamp_colours, dilate_texture, texel_weights, to_uint8
from headroom.face.topology import LOWER_INNER_LIP, UPPER_INNER_LIP
from headroom.track.appearance.eye_texels import EyeTexels
from headroom.track.appearance.sampling import posed_surface, sample_colours, view_weight
from headroom.track.solve.fit import Fit
from headroom.track.solve.frame_selection import good_frames, neutral_frame

_SIZE = 512
"""Side of the textures, texels."""
_SKIN_FRAMES, _MOUTH_FRAMES = 40, 16
"""Number of frames sampled for the skin, and of frames with the widest open mouth sampled for its inside."""
_MIN_VIEWS = 1.0
"""Sum of the view weights that a texel of the skin needs to keep its own colour."""
_ROBUST_ROUNDS, _ROBUST_SCALE = 3, 0.06
"""Reweightings of the robust mean, and the colour difference at which a sample's weight is halved."""


@dataclass(frozen=True)
class _Texels:
    """The N texels that the model covers.

    covered: (S, S) bool mask. weights: (N, V) of the vertices. inside: (N,) bool, inside the mouth.
    """

    covered: np.ndarray
    weights: sparse.csr_matrix
    inside: np.ndarray
    eyes: EyeTexels

    @staticmethod
    def of(model: FaceModel) -> _Texels:
        weights, covered = texel_weights(model, _SIZE)
        return _Texels(covered, weights, weights @ model.interior > 0.02, EyeTexels(model, weights.__matmul__))

    def texture(self, colours: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Return the texture (S, S, 3) uint8 of colours (N, 3) 0..1; texels not known (N,) get their neighbours'."""
        filled, mask = np.zeros((_SIZE, _SIZE, 3), np.float32), np.zeros((_SIZE, _SIZE), bool)
        filled[self.covered], mask[self.covered] = colours, known
        return to_uint8(dilate_texture(filled, mask))


def texture_model_albedo(
    model: FaceModel, fit: Fit, frames: Sequence[np.ndarray], texture: np.ndarray, light: np.ndarray,
    progress: Progress = no_progress,
) -> np.ndarray:
    """Return the texture (S, S, 3) uint8 of the coefficients δ (I,) alone; the other arguments are not used."""
    texels = _Texels.of(model)
    return texels.texture(texels.weights @ model.albedo(texture), np.ones(len(texels.inside), bool))


def single_frame_albedo(
    model: FaceModel, fit: Fit, frames: Sequence[np.ndarray], texture: np.ndarray, light: np.ndarray,
    progress: Progress = no_progress,
) -> np.ndarray:
    """Return the texture (S, S, 3) uint8 of the frame with the most neutral expression and the smallest rotation.

    Texels that the frame does not show get the texture model's colour.
    """
    texels, frame = _Texels.of(model), neutral_frame(fit)
    progress(0, "Collecting the skin's colours")
    colours, seen = _unlit_colours(model, fit, frames[frame], frame, light, texels)
    weight = np.minimum(seen * 4, 1)[:, None]
    model_colours = texels.weights @ model.albedo(texture)
    colours = texels.eyes.fill_unseen(weight * colours + (1 - weight) * model_colours, seen)
    return texels.texture(colours, np.ones(len(model_colours), bool))


def averaged_albedo(
    model: FaceModel, fit: Fit, frames: Sequence[np.ndarray], texture: np.ndarray, light: np.ndarray,
    progress: Progress = no_progress,
) -> np.ndarray:
    """Return the texture (S, S, 3) uint8 of a robust mean over frames of the whole clip."""
    texels, good = _Texels.of(model), good_frames(fit)
    opening = fit.expression @ model.opening_direction(UPPER_INNER_LIP, LOWER_INNER_LIP)
    widest = good[np.argsort(opening[good])[-_MOUTH_FRAMES:]]
    chosen = np.union1d(evenly_spaced(good, _SKIN_FRAMES), widest)
    opening = opening[chosen] - np.quantile(opening[chosen], 0.05)
    samples = np.zeros((len(chosen), len(texels.inside), 3), np.float16)
    weights = np.zeros((len(chosen), len(texels.inside)), np.float32)

    def collect(index: int) -> None:
        frame = chosen[index]
        samples[index], skin_weight = _unlit_colours(model, fit, frames[frame], frame, light, texels)
        # only an open mouth shows its inside
        mouth_weight = np.clip((opening[index] - 0.4 * opening.max()) / (0.4 * opening.max() + 1e-3), 0.001, 1)
        weights[index] = np.where(texels.inside, mouth_weight, skin_weight)

    for count, _ in enumerate(parallel_map(collect, range(len(chosen)))):
        progress(count / len(chosen), "Collecting the skin's colours")
    colours, seen = _robust_mean(samples, weights), weights.sum(0)
    unseen = texels.inside & (seen < 1)
    colours[unseen] = (texels.weights @ model.albedo(texture))[unseen]
    colours = texels.eyes.fill_unseen(colours, seen)
    # skin that no frame shows frontally, for example behind the wings of the nose, gets its neighbours' colour
    return texels.texture(colours, texels.inside | (texels.eyes.eye >= 0) | (seen > _MIN_VIEWS))


def _unlit_colours(
    model: FaceModel, fit: Fit, picture: np.ndarray, frame: int, light: np.ndarray, texels: _Texels
) -> tuple[np.ndarray, np.ndarray]:
    """Return a frame's texel colours divided by the shading (N, 3), and the texels' view weights (N,)."""
    vertices, normals = posed_surface(model, fit, frame)
    at_vertices = np.concatenate([vertices, shade(normals, light), view_weight(vertices, normals)[:, None]], axis=1)
    values = texels.weights @ at_vertices.astype(np.float32)
    colours = sample_colours(picture, fit.camera, values[:, :3]) / values[:, 3:6]
    return clamp_colours(colours, 2), values[:, 6] * texels.eyes.visibility(fit.camera, vertices, values[:, :3])


def _robust_mean(samples: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted mean (N, 3) over frames of samples (K, N, 3), iteratively reweighted against outliers."""
    mean, scale = np.zeros(samples.shape[1:], np.float32), 100.0
    for _ in range(_ROBUST_ROUNDS):
        total, summed = np.full(len(mean), 1e-6, np.float32), 1e-6 * mean
        for colours, weight in zip(samples, weights):
            difference = np.abs(colours - mean) @ np.full(3, 1 / 3, np.float32)
            robust = weight / (1 + (difference / scale) ** 2)
            total += robust
            summed += colours * robust[:, None]
        mean, scale = summed / total[:, None], _ROBUST_SCALE
    return mean
