"""Finding a clip's sound offset, with the help of a model that knows speech where there is one."""

from __future__ import annotations

import numpy as np

from headroom.motion.features import FeatureConfig, listen, windows
from headroom.motion.model import MotionModel
from headroom.motion.network import EXPRESSION
from headroom.motion.offset import (
    BELIEVED,
    LAGS_SECONDS,
    MIN_CORRELATION,
    best_lag,
    correlation,
    estimate_offset,
    lag_scores,
    pooled,
    shifted,
)
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
    scores = lag_scores(lambda lag: heard_opening(initial, shifted(samples, lag), len(opening)), opening)
    return best_lag(scores, SMALLEST)


def heard_opening(model: MotionModel, samples: np.ndarray, frames: int) -> np.ndarray:
    """Lip opening (frames,) in millimetres of the model's own person that `model` hears in the sound (N,)."""
    motion = predicted_motion(model, samples, frames, listen(samples, model.config.features))
    return motion[:, :EXPRESSION] @ (model.manner.expression_deviation * model.manner.lip_opening)


def align(clips: list[tuple[np.ndarray, np.ndarray]], features: FeatureConfig) -> list[float]:
    """Offsets in seconds of many people's clips of (sound (N,), lip opening (T,) at 25 Hz).

    Clips of a few seconds cannot tell by themselves. In turns, each clip's lag is looked up with a regression that the
    others taught with their present lags; a lag that no other clip supports is left at 0.
    """
    heard = [{float(lag): _heard(samples, float(lag), len(opening), features) for lag in ALIGN_LAGS}
             for samples, opening in clips]
    seen = [(opening - opening.mean()) / max(float(opening.std()), 1e-6) for _, opening in clips]
    offsets = [0.0] * len(clips)
    for _ in range(ALIGN_TURNS):
        now = [inputs[offset] for inputs, offset in zip(heard, offsets)]
        grams, crosses = [x.T @ x for x in now], [x.T @ y for x, y in zip(now, seen)]
        frames, columns = sum(map(len, seen)), now[0].shape[1]
        for index, target in enumerate(seen):
            gram, cross = sum(grams) - grams[index], sum(crosses) - crosses[index]
            weights = np.linalg.solve(gram + ALIGN_STRENGTH * frames * np.eye(columns), cross)
            scores = [correlation(x @ weights, target) - FAR_PENALTY * abs(lag) for lag, x in heard[index].items()]
            best = int(np.argmax(scores))
            offsets[index] = float(ALIGN_LAGS[best]) if scores[best] > MIN_CORRELATION else 0.0
    return offsets


def _heard(samples: np.ndarray, lag: float, frames: int, features: FeatureConfig) -> np.ndarray:
    values = windows(shifted(samples, lag), 0, frames, features, listen(samples, features))
    return pooled(values).astype(np.float64)
