"""The regressor's losses: the weakly supervised terms of Deng et al., and known coefficients.

Deng et al.'s weights are for landmarks in squared pixels. Here a landmark error of 1 % of the eye distance costs 0.1;
the other terms keep their published proportions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from headroom.track.regressor.augment import RegressorBatch
from headroom.track.regressor.estimate import SIZES
from headroom.track.regressor.perceptual import PerceptualLoss
from headroom.track.regressor.torch_face import TorchFace

EYE_DISTANCE = 0.283
"""Eye distance of the standard face, in sides of the crop."""

_KNOWN = ("identity", "expression", "texture", "rotation", "light", "translation")
_PRIOR_WEIGHTS = (1.0, 0.8, 0.017)
"""Deng et al.'s relative weights of squared identity, expression and texture."""


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms."""

    landmarks: float = 10.0
    """Per eye distance."""
    photometric: float = 1.0
    """Per unit of colour; photographs only."""
    perceptual: float = 0.1
    """Of one less the cosine between identity embeddings; photographs only."""
    identity: float = 0.15
    """Of the mean squared error over the targets' variance; likewise the next five."""
    expression: float = 0.3
    texture: float = 0.1
    rotation: float = 0.5
    light: float = 0.2
    translation: float = 0.2
    prior: float = 3e-4
    """Of the sum of squared identity, expression and texture, with `_PRIOR_WEIGHTS`."""
    grey_light: float = 0.05
    """Of the squared differences between the light's channels and their mean."""


class RegressorLoss:
    """The weighted losses of one training."""

    def __init__(
        self, face: TorchFace, target_std: Tensor, landmark_weights: Tensor, weights: LossWeights,
        perceptual: PerceptualLoss | None = None,
    ):
        """Prepare the losses.

        target_std: (257,) standard deviation of the targets.
        landmark_weights: (L,).
        perceptual: None to leave that term out.
        """
        self.face, self.target_std, self.landmark_weights = face, target_std, landmark_weights
        self.weights, self.perceptual = weights, perceptual

    def __call__(self, coefficients: Tensor, batch: RegressorBatch) -> dict[str, Tensor]:
        """Return the weighted terms of predicted coefficients (B, 257)."""
        weights = self.weights
        distance = landmark_loss(self.face, coefficients, batch.landmarks, self.landmark_weights)
        terms = {"landmarks": weights.landmarks * distance}
        if batch.photographed.any():
            photos = batch.photographed
            colour = photometric_loss(self.face, coefficients[photos], batch.clear[photos])
            terms["photometric"] = weights.photometric * colour
            if self.perceptual is not None:
                cosine = self.perceptual(self.face, coefficients[photos], batch.clear[photos], batch.landmarks[photos])
                terms["perceptual"] = weights.perceptual * (1 - cosine).mean()
        pairs = (values.split(SIZES, 1) for values in (coefficients / self.target_std,
                                                       batch.coefficients / self.target_std))
        for name, predicted, target in zip(_KNOWN, *pairs):
            terms[name] = getattr(weights, name) * known_error(predicted, target)
        terms["prior"] = weights.prior * prior_loss(coefficients)
        terms["grey_light"] = weights.grey_light * grey_light_loss(coefficients)
        return terms


def landmark_loss(face: TorchFace, coefficients: Tensor, landmarks: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean distance, eye distances, to landmarks (B, L, 2).

    coefficients: (B, 257). weights: (L,).
    """
    away = (face.project_landmarks(coefficients) - landmarks).square().sum(2).add(1e-8).sqrt()
    return (away * weights).mean() / weights.mean() / EYE_DISTANCE


def photometric_loss(face: TorchFace, coefficients: Tensor, pictures: Tensor) -> Tensor:
    """Return the mean colour distance between the shaded skin and pictures (B, 3, R, R), weighted by the view."""
    positions, colours, weight = face.shade_skin(coefficients)
    seen = functional.grid_sample(pictures, 2 * positions[:, None], padding_mode="border", align_corners=False)
    away = (seen[:, :, 0].transpose(1, 2) - colours).square().sum(2).add(1e-6).sqrt()
    return (away * weight).sum() / weight.sum()


def known_error(predicted: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared error over the targets that are not NaN; zero where all are."""
    known = ~target.isnan()
    # NaN is replaced before the difference, because the gradient of a masked NaN is NaN
    return ((predicted - target.nan_to_num()) * known).square().sum() / known.sum().clamp(min=1)


def prior_loss(coefficients: Tensor) -> Tensor:
    """Return the weighted squared norm of identity, expression and texture of coefficients (B, 257)."""
    parts = coefficients.split(SIZES, 1)
    return sum((weight * part.square().sum(1).mean() for weight, part in zip(_PRIOR_WEIGHTS, parts)), torch.zeros(()))


def grey_light_loss(coefficients: Tensor) -> Tensor:
    """Return the mean squared colour of the light, so that the skin's colour is not explained by the light."""
    light = coefficients.split(SIZES, 1)[4].unflatten(1, (9, 3))
    return (light - light.mean(2, keepdim=True)).square().mean()


def target_statistics(coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation (257,) float32 of targets (N, 257)."""
    return coefficients.mean(0).astype(np.float32), np.maximum(coefficients.std(0), 1e-3).astype(np.float32)
