"""What the regressor is taught: the weakly-supervised terms of Deng et al., and the coefficients where they are known.

Their weights are made for landmarks in squared pixels. Here a landmark error of 1 % of the eye distance costs 0.1, so
theirs are kept in proportion to one another and scaled together.
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
"""Of the standard face, in sides of the window."""


@dataclass(frozen=True)
class LossWeights:
    landmarks: float = 10.0  # per eye distance
    photometric: float = 1.0  # per unit of colour, photographs only
    likeness: float = 0.1  # one less the cosine between identity features, photographs only
    identity: float = 0.15  # mean squared error over the targets' variance; this and the next five
    expression: float = 0.3
    texture: float = 0.1
    rotation: float = 0.5
    light: float = 0.2
    translation: float = 0.2
    small: float = 3e-4  # sum of squared identity; expression and texture as in `_SMALL`
    colourless: float = 0.05  # squared difference of the light's channels from their mean


_SMALL = (1.0, 0.8, 0.017)
"""Deng et al.'s weights of squared identity, expression and texture against one another."""


def regressor_losses(
    surface: TorchFace, coefficients: Tensor, batch: RegressorBatch, spread: Tensor, importance: Tensor, weights: LossWeights,
    likeness: PerceptualLoss | None = None,
) -> dict[str, Tensor]:
    """The weighted terms. coefficients (B, 257) of the network; spread (257,) of the targets; importance (L,)."""
    terms = {"landmarks": weights.landmarks * landmark_loss(surface, coefficients, batch.landmarks, importance)}
    if batch.photographed.any():
        seen = batch.photographed
        terms["photometric"] = weights.photometric * photometric_loss(surface, coefficients[seen], batch.clear[seen])
        if likeness is not None:
            alike = likeness(surface, coefficients[seen], batch.clear[seen], batch.landmarks[seen])
            terms["likeness"] = weights.likeness * (1 - alike).mean()
    names = ("identity", "expression", "texture", "rotation", "light", "translation")
    targets = (part.split(SIZES, 1) for part in (coefficients / spread, batch.coefficients / spread))
    for name, guessed, true in zip(names, *targets):
        terms[name] = getattr(weights, name) * known_error(guessed, true)
    terms["small"] = weights.small * size_of(coefficients)
    terms["colourless"] = weights.colourless * colour_of_light(coefficients)
    return terms


def landmark_loss(surface: TorchFace, coefficients: Tensor, landmarks: Tensor, importance: Tensor) -> Tensor:
    """Mean distance to the landmarks (B, L, 2), in eye distances."""
    away = (surface.project_landmarks(coefficients) - landmarks).square().sum(2).add(1e-8).sqrt()
    return (away * importance).mean() / importance.mean() / EYE_DISTANCE


def photometric_loss(surface: TorchFace, coefficients: Tensor, pictures: Tensor) -> Tensor:
    """Mean distance of the skin's colours from those of the pictures (B, 3, R, R) where they lie."""
    places, colours, weight = surface.shade_skin(coefficients)
    seen = functional.grid_sample(pictures, 2 * places[:, None], padding_mode="border", align_corners=False)
    away = (seen[:, :, 0].transpose(1, 2) - colours).square().sum(2).add(1e-6).sqrt()
    return (away * weight).sum() / weight.sum()


def known_error(guessed: Tensor, true: Tensor) -> Tensor:
    """Mean squared error over the true values that are not NaN; zero where all are."""
    known = ~true.isnan()
    # taken out before the difference: the gradient of a masked NaN is NaN
    return ((guessed - true.nan_to_num()) * known).square().sum() / known.sum().clamp(min=1)


def size_of(coefficients: Tensor) -> Tensor:
    """How far a face is from the mean one."""
    parts = coefficients.split(SIZES, 1)
    return sum((weight * part.square().sum(1).mean() for weight, part in zip(_SMALL, parts)), torch.zeros(()))


def colour_of_light(coefficients: Tensor) -> Tensor:
    """How coloured the light is: what is the skin's should not be taken for the lamp's."""
    light = coefficients.split(SIZES, 1)[4].unflatten(1, (9, 3))
    return (light - light.mean(2, keepdim=True)).square().mean()


def spread_of(coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation (257,) of targets (N, 257)."""
    return coefficients.mean(0).astype(np.float32), np.maximum(coefficients.std(0), 1e-3).astype(np.float32)
