"""How much later than the lips a clip's sound is: a lag search with linear regression."""

from __future__ import annotations

import numpy as np

from headroom.media.audio import SAMPLE_RATE
from headroom.motion.audio.features import FRAME_RATE, FeatureConfig, utterance_stats, feature_windows

LAG_FRAMES = np.arange(-10, 13)  # twice as far as is believed: flanks need room
LAGS_SECONDS = LAG_FRAMES / FRAME_RATE
BELIEVED = (LAGS_SECONDS > -0.22) & (LAGS_SECONDS < 0.26)
FOLDS = 4
STRENGTH = 10.0  # of the solve_ridge, times frames; columns have deviation 1
MIN_CORRELATION = 0.25  # below this the lips do not follow the sound well enough to tell
FLANK = 0.85  # of the highest score, where the flanks are measured
SMALLEST = 0.05  # seconds: a clip's own regression is not surer than this
MIN_FRAMES = 100  # 4 s


def shifted(samples: np.ndarray, seconds: float) -> np.ndarray:
    """`samples` (N,), 16 kHz, as they are `seconds` later; silence where there are none."""
    by = round(seconds * SAMPLE_RATE)
    if not by:
        return samples
    out = np.zeros_like(samples)
    if by > 0:
        out[:max(len(samples) - by, 0)] = samples[by:]
    else:
        out[-by:] = samples[:by]
    return out


def estimate_offset(samples: np.ndarray, opening: np.ndarray, config: FeatureConfig) -> float:
    """Seconds by which the sound is later than the lips, 0 when the evidence is weak.

    samples: (N,) at 16 kHz. opening: (T,) of the lips at 25 Hz, any unit.
    """
    if len(opening) < MIN_FRAMES or np.std(opening) < 1e-6:
        return 0.0
    heard = heard_at_lags(samples, len(opening), config)
    return best_lag(np.array([correlation(predicted_by_folds(each, opening), opening) for each in heard]))


def heard_at_lags(samples: np.ndarray, frames: int, config: FeatureConfig) -> list[np.ndarray]:
    """Pooled feature_windows (frames, F) of the sound (N,) as it is each of the lags later, all views of one array."""
    first, last = int(LAG_FRAMES[0]), int(LAG_FRAMES[-1])
    return at_lags(pooled(feature_windows(samples, first, frames + last, config, utterance_stats(samples, config))), frames)


def at_lags(values: np.ndarray, frames: int) -> list[np.ndarray]:
    """The `frames` values that belong to each lag, of values (lags - 1 + frames, …) that begin with the first lag's."""
    return [values[number:number + frames] for number in range(len(LAG_FRAMES))]


def best_lag(scores: np.ndarray, smallest: float = SMALLEST) -> float:
    """The middle between the flanks of the scores (lags,), seconds; 0 when weak, below `smallest`, or one-sided.

    A clip's own regression learns a delay along with the words, so the top is flat and its highest point is chance.
    """
    top = int(np.where(BELIEVED, scores, -np.inf).argmax())
    level = FLANK * float(scores[top])
    left = np.flatnonzero(scores[:top + 1] < level)
    right = top + np.flatnonzero(scores[top:] < level)
    if scores[top] < MIN_CORRELATION or not len(left) or not len(right):
        return 0.0
    middle = (_crossing(scores, left[-1], left[-1] + 1, level) + _crossing(scores, right[0], right[0] - 1, level)) / 2
    return middle if smallest <= abs(middle) <= 0.24 else 0.0


def _crossing(scores: np.ndarray, low: int, high: int, level: float) -> float:
    """The lag in seconds between the lags `low` and `high` at which the score passes `level`."""
    share = (level - scores[low]) / (scores[high] - scores[low])
    return float(LAGS_SECONDS[low] + share * (LAGS_SECONDS[high] - LAGS_SECONDS[low]))


def pooled(values: np.ndarray, rows: int = 4) -> np.ndarray:
    """Windows (T, 28, A) averaged over groups of `rows` rows, as plain columns (T, 28 / rows * A)."""
    frames, count, columns = values.shape
    return values.reshape(frames, count // rows, rows, columns).mean(2).reshape(frames, -1)


def solve_ridge(inputs: np.ndarray, targets: np.ndarray, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Weights (F, C) and bias (C,) of inputs (T, F) -> targets (T, C); solved in whichever of T, F is smaller."""
    mean, centre = inputs.mean(0), targets.mean(0)
    inputs, targets = (inputs - mean).astype(np.float64), targets - centre
    frames, columns = inputs.shape
    if frames < columns:
        weights = inputs.T @ np.linalg.solve(inputs @ inputs.T + strength * frames * np.eye(frames), targets)
    else:
        weights = np.linalg.solve(inputs.T @ inputs + strength * frames * np.eye(columns), inputs.T @ targets)
    return weights.astype(np.float32), (centre - mean @ weights).astype(np.float32)


def predicted_by_folds(inputs: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Each quarter of target (T,) predicted from the other three, so that a fit cannot flatter itself."""
    out = np.empty(len(target), np.float32)
    for held in np.array_split(np.arange(len(target)), FOLDS):
        rest = np.setdiff1d(np.arange(len(target)), held)
        weights, bias = solve_ridge(inputs[rest], target[rest, None], STRENGTH)
        out[held] = (inputs[held] @ weights + bias)[:, 0]
    return out


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation, 0 where either does not move."""
    a, b = a - a.mean(), b - b.mean()
    size = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / size) if size > 1e-9 else 0.0
