"""What the motion network is taught (paper §3.2, Eq. 2) and what the field has learnt since."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from headroom.common import distributed as team


@dataclass(frozen=True)
class LossConfig:
    pose: float = 0.2  # λ1 of Eq. (2)
    pose_still: float = 0.0  # λ2 of Eq. (2), 0.01 in the paper: pushes velocity to zero, which freezes the head
    velocity: float = 0.5  # of expression and pose against the truth's velocity
    lips: float = 1.0  # of the lip opening, in deviations of the person's
    by_size: bool = True  # coefficients count by how far they move the face; in Eq. (2) all alike


PAPER_LOSS = LossConfig(pose=0.2, pose_still=0.01, velocity=0.0, lips=0.0, by_size=False)


def motion_losses(expression: Tensor, pose: Tensor, true_expression: Tensor, true_pose: Tensor, mask: Tensor,
                  weights: Tensor, lips: Tensor, config: LossConfig) -> dict[str, Tensor]:
    """The weighted terms by name, scalars; their sum is minimised.

    expression (B, T, 64), pose (B, T, 6), normalised. mask (B, T): 1 where a frame counts. weights (64,), mean 1, and
    lips (64,): normalised expression @ lips is the lip opening in deviations of the person's.
    """
    error = expression - true_expression
    pose_error = pose - true_pose
    pairs = mask[:, 1:] * mask[:, :-1]
    terms = {
        "expression": masked_mean(error**2 * weights, mask),
        "pose": config.pose * masked_mean(pose_error**2, mask),
        "pose still": config.pose_still * continuity(pose, pairs),
        "velocity": config.velocity * (masked_mean(steps(error) ** 2 * weights, pairs)
                                       + config.pose * masked_mean(steps(pose_error) ** 2, pairs)),
        "lips": config.lips * masked_mean((error @ lips)[..., None] ** 2, mask),
        "lip velocity": config.lips * config.velocity * masked_mean(steps((error @ lips)[..., None]) ** 2, pairs),
    }
    return {name: value for name, value in terms.items() if value.requires_grad or float(value) != 0}


def steps(values: Tensor) -> Tensor:
    """Differences (B, T - 1, C) from frame to frame of values (B, T, C)."""
    return values[:, 1:] - values[:, :-1]


def continuity(pose: Tensor, pairs: Tensor) -> Tensor:
    """The paper's continuity term: squared steps of the pose summed over time, averaged over the batch (Eq. 2)."""
    return (steps(pose) ** 2 * pairs[..., None]).sum((1, 2)).mean()


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of values (B, T, C) over the team's frames where mask (B, T) is 1."""
    return (values.mean(-1) * mask).sum() / torch.clamp(team.all_reduce_mean(mask.sum()), min=1)
