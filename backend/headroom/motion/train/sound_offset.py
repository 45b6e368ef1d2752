"""Synchronisation of a clip's sound with its lips, with the help of a trained model or of other clips."""

from __future__ import annotations

import numpy as np

from headroom.common.arrays import correlation
from headroom.media.audio import SAMPLE_RATE
from headroom.motion.audio.features import FeatureConfig, utterance_stats
from headroom.motion.audio.timing import FRAME_SAMPLES
from headroom.motion.model.model import MotionModel
from headroom.motion.model.network import EXPRESSION
from headroom.motion.predict import predict_motion
from headroom.motion.train.lag_search import (
    LAG_FRAMES,
    LAGS_SECONDS,
    MIN_CORRELATION,
    PLAUSIBLE,
    best_lag,
    estimate_offset,
    values_at_lags,
    windows_at_lags,
)

MIN_OFFSET = 0.02  # seconds; the precision of a model of many people
ALIGN_ROUNDS = 5
ALIGN_STRENGTH = 0.3  # of the ridge regression
LAG_PENALTY = 1.2  # of correlation, per second of lag


def shift_sound(samples: np.ndarray, seconds: float) -> np.ndarray:
    """Move `samples` (N,) at 16 kHz earlier by `seconds`, which may be negative; silence fills the gap."""
    count = round(seconds * SAMPLE_RATE)
    if not count:
        return samples
    shifted = np.zeros_like(samples)
    if count > 0:
        shifted[:max(len(samples) - count, 0)] = samples[count:]
    else:
        shifted[-count:] = samples[:count]
    return shifted


def find_offset(samples: np.ndarray, opening: np.ndarray, features: FeatureConfig,
                initial: MotionModel | None) -> float:
    """Return by how many seconds the sound (N,) is later than the lip opening (T,) at 25 Hz; 0 where it is uncertain.

    A model of many people predicts when the mouth opens. A regression on the clip itself, the substitute without a
    model, learns the delay together with the words, so its scores have no sharp peak.
    """
    if initial is None:
        return estimate_offset(samples, opening, features)
    predicted = opening_at_lags(initial, samples, len(opening))
    return best_lag(np.array([correlation(each, opening) for each in predicted]), MIN_OFFSET)


def opening_at_lags(model: MotionModel, samples: np.ndarray, frames: int) -> list[np.ndarray]:
    """Return, for each lag, the lip opening (frames,) in millimetres predicted from the sound (N,) moved by it."""
    silence = np.zeros(-LAG_FRAMES[0] * FRAME_SAMPLES, np.float32)
    stats = utterance_stats(samples, model.config.features)
    motion = predict_motion(model, np.concatenate([silence, samples]), frames + len(LAG_FRAMES) - 1, stats)
    return values_at_lags(motion[:, :EXPRESSION] @ model.style.lip_direction, frames)


def align_clips(clips: list[tuple[np.ndarray, np.ndarray]], features: FeatureConfig) -> list[float]:
    """Return the offsets in seconds of many people's clips of (sound (N,), lip opening (T,) at 25 Hz).

    A clip of a few seconds cannot be synchronised alone. In turns, each clip is scored at all lags with a regression on
    the other clips at their present lags. A clip that correlates with the others at no lag has offset 0.
    """
    inputs = [_plausible_windows(samples, len(opening), features) for samples, opening in clips]
    targets = [(opening - opening.mean()) / max(float(opening.std()), 1e-6) for _, opening in clips]
    offsets = [0.0] * len(clips)
    frames = sum(map(len, targets))
    for _ in range(ALIGN_ROUNDS):
        shifted = [at_lags[offset].astype(np.float64) for at_lags, offset in zip(inputs, offsets)]
        grams, crosses = [x.T @ x for x in shifted], [x.T @ y for x, y in zip(shifted, targets)]
        regularisation = ALIGN_STRENGTH * frames * np.eye(shifted[0].shape[1])
        for index, target in enumerate(targets):
            gram, cross = sum(grams) - grams[index], sum(crosses) - crosses[index]
            weights = np.linalg.solve(gram + regularisation, cross)
            scores = {lag: correlation(x @ weights, target) - LAG_PENALTY * abs(lag)
                      for lag, x in inputs[index].items()}
            best = max(scores, key=scores.__getitem__)
            offsets[index] = best if scores[best] > MIN_CORRELATION else 0.0
    return offsets


def _plausible_windows(samples: np.ndarray, frames: int, features: FeatureConfig) -> dict[float, np.ndarray]:
    """Return the pooled windows (frames, F) at each plausible lag in seconds."""
    return {float(lag): windows for lag, windows, plausible
            in zip(LAGS_SECONDS, windows_at_lags(samples, frames, features), PLAUSIBLE) if plausible}
