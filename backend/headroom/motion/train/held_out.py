"""What predictions of held-out frames say about a model: its score, its shrinkage, and the weight of its parts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from headroom.common.arrays import correlation
from headroom.motion.model.network import EXPRESSION, MOTION, POSE, MotionNetwork
from headroom.motion.model.ridge import RidgeRegression
from headroom.motion.style.measure import lip_curve
from headroom.motion.style.speaker_style import SpeakerStyle
from headroom.motion.train.dataset import Sample

AMPLITUDE = 0.94  # of the learned clip's lip openings; 13 other people opened their lips that much less afterwards
WEIGHT_SHIFT_PENALTY = 1.0  # correlation gain required to move the ridge weight by 1 from its default
STRENGTHS = np.linspace(0, 1, 11)  # of personal learning, between general (0) and personal weights (1)
STRENGTH_PENALTY = 0.1  # of the lips' relative error, gain required to stay general
SHAPE_WEIGHT = 0.5  # of width and of protrusion in the lips' error, against their opening


@dataclass(frozen=True)
class HeldOutPrediction:
    """Motion of a clip's frames, each predicted by a model that was not trained on it.

    network: (T, 70) normalised motion from networks.
    ridge: (T, 70) the same with the ridge regression's expression, equal to `network` where there is no regression.
    """

    network: np.ndarray
    ridge: np.ndarray

    @staticmethod
    def empty(frames: int) -> HeldOutPrediction:
        """Return a prediction of `frames` frames to be filled in."""
        return HeldOutPrediction(np.empty((frames, MOTION), np.float32), np.empty((frames, MOTION), np.float32))

    @torch.no_grad()
    def fill(self, frames: np.ndarray, clip: Sample, network: MotionNetwork, ridge: RidgeRegression | None) -> None:
        """Predict the frames (n,), consecutive ones of `clip`."""
        held_out = clip.cut(frames[0], frames[-1] + 1)
        motion, _ = network.eval()(held_out.clean_windows())
        self.network[frames] = self.ridge[frames] = motion[0].numpy()
        if ridge is not None:
            self.ridge[frames, :EXPRESSION] = ridge.predict(held_out.clean_pairs()[0])

    def blended(self, ridge_weight: float) -> np.ndarray:
        """Return motion (T, 70) with the given weight of the ridge regression."""
        return self.network * (1 - ridge_weight) + self.ridge * ridge_weight


def slices(frames: int, members: int) -> list[np.ndarray]:
    """Return, for each network of an ensemble, the consecutive frames that are held out of its training."""
    return np.array_split(np.arange(frames), members)


def lip_correlation(style: SpeakerStyle, motion: np.ndarray, clip: Sample) -> float:
    """Return the correlation of the lip opening of motion (T, 70) with the clip's."""
    predicted, true = motion[:, :EXPRESSION], clip.motion[:, :EXPRESSION].numpy()
    return correlation(predicted @ style.lip_direction, true @ style.lip_direction)


def lip_error(style: SpeakerStyle, motion: np.ndarray, clip: Sample) -> float:
    """Return the squared error of the lips' opening, width and protrusion in motion (T, 70), over their variance.

    It is 1 for lips that stay at their mean.
    """
    effects = np.column_stack([style.lip_opening, style.lip_shape]) * style.expression_deviation[:, None]
    predicted, true = (values[:, :EXPRESSION] @ effects for values in (motion, clip.motion.numpy()))
    relative = ((predicted - true) ** 2).mean(0) / np.maximum(true.var(0), 1e-6)
    return float(np.average(relative, weights=[1, SHAPE_WEIGHT, SHAPE_WEIGHT]))


def best_strength(before: np.ndarray, after: np.ndarray, style: SpeakerStyle, clip: Sample) -> float:
    """Return how much of personal learning to apply, 0..1, by the lips' error on held-out frames.

    before, after: (T, 70) held-out motion of the general and of the personal model.

    Keeping less than all of it must pay, because few frames tell little, and a fifth less was learned for them.
    """
    errors = [lip_error(style, after * strength + before * (1 - strength), clip)
              + STRENGTH_PENALTY * (1 - strength) ** 2 for strength in STRENGTHS]
    return float(STRENGTHS[int(np.argmin(errors))])


def best_ridge_weight(prediction: HeldOutPrediction, style: SpeakerStyle, clip: Sample, default: float) -> float:
    """Return the weight of the ridge regression that predicts held-out lips best.

    Distance from the default is penalised, because few frames do not determine the weight.
    """
    weights = np.linspace(0.1, 1.0, 10)
    scores = [lip_correlation(style, prediction.blended(weight), clip) - WEIGHT_SHIFT_PENALTY * (weight - default) ** 2
              for weight in weights]
    return float(weights[int(np.argmax(scores))])


def shrinkage(motion: np.ndarray, clip: Sample) -> np.ndarray:
    """Return the factor (64,) on each expression dimension of motion (T, 70) that minimises the squared error, 0..1."""
    predicted, true = motion[:, :EXPRESSION], clip.motion[:, :EXPRESSION].numpy()
    return np.clip((predicted * true).sum(0) / np.maximum((predicted**2).sum(0), 1e-9), 0, 1)


def shrunk(motion: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Return motion (T, 70) with its expression times `factor` (64,)."""
    return motion * np.append(factor, np.ones(POSE))


def validated_style(style: SpeakerStyle, motion: np.ndarray, clip: Sample) -> SpeakerStyle:
    """Return `style` with the pose correlation and the curve of lip openings that held-out motion (T, 70) shows."""
    true = clip.motion.numpy()
    pose_correlation = [correlation(motion[:, column], true[:, column]) for column in range(EXPRESSION, MOTION)]
    predicted, opening = (style.mean_lip_opening + values[:, :EXPRESSION] @ style.lip_direction
                          for values in (motion, true))
    curve = lip_curve(predicted, opening)
    curve[1] = curve[1, 0] + AMPLITUDE * (curve[1] - curve[1, 0])
    return replace(style, pose_correlation=np.clip(pose_correlation, 0, 1).astype(np.float32), lip_curve=curve)
