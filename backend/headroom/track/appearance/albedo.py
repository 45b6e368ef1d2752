"""Albedo pictures (paper §3.3): of the texture model, of one frame as in the paper, or of many frames.

A detailed albedo projects the surface into a frame and divides the colours there by the light. A robust mean over many
frames is as sharp, and has no one frame's highlights or blur.
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
from headroom.face.texture import dilate_texture, texel_weights, to_uint8, clamp_colours
from headroom.face.topology import LOWER_INNER_LIP, UPPER_INNER_LIP
from headroom.track.appearance.eye_texels import EyeTexels
from headroom.track.appearance.sampling import view_weight, posed_surface, sample_colours
from headroom.track.solve.fit import Fit
from headroom.track.solve.frame_selection import good_frames, neutral_frame

_SIZE = 512
_SKIN_FRAMES, _OPEN_FRAMES = 40, 16
"""Frames looked at for the skin and, with the mouth wide open, for its inside."""
_SEEN = 1.0
"""Squarely seen frames that a texel of the skin needs."""


@dataclass(frozen=True)
class _Texels:
    """The picture's covered texels (N): covered (S, S) bool; weights (N, V) of the vertices; inside (N,) the mouth;
    eyes: which of them are eyeball.
    """

    covered: np.ndarray
    weights: sparse.csr_matrix
    inside: np.ndarray
    eyes: EyeTexels

    @staticmethod
    def of(model: FaceModel) -> "_Texels":
        weights, covered = texel_weights(model, _SIZE)
        return _Texels(covered, weights, weights @ model.interior > 0.02, EyeTexels(model, weights.__matmul__))

    def picture(self, colours: np.ndarray, known: np.ndarray) -> np.ndarray:
        """(S, S, 3) uint8 of texel colours (N, 3) 0..1; unknown (N,) ones take their neighbours'."""
        filled, sure = np.zeros((_SIZE, _SIZE, 3), np.float32), np.zeros((_SIZE, _SIZE), bool)
        filled[self.covered], sure[self.covered] = colours, known
        return to_uint8(dilate_texture(filled, sure))


def texture_model_albedo(
    model: FaceModel, fit: Fit, frames: Sequence[np.ndarray], texture: np.ndarray, light: np.ndarray,
    progress: Progress = no_progress,
) -> np.ndarray:
    """(S, S, 3) uint8 of the texture model's δ (I,) alone."""
    texels = _Texels.of(model)
    return texels.picture(texels.weights @ model.albedo(texture), np.ones(len(texels.inside), bool))


def single_frame_albedo(
    model: FaceModel, fit: Fit, frames: Sequence[np.ndarray], texture: np.ndarray, light: np.ndarray,
    progress: Progress = no_progress,
) -> np.ndarray:
    """(S, S, 3) uint8 of the frame with the most neutral expression and the smallest rotation; the texture model where
    that frame shows nothing.
    """
    texels, frame = _Texels.of(model), neutral_frame(fit)
    progress(0, "Collecting the skin's colours")
    colours, square = _unlit(model, fit, frames[frame], frame, light, texels)
    trust = np.minimum(square * 4, 1)[:, None]
    coarse = texels.weights @ model.albedo(texture)
    colours = texels.eyes.completed(trust * colours + (1 - trust) * coarse, square)
    return texels.picture(colours, np.ones(len(coarse), bool))


def averaged_albedo(
    model: FaceModel, fit: Fit, frames: Sequence[np.ndarray], texture: np.ndarray, light: np.ndarray,
    progress: Progress = no_progress,
) -> np.ndarray:
    """(S, S, 3) uint8, a robust mean over frames of the whole clip."""
    texels, good = _Texels.of(model), good_frames(fit)
    opening = fit.expression @ model.opening(UPPER_INNER_LIP, LOWER_INNER_LIP)
    wide = good[np.argsort(opening[good])[-_OPEN_FRAMES:]]
    chosen = np.union1d(evenly_spaced(good, _SKIN_FRAMES), wide)
    opening = opening[chosen] - np.quantile(opening[chosen], 0.05)
    samples = np.zeros((len(chosen), len(texels.inside), 3), np.float16)
    weights = np.zeros((len(chosen), len(texels.inside)), np.float32)

    def collect(index: int) -> None:
        frame = chosen[index]
        samples[index], square = _unlit(model, fit, frames[frame], frame, light, texels)
        # the inside of the mouth is seen only while it is open
        shown = np.clip((opening[index] - 0.4 * opening.max()) / (0.4 * opening.max() + 1e-3), 0.001, 1)
        weights[index] = np.where(texels.inside, shown, square)

    for count, _ in enumerate(parallel_map(collect, range(len(chosen)))):
        progress(count / len(chosen), "Collecting the skin's colours")
    colours, seen = _robust_mean(samples, weights), weights.sum(0)
    unseen = texels.inside & (seen < 1)
    colours[unseen] = (texels.weights @ model.albedo(texture))[unseen]
    colours = texels.eyes.completed(colours, seen)
    # skin that no frame shows squarely, as behind the wings of the nose, takes its neighbours' colour
    return texels.picture(colours, texels.inside | (texels.eyes.eye >= 0) | (seen > _SEEN))


def _unlit(model: FaceModel, fit: Fit, picture: np.ndarray, frame: int, light: np.ndarray, texels: _Texels
           ) -> tuple[np.ndarray, np.ndarray]:
    """Colours (N, 3) of a frame's texels divided by the light, and how squarely each is seen (N,)."""
    vertices, normals = posed_surface(model, fit, frame)
    at_vertices = np.concatenate([vertices, shade(normals, light), view_weight(vertices, normals)[:, None]], axis=1)
    values = texels.weights @ at_vertices.astype(np.float32)
    colours = sample_colours(picture, fit.camera, values[:, :3]) / values[:, 3:6]
    return clamp_colours(colours, 2), values[:, 6] * texels.eyes.shown(fit.camera, vertices, values[:, :3])


def _robust_mean(samples: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(N, 3) mean over frames of samples (K, N, 3) that trusts what most frames agree on."""
    mean, reach = np.zeros(samples.shape[1:], np.float32), 100.0
    for _ in range(3):
        total, summed = np.full(len(mean), 1e-6, np.float32), 1e-6 * mean
        for colours, weight in zip(samples, weights):
            away = np.abs(colours - mean) @ np.full(3, 1 / 3, np.float32)
            trust = weight / (1 + (away / reach) ** 2)
            total += trust
            summed += colours * trust[:, None]
        mean, reach = summed / total[:, None], 0.06
    return mean
