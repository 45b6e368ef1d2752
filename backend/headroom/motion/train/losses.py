"""Losses of the motion networks: those of the paper (section 3.2, Eq. 2), and velocity and lip losses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from headroom.common import distributed
from headroom.face.directions import FaceDirections
from headroom.motion.model.network import EXPRESSION
from headroom.motion.style.speaker_style import SpeakerStyle


@dataclass(frozen=True)
class LossConfig:
    """Weights of the losses; the expression error has weight 1."""

    pose: float = 0.2  # λ1 of Eq. (2)
    continuity: float = 0.0  # λ2 of Eq. (2), 0.01 in the paper: pulls the pose's velocity to zero, which freezes it
    velocity: float = 0.5  # error of the velocity of expression and pose
    lips: float = 1.0  # error of the lip opening, in deviations of the person's
    lip_shape: float = 1.0  # errors of width and protrusion of the lips relative to that of their opening
    closure: float = 2.0  # additional weight of closed lips, which falls with exp(-opening)
    by_size: bool = True  # weight coefficients by how far they move the face; Eq. (2) weights all alike
    even_weight: float = 0.2  # of every coefficient, added to its weight by size


PAPER_LOSS = LossConfig(pose=0.2, continuity=0.01, velocity=0.0, lips=0.0, by_size=False)


@dataclass(frozen=True)
class LossEmphasis:
    """What the losses weight of a normalised expression.

    weights: (64,) of the squared error, mean 1.
    lips: (64, 3), with expression @ lips the opening, width and protrusion of the lips in deviations of the person's.
    closed: opening of closed lips, in deviations from the mean.
    """

    weights: Tensor
    lips: Tensor
    closed: float = -1.0

    @staticmethod
    def of(style: SpeakerStyle, directions: FaceDirections, config: LossConfig) -> LossEmphasis:
        """Weight the expression coefficients by how far they move the person's face."""
        size = (style.expression_deviation * directions.vertex_motion) ** 2
        weights = size / size.mean() + config.even_weight if config.by_size else np.ones(EXPRESSION)
        low, high = style.lip_curve[1, [0, -1]].tolist()
        opening_deviation = max((high - low) / 4, 1e-3)
        shape = style.lip_shape * style.expression_deviation[:, None]
        shape /= np.maximum(np.linalg.norm(shape, axis=0), 1e-3)
        lips = np.column_stack([style.lip_direction / opening_deviation, shape])
        closed = (low - style.mean_lip_opening) / opening_deviation
        return LossEmphasis(torch.from_numpy((weights / weights.mean()).astype(np.float32)),
                            torch.from_numpy(lips.astype(np.float32)), closed)

    def to(self, device: torch.device) -> LossEmphasis:
        """Return the emphasis on another device."""
        return LossEmphasis(self.weights.to(device), self.lips.to(device), self.closed)


def motion_losses(predicted: Tensor, target: Tensor, mask: Tensor, emphasis: LossEmphasis,
                  config: LossConfig) -> dict[str, Tensor]:
    """Return the weighted losses by name, scalars whose sum is minimised.

    predicted, target: (B, T, 70) normalised motion, expression then pose.
    mask: (B, T), 1 where a frame counts.
    """
    error = predicted[..., :EXPRESSION] - target[..., :EXPRESSION]
    pose = predicted[..., EXPRESSION:]
    pose_error = pose - target[..., EXPRESSION:]
    lip_error = error @ emphasis.lips * error.new_tensor([1.0, config.lip_shape, config.lip_shape]).sqrt()
    opening = target[..., :EXPRESSION] @ emphasis.lips[:, :1] - emphasis.closed
    closure = 1 + config.closure * torch.exp(-opening.clamp_min(0))
    weights, pairs = emphasis.weights, mask[:, 1:] * mask[:, :-1]
    losses = {
        "expression": masked_mean(error**2 * weights, mask),
        "pose": config.pose * masked_mean(pose_error**2, mask),
        "continuity": config.continuity * continuity(pose, pairs),
        "velocity": config.velocity * (masked_mean(velocity(error) ** 2 * weights, pairs)
                                       + config.pose * masked_mean(velocity(pose_error) ** 2, pairs)),
        "lips": config.lips * masked_sum(lip_error**2 * closure, mask),
        "lip velocity": config.lips * config.velocity * masked_sum(velocity(lip_error) ** 2, pairs),
    }
    return {name: value for name, value in losses.items() if value.requires_grad or float(value) != 0}


def velocity(values: Tensor) -> Tensor:
    """Return the differences (B, T - 1, C) from frame to frame of values (B, T, C)."""
    return values[:, 1:] - values[:, :-1]


def continuity(pose: Tensor, pairs: Tensor) -> Tensor:
    """Return the paper's continuity term (Eq. 2): squared pose velocity summed over time, mean over the batch.

    pairs: (B, T - 1), 1 where both frames count.
    """
    return (velocity(pose) ** 2 * pairs[..., None]).sum((1, 2)).mean()


def masked_sum(values: Tensor, mask: Tensor) -> Tensor:
    """Return the sum over columns of `masked_mean`."""
    return masked_mean(values, mask) * values.shape[-1]


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of values (B, T, C) over the frames of all processes where mask (B, T) is 1."""
    return (values.mean(-1) * mask).sum() / torch.clamp(distributed.all_reduce_mean(mask.sum()), min=1)
