"""Finding a clip's sound offset, with the help of a model that knows speech where there is one."""

from __future__ import annotations

import numpy as np

from headroom.motion.features import FeatureConfig, listen
from headroom.motion.model import MotionModel
from headroom.motion.network import EXPRESSION
from headroom.motion.offset import best_lag, estimate_offset, lag_scores, shifted
from headroom.motion.predict import predicted_motion

SMALLEST = 0.02  # seconds: what a model of many people can tell


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
