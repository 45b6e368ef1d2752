"""The regression of the mapping: ridge regression from one window, with many people as prior.

Three hundred frames are few for a network and enough for a smooth function of one window. Vectors of the speech encoder
and phone posteriors enter linearly. Of spectral columns, cosines of random projections (random Fourier features, Rahimi
& Recht 2007) make kernel ridge regression with a Gaussian kernel linear. The prior of many people is then two small
matrices, to which the person's own frames are added with more weight.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from headroom.motion.audio.features import FeatureConfig, pool_windows
from headroom.motion.audio.timing import TimeGrid

MAX_PRIOR_FRAMES = 10_000  # that a prior weighs


@dataclass(frozen=True)
class RidgeConfig:
    """Features and regularisation of the ridge regression.

    gamma: of the Gaussian kernel exp(-gamma * mean squared difference of two windows).
    """

    size: int = 1280  # D, random features
    gamma: float = 0.4
    strength_without_prior: float = 1.0  # of the regularisation for one person alone
    general_strength: float = 0.1  # for many people, times their frames; a person's regression keeps it
    personal_weight: float = 15.0  # of a person's own frame relative to a frame of the prior
    seed: int = 0


@dataclass(frozen=True)
class RidgeRegression:
    """Linear regression on D random Fourier features and the other pooled columns, K features in all.

    directions: (F, D) float32 random projections of the pooled spectral columns; (0, 0) without those.
    phases: (D,) float32.
    weights: (K, 64) float32.
    gram: (K, K) float32, cross: (K, 64) float32: the prior, sums over many people's frames; None without one.
    """

    directions: np.ndarray
    phases: np.ndarray
    weights: np.ndarray
    gram: np.ndarray | None = None
    cross: np.ndarray | None = None

    def predict(self, windows: np.ndarray) -> np.ndarray:
        """Return the normalised expression (T, 64) of windows (T, W, A)."""
        return self.features(windows) @ self.weights

    def features(self, windows: np.ndarray) -> np.ndarray:
        """Return features (T, K) of windows (T, W, A), in which the spectral columns come first."""
        if not len(self.directions):
            return pool_windows(windows)
        grid = TimeGrid.of_window(windows.shape[1])
        spectral = len(self.directions) * grid.rows_per_frame // grid.window_rows
        angles = pool_windows(windows[..., :spectral]) @ self.directions + self.phases
        cosines = np.cos(angles) * np.float32(np.sqrt(2 / len(self.phases)))
        return np.concatenate([cosines, pool_windows(windows[..., spectral:])], 1)

    def without_prior(self) -> RidgeRegression:
        """Return a copy without the matrices that are needed only to learn another person."""
        return replace(self, gram=None, cross=None)

    def towards(self, other: RidgeRegression, strength: float) -> RidgeRegression:
        """Return a copy without prior, with weights between this regression's (0) and those of `other` (1)."""
        weights = self.weights + np.float32(strength) * (other.weights - self.weights)
        return replace(self, weights=weights, gram=None, cross=None)

    def with_output_map(self, matrix: np.ndarray) -> RidgeRegression:
        """Return a copy whose output is `matrix` (64, 64) times this one's."""
        cross = None if self.cross is None else (self.cross @ matrix.T).astype(np.float32)
        return replace(self, weights=(self.weights @ matrix.T).astype(np.float32), cross=cross)


def new_ridge(features: FeatureConfig, outputs: int, config: RidgeConfig) -> RidgeRegression:
    """Return a regression that predicts zero for windows of these features."""
    rng = np.random.default_rng(config.seed)
    groups = features.grid.window_rows // features.grid.rows_per_frame
    inputs = groups * features.spectral_columns
    cosines = config.size if inputs else 0
    size = cosines + groups * (features.columns - features.spectral_columns)
    directions = rng.standard_normal((inputs, cosines)) * np.sqrt(2 * config.gamma / max(inputs, 1))
    phases = rng.uniform(0, 2 * np.pi, cosines)
    return RidgeRegression(directions.astype(np.float32), phases.astype(np.float32),
                           np.zeros((size, outputs), np.float32))


def fit_ridge(
    ridge: RidgeRegression, clips: Iterable[tuple[np.ndarray, np.ndarray]], config: RidgeConfig, personal: bool = True
) -> RidgeRegression:
    """Fit `ridge` to clips of (windows (T, W, A), normalised expression (T, 64)) on top of its prior, if any.

    personal: the frames are one person's and count more than the prior's. Otherwise the result is a prior for others,
    scaled down to `MAX_PRIOR_FRAMES`.
    """
    size, outputs = ridge.weights.shape
    has_prior = ridge.gram is not None and ridge.cross is not None
    gram = ridge.gram.astype(np.float64) if ridge.gram is not None else np.zeros((size, size))
    cross = ridge.cross.astype(np.float64) if ridge.cross is not None else np.zeros((size, outputs))
    weight = config.personal_weight if personal and has_prior else 1.0
    frames = 0
    for windows, expression in clips:
        frames += len(windows)
        features = ridge.features(windows).astype(np.float64)
        gram = gram + weight * features.T @ features
        cross = cross + weight * features.T @ expression
    if personal:
        strength = config.general_strength * MAX_PRIOR_FRAMES if has_prior else config.strength_without_prior
    else:
        strength = config.general_strength * max(frames, 1)
    weights = np.linalg.solve(gram + strength * np.eye(size), cross).astype(np.float32)
    if personal:
        return replace(ridge, weights=weights, gram=None, cross=None)
    scale = min(1.0, MAX_PRIOR_FRAMES / max(frames, 1))
    return replace(ridge, weights=weights, gram=(scale * gram).astype(np.float32),
                   cross=(scale * cross).astype(np.float32))


def solve_ridge(inputs: np.ndarray, targets: np.ndarray, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (F, C) and bias (C,) of the ridge regression from inputs (T, F) to targets (T, C).

    strength: of the regularisation, times T; the inputs have about deviation 1.
    """
    mean, target_mean = inputs.mean(0), targets.mean(0)
    inputs, targets = (inputs - mean).astype(np.float64), targets - target_mean
    frames, columns = inputs.shape
    if frames < columns:  # the dual problem is smaller
        weights = inputs.T @ np.linalg.solve(inputs @ inputs.T + strength * frames * np.eye(frames), targets)
    else:
        weights = np.linalg.solve(inputs.T @ inputs + strength * frames * np.eye(columns), inputs.T @ targets)
    return weights.astype(np.float32), (target_mean - mean @ weights).astype(np.float32)
