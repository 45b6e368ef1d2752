"""Synchronisation of a clip's sound with its lips, with the help of a trained model or of other clips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headroom.common.arrays import correlation
from headroom.face.directions import FaceDirections
from headroom.media.audio import SAMPLE_RATE
from headroom.motion.audio.features import FeatureConfig, utterance_stats
from headroom.motion.audio.timing import FRAME_RATE, FRAME_SAMPLES
from headroom.motion.model.model import MotionModel
from headroom.motion.model.network import EXPRESSION
from headroom.motion.predict import predict_motion
from headroom.motion.train.lag_search import (
    LAGS_SECONDS,
    MIN_CORRELATION,
    MIN_FRAMES,
    PLAUSIBLE,
    estimate_offset,
    values_at_lags,
    windows_at_lags,
)

OFFSET_LAGS = np.arange(-14, 15)  # frames; beyond the plausible ones, so that a wrong peak at the edge shows
MAX_LAG = 9  # frames
LIP_WEIGHTS = (1.0, 0.5, 0.5)  # of opening, width and protrusion
CORRELATED_FRAMES = 5.0  # frames that count as one observation
PEAK_FRAMES = 2  # neighbours that belong to the peak
MIN_SCORE = 0.3  # correlation
MIN_MARGIN = 2.5  # logarithm of the likelihood ratio
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


@dataclass(frozen=True)
class SoundOffset:
    """By how many seconds a clip's sound is later than the lips; 0 where that is not certain."""

    seconds: float
    certain: bool


UNCERTAIN = SoundOffset(0.0, False)


def find_offset(samples: np.ndarray, expression: np.ndarray, directions: FaceDirections, features: FeatureConfig,
                initial: MotionModel | None) -> SoundOffset:
    """Return by how many seconds the sound (N,) is later than the lips of expression (T, 64) at 25 Hz.

    A model of many people predicts the lips' opening, width and protrusion. A regression on the clip itself, the
    substitute without a model, learns the delay together with the words, so its scores have no sharp peak.
    """
    if initial is None:
        opening = expression @ directions.lip_opening
        return SoundOffset(estimate_offset(samples, opening, features), len(opening) >= MIN_FRAMES)
    predicted = lips_at_lags(initial, samples, len(expression), directions.lips)
    true = expression @ directions.lips
    scores = np.array([np.average([correlation(values[:, column], true[:, column]) for column in range(3)],
                                  weights=LIP_WEIGHTS) for values in predicted])
    return offset_of_scores(scores, len(expression))


def offset_of_scores(scores: np.ndarray, frames: int) -> SoundOffset:
    """Return the offset at the peak of scores (lags,), which are correlations over `frames` frames.

    It is certain where the peak is within the plausible lags and so much more likely than all lags that are not its
    neighbours that chance hardly explains it. Neighbouring frames are alike, so few of them count.
    """
    peak = int(scores.argmax())
    independent = frames / CORRELATED_FRAMES
    likelihood = -independent / 2 * np.log(1 - np.clip(scores, 0, 0.99) ** 2)
    others = np.abs(np.arange(len(scores)) - peak) > PEAK_FRAMES
    margin = likelihood[peak] - likelihood[others].max()
    if scores[peak] < MIN_SCORE or margin < MIN_MARGIN or abs(OFFSET_LAGS[peak]) > MAX_LAG or \
            not 0 < peak < len(scores) - 1:
        return UNCERTAIN
    return SoundOffset((float(OFFSET_LAGS[peak]) + _vertex(*scores[peak - 1:peak + 2])) / FRAME_RATE, True)


def _vertex(before: float, at: float, after: float) -> float:
    """Return where the parabola through three neighbouring values has its vertex, in steps from the middle one."""
    return 0.5 * (before - after) / min(before - 2 * at + after, -1e-9)


def lips_at_lags(model: MotionModel, samples: np.ndarray, frames: int, effects: np.ndarray) -> list[np.ndarray]:
    """Return, for each lag, the lips (frames, C) predicted from the sound (N,) moved earlier by it.

    effects: (64, C) of the expression coefficients.
    """
    silence = np.zeros(-OFFSET_LAGS[0] * FRAME_SAMPLES, np.float32)
    stats = utterance_stats(samples, model.config.features)
    motion = predict_motion(model, np.concatenate([silence, samples]), frames + len(OFFSET_LAGS) - 1, stats)
    return values_at_lags(motion[:, :EXPRESSION] * model.style.expression_deviation @ effects, frames)


def align_clips(clips: list[tuple[np.ndarray, np.ndarray]], features: FeatureConfig) -> list[float]:
    """Return the offsets in seconds of many people's clips of (sound (N,), lip opening (T,) at 25 Hz).

    A clip of a few seconds cannot be synchronised alone. In turns, each clip is scored at all lags with a regression on
    the other clips at their present lags. In the end the offset is found between two lags. A clip that correlates with
    the others at no lag has offset 0.
    """
    inputs = [_plausible_windows(samples, len(opening), features) for samples, opening in clips]
    targets = [(opening - opening.mean()) / max(float(opening.std()), 1e-6) for _, opening in clips]
    offsets, fractions = [0.0] * len(clips), [0.0] * len(clips)
    frames = sum(map(len, targets))
    for _ in range(ALIGN_ROUNDS):
        shifted = [at_lags[offset].astype(np.float64) for at_lags, offset in zip(inputs, offsets)]
        grams, crosses = [x.T @ x for x in shifted], [x.T @ y for x, y in zip(shifted, targets)]
        all_grams, all_crosses = sum(grams), sum(crosses)
        regularisation = ALIGN_STRENGTH * frames * np.eye(shifted[0].shape[1])
        for index, target in enumerate(targets):
            gram, cross = all_grams - grams[index], all_crosses - crosses[index]
            weights = np.linalg.solve(gram + regularisation, cross)
            scores = {lag: correlation(x @ weights, target) for lag, x in inputs[index].items()}
            best = max(scores, key=lambda lag: scores[lag] - LAG_PENALTY * abs(lag))
            found = scores[best] - LAG_PENALTY * abs(best) > MIN_CORRELATION
            offsets[index] = best if found else 0.0
            fractions[index] = _fraction(scores, best) if found else 0.0
    return [offset + fraction for offset, fraction in zip(offsets, fractions)]


def _fraction(scores: dict[float, float], best: float) -> float:
    """Return by how many seconds the peak of scores, in order of their lags, lies behind the lag `best`."""
    lags = list(scores)
    index = lags.index(best)
    if not 0 < index < len(lags) - 1:
        return 0.0
    steps = _vertex(*(scores[lag] for lag in lags[index - 1:index + 2]))
    return float(np.clip(steps, -0.5, 0.5)) * (lags[1] - lags[0])


def _plausible_windows(samples: np.ndarray, frames: int, features: FeatureConfig) -> dict[float, np.ndarray]:
    """Return the pooled windows (frames, F) at each plausible lag in seconds."""
    return {float(lag): windows for lag, windows, plausible
            in zip(LAGS_SECONDS, windows_at_lags(samples, frames, features), PLAUSIBLE) if plausible}
