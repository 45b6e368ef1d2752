"""Lag search: by how much a clip's sound is later than its lips, from correlations at many lags."""

from __future__ import annotations

import numpy as np

from headroom.common.arrays import correlation
from headroom.motion.audio.features import FeatureConfig, feature_windows, pool_windows, utterance_stats
from headroom.motion.audio.timing import FRAME_RATE
from headroom.motion.model.ridge import solve_ridge

LAG_FRAMES = np.arange(-10, 13)  # beyond the plausible lags, because a peak needs both its flanks
LAGS_SECONDS = LAG_FRAMES / FRAME_RATE
PLAUSIBLE = (LAGS_SECONDS > -0.22) & (LAGS_SECONDS < 0.26)
MAX_OFFSET = 0.24  # seconds
MIN_OFFSET = 0.05  # seconds; the precision of a regression on the clip itself
MIN_CORRELATION = 0.25  # with less, the lips do not follow the sound well enough
FLANK = 0.85  # of the highest score, where the flanks are measured
FOLDS = 4
STRENGTH = 10.0  # of the ridge regression
MIN_FRAMES = 100  # 4 s


def estimate_offset(samples: np.ndarray, opening: np.ndarray, config: FeatureConfig) -> float:
    """Return by how many seconds the sound is later than the lips; 0 where the correlation is weak.

    A ridge regression on the clip itself predicts the opening from the sound at each lag.

    samples: (N,) at 16 kHz.
    opening: (T,) of the lips at 25 Hz, any unit.
    """
    if len(opening) < MIN_FRAMES or np.std(opening) < 1e-6:
        return 0.0
    inputs_at_lags = windows_at_lags(samples, len(opening), config)
    return best_lag(np.array([correlation(cross_predicted(inputs, opening), opening) for inputs in inputs_at_lags]))


def windows_at_lags(samples: np.ndarray, frames: int, config: FeatureConfig) -> list[np.ndarray]:
    """Return, for each lag, pooled windows (frames, F) of the sound (N,) moved earlier by it; views of one array."""
    first, last = int(LAG_FRAMES[0]), int(LAG_FRAMES[-1])
    windows = feature_windows(samples, first, frames + last, config, utterance_stats(samples, config))
    return values_at_lags(pool_windows(windows), frames)


def values_at_lags(values: np.ndarray, frames: int) -> list[np.ndarray]:
    """Return, for each lag, `frames` of the values (lags - 1 + frames, …), which begin at the first lag."""
    return [values[index:index + frames] for index in range(len(values) - frames + 1)]


def best_lag(scores: np.ndarray) -> float:
    """Return the lag in seconds in the middle between the flanks of the peak of scores (lags,).

    A regression on the clip itself learns the delay together with the words, so the peak is flat and its highest point
    random. Returns 0 where the peak is low, has a single flank, or is nearer to 0 than `MIN_OFFSET`.
    """
    peak = int(np.where(PLAUSIBLE, scores, -np.inf).argmax())
    level = FLANK * float(scores[peak])
    left = np.flatnonzero(scores[:peak + 1] < level)
    right = peak + np.flatnonzero(scores[peak:] < level)
    if scores[peak] < MIN_CORRELATION or not len(left) or not len(right):
        return 0.0
    middle = (_crossing(scores, left[-1], left[-1] + 1, level) + _crossing(scores, right[0], right[0] - 1, level)) / 2
    return middle if MIN_OFFSET <= abs(middle) <= MAX_OFFSET else 0.0


def cross_predicted(inputs: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Predict each quarter of target (T,) from inputs (T, F) by a regression on the other three."""
    predicted = np.empty(len(target), np.float32)
    for held_out in np.array_split(np.arange(len(target)), FOLDS):
        rest = np.setdiff1d(np.arange(len(target)), held_out)
        weights, bias = solve_ridge(inputs[rest], target[rest, None], STRENGTH)
        predicted[held_out] = (inputs[held_out] @ weights + bias)[:, 0]
    return predicted


def _crossing(scores: np.ndarray, below: int, above: int, level: float) -> float:
    """Return the lag in seconds, between two neighbouring ones, at which the score crosses `level`."""
    fraction = (level - scores[below]) / (scores[above] - scores[below])
    return float(LAGS_SECONDS[below] + fraction * (LAGS_SECONDS[above] - LAGS_SECONDS[below]))
