"""The regression half of the mapping: ridge regression on features of one window, with many people as its prior.

Three hundred frames are few for a network and enough for a smooth function of one window. Phones enter as they are;
of the sound, cosines of random projections (Rahimi & Recht 2007) make kernel ridge regression with a Gaussian kernel
linear. So what many people fit_ridge is two small matrices, to which the person's own frames are added with more weight.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from headroom.motion.audio.features import WINDOW_ROWS, FeatureConfig
from headroom.motion.audio.lag_search import pooled

POOLED_ROWS = 4  # rows averaged before projecting
MOST_FRAMES = 10_000  # that a prior weighs; each adds up to 1 to an element of the matrix, and float16 ends at 65504


@dataclass(frozen=True)
class RidgeConfig:
    size: int = 1280  # D, random features
    sharpness: float = 0.4  # of the kernel: exp(-sharpness * mean squared difference of two windows)
    strength: float = 5.0  # of the ridge, with the frames of many people as prior
    lone_strength: float = 1.0  # of the ridge, without
    own_weight: float = 20.0  # of a frame of the person's own against one of somebody else's
    seed: int = 0


@dataclass(frozen=True)
class RidgeRegression:
    """directions (F, D), phases (D,) for the sound; weights (K, 64) of D cosines and the pooled chances of phones.

    gram (K, K) in half precision, cross (K, 64): of many people's frames.
    """

    directions: np.ndarray
    phases: np.ndarray
    weights: np.ndarray
    gram: np.ndarray | None = None
    cross: np.ndarray | None = None

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        """Normalised expression (T, 64) of windows (T, 28, A)."""
        return self.project(windows) @ self.weights

    def project(self, windows: np.ndarray) -> np.ndarray:
        """Features (T, K) of windows (T, 28, A), whose last columns are phones where there are more than of sound."""
        sound = len(self.directions) * POOLED_ROWS // WINDOW_ROWS
        angles = pooled(windows[..., :sound], POOLED_ROWS) @ self.directions + self.phases
        cosines = np.cos(angles) * np.float32(np.sqrt(2 / len(self.phases)))
        return np.concatenate([cosines, pooled(windows[..., sound:], POOLED_ROWS)], 1)

    def without_prior(self) -> "RidgeRegression":
        """The same without what is only needed to learn another person."""
        return replace(self, gram=None, cross=None)


def new_ridge(features: FeatureConfig, outputs: int, config: RidgeConfig) -> RidgeRegression:
    """A readout for windows of such features that answers zero."""
    rng = np.random.default_rng(config.seed)
    inputs = WINDOW_ROWS // POOLED_ROWS * features.sound_columns
    size = config.size + WINDOW_ROWS // POOLED_ROWS * (features.columns - features.sound_columns)
    directions = rng.standard_normal((inputs, config.size)) * np.sqrt(2 * config.sharpness / inputs)
    phases = rng.uniform(0, 2 * np.pi, config.size)
    return RidgeRegression(directions.astype(np.float32), phases.astype(np.float32),
                   np.zeros((size, outputs), np.float32))


def fit_ridge(readout: RidgeRegression, clips: Iterable[tuple[np.ndarray, np.ndarray]], config: RidgeConfig,
           own: bool = True) -> RidgeRegression:
    """`readout` fitted to clips of (windows (T, 28, A), normalised expression (T, 64)) on top of its prior, if any.

    With `own` the frames are one person's and count for more; without, the answer is a prior for others. However many
    frames fit_ridge a prior, it weighs no more than `MOST_FRAMES` of them, which half precision holds.
    """
    size, outputs = readout.weights.shape
    gram = np.zeros((size, size)) if readout.gram is None else readout.gram.astype(np.float64)
    cross = np.zeros((size, outputs)) if readout.cross is None else readout.cross.astype(np.float64)
    strength = config.lone_strength if own and readout.gram is None else config.strength
    weight = config.own_weight if own and readout.gram is not None else 1.0
    frames = 0
    for windows, expression in clips:
        frames += len(windows)
        features = readout.project(windows).astype(np.float64)
        gram = gram + weight * features.T @ features
        cross = cross + weight * features.T @ expression
    weights = np.linalg.solve(gram + strength * np.eye(size), cross).astype(np.float32)
    if own:
        return replace(readout, weights=weights, gram=None, cross=None)
    share = min(1.0, MOST_FRAMES / max(frames, 1))
    return replace(readout, weights=weights, gram=(share * gram).astype(np.float16),
                   cross=(share * cross).astype(np.float32))
