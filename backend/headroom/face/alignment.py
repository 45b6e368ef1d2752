"""Alignment of point sets: similarity transforms, faces of one person, mean face of several people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headroom.face import topology as top

EYE_DISTANCE_MM = 63.0
"""Distance between the irises of the mean face; sets the scale."""

_ITERATIONS = 5
_OPPOSITE_LANDMARKS = ((33, 263), (133, 362), (61, 291), (234, 454), (105, 334), (172, 397))
"""Landmarks of the right and the left side that are mirror images of each other."""


@dataclass(frozen=True)
class Similarity:
    """The map x -> scale * rotation @ x + shift, with rotation (3, 3) and shift (3,)."""

    scale: float
    rotation: np.ndarray
    shift: np.ndarray

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Return the mapped points (N, 3)."""
        return self.scale * points @ self.rotation.T + self.shift


def fit_similarity(source: np.ndarray, target: np.ndarray, weights: np.ndarray | None = None) -> Similarity:
    """Return the similarity that maps source (N, 3) to target (N, 3) with the least squared error (Umeyama, 1991).

    Hand-written, because `trimesh.registration.procrustes` takes the ratio of the two sets' sizes for the scale, which
    is not the least-squares one.

    weights: (N,) of the points; None weights all alike.
    """
    w = np.full(len(source), 1 / len(source)) if weights is None else weights / weights.sum()
    centre_s, centre_t = w @ source, w @ target
    s, t = source - centre_s, target - centre_t
    u, d, v = np.linalg.svd((t * w[:, None]).T @ s)
    sign = np.diag([1, 1, np.sign(np.linalg.det(u @ v))])
    rotation = u @ sign @ v
    scale = (d * np.diag(sign)).sum() / (w @ (s**2).sum(1))
    return Similarity(scale, rotation, centre_t - scale * rotation @ centre_s)


def aligned(source: np.ndarray, target: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return source (N, 3) mapped to target by `fit_similarity`."""
    return fit_similarity(source, target, weights).apply(source)


def align_frames(frames: np.ndarray) -> np.ndarray:
    """Return a clip's frames (T, C, 3) aligned to their own mean, by the points that move little."""
    mean, weights = frames[0], np.ones(frames.shape[1])
    for _ in range(_ITERATIONS):
        result = np.stack([aligned(frame, mean, weights) for frame in frames])
        mean = result.mean(0)
        weights = stillness(result)
    return result


def stillness(frames: np.ndarray) -> np.ndarray:
    """Return weights (C,) of aligned frames' points (T, C, 3): high for points that move less than the others."""
    deviation = np.sqrt(((frames - frames.mean(0)) ** 2).sum(2).mean(0))
    return 1 / (deviation**2 + (np.median(deviation) ** 2 or 1))  # the points of a single photo do not move at all


def mean_face(neutrals: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the mean (C, 3) of several neutral faces, upright, symmetric, in mm, and the faces aligned to it."""
    mean = neutrals[0]
    for _ in range(_ITERATIONS):
        mean = _upright(np.mean([aligned(face, mean) for face in neutrals], axis=0))
    return mean, [aligned(face, mean) for face in neutrals]


def _upright(mean: np.ndarray) -> np.ndarray:
    """Return a face (C, 3) in model axes, symmetric and in mm.

    The origin is 20 mm below the point between the eyes, and 10 mm behind the rearmost tenth of the points.
    """
    mean = mean * EYE_DISTANCE_MM / np.linalg.norm(mean[top.IRISES[1]] - mean[top.IRISES[0]])
    right, left = (mean[list(points)] for points in zip(*_OPPOSITE_LANDMARKS))
    across = (left - right).sum(0)
    x = across / np.linalg.norm(across)
    chin_to_forehead = mean[10] - mean[152]
    y = chin_to_forehead - x * (chin_to_forehead @ x)
    y /= np.linalg.norm(y)
    rotation = np.stack([x, y, np.cross(x, y)]).T
    middle = (left + right).mean(0) / 2 @ rotation
    mean = mean @ rotation - [middle[0], 0, 0]
    mean -= [0, mean[168, 1] - 20, np.quantile(mean[:, 2], 0.1) - 10]
    pairs = top.mirror_pairs(mean)
    return (mean + mean[pairs] * [-1, 1, 1]) / 2
