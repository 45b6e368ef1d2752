"""Finding a clip's sound offset, with the help of a model that knows speech where there is one."""

from __future__ import annotations

import numpy as np

from headroom.motion.audio.features import FRAME_SAMPLES, FeatureConfig, utterance_stats
from headroom.motion.audio.lag_search import (
    BELIEVED,
    LAG_FRAMES,
    LAGS_SECONDS,
    MIN_CORRELATION,
    at_lags,
    best_lag,
    correlation,
    estimate_offset,
    heard_at_lags,
)
from headroom.motion.model.model import MotionModel
from headroom.motion.model.network import EXPRESSION
from headroom.motion.predict import predicted_motion

SMALLEST = 0.02  # seconds: what a model of many people can tell
ALIGN_LAGS = LAGS_SECONDS[BELIEVED]
ALIGN_TURNS = 5
ALIGN_STRENGTH = 0.3  # of the ridge, times frames
FAR_PENALTY = 1.2  # of correlation, per second of lag


def find_offset(samples: np.ndarray, opening: np.ndarray, features: FeatureConfig,
                initial: MotionModel | None) -> float:
    """Seconds by which the sound (N,) is later than the lip opening (T,), 25 Hz; 0 when the evidence is weak.

    A model of many people hears the mouth open at once, where a clip's own regression learns a delay along with the
    words and shows a flat top; so it is asked first.
    """
    if initial is None:
        return estimate_offset(samples, opening, features)
    heard = opening_at_lags(initial, samples, len(opening))
    return best_lag(np.array([correlation(each, opening) for each in heard]), SMALLEST)


def opening_at_lags(model: MotionModel, samples: np.ndarray, frames: int) -> list[np.ndarray]:
    """Lip opening (frames,) in millimetres of the model's own person, heard in the sound (N,) at each of the lags."""
    before = np.zeros(-LAG_FRAMES[0] * FRAME_SAMPLES, np.float32)
    stats = utterance_stats(samples, model.config.features)
    motion = predicted_motion(model, np.concatenate([before, samples]), frames + len(LAG_FRAMES) - 1, stats)
    opening = motion[:, :EXPRESSION] @ (model.style.expression_deviation * model.style.lip_opening)
    return at_lags(opening, frames)


def align(clips: list[tuple[np.ndarray, np.ndarray]], features: FeatureConfig) -> list[float]:
    """Offsets in seconds of many people's clips of (sound (N,), lip opening (T,) at 25 Hz).

    Clips of a few seconds cannot tell by themselves. In turns, each clip's lag is looked up with a regression that the
    others taught with their present lags; a lag that no other clip supports is left at 0.
    """
    heard = [_heard(samples, len(opening), features) for samples, opening in clips]
    seen = [(opening - opening.mean()) / max(float(opening.std()), 1e-6) for _, opening in clips]
    offsets = [0.0] * len(clips)
    for _ in range(ALIGN_TURNS):
        now = [inputs[offset].astype(np.float64) for inputs, offset in zip(heard, offsets)]
        grams, crosses = [x.T @ x for x in now], [x.T @ y for x, y in zip(now, seen)]
        frames, columns = sum(map(len, seen)), now[0].shape[1]
        for index, target in enumerate(seen):
            gram, cross = sum(grams) - grams[index], sum(crosses) - crosses[index]
            weights = np.linalg.solve(gram + ALIGN_STRENGTH * frames * np.eye(columns), cross)
            scores = [correlation(x @ weights, target) - FAR_PENALTY * abs(lag) for lag, x in heard[index].items()]
            best = int(np.argmax(scores))
            offsets[index] = float(ALIGN_LAGS[best]) if scores[best] > MIN_CORRELATION else 0.0
    return offsets


def _heard(samples: np.ndarray, frames: int, features: FeatureConfig) -> dict[float, np.ndarray]:
    """Pooled windows (frames, F) at each believed lag in seconds."""
    return {float(lag): values for lag, values, believed
            in zip(LAGS_SECONDS, heard_at_lags(samples, frames, features), BELIEVED) if believed}
