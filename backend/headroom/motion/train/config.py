"""Settings of a training of motion networks; the defaults are those of one person's clip."""

from __future__ import annotations

from dataclasses import dataclass, field

from headroom.motion.model.network import NetworkConfig
from headroom.motion.model.ridge import RidgeConfig
from headroom.motion.train.augment import AugmentConfig
from headroom.motion.train.dataset import BatchConfig
from headroom.motion.train.losses import LossConfig


@dataclass(frozen=True)
class OptimiserConfig:
    """AdamW, and the running mean of weights that training returns."""

    rate: float = 1e-3
    fine_rate: float = 1e-4  # for networks that are already trained
    weight_decay: float = 0.02
    betas: tuple[float, float] = (0.9, 0.999)
    grad_clip: float = 1.0
    average: float = 0.97  # decay of the running mean per step


@dataclass(frozen=True)
class TrainConfig:
    """How an ensemble of networks and a ridge regression are trained."""

    network: NetworkConfig = field(default_factory=NetworkConfig)
    ridge: RidgeConfig = field(default_factory=RidgeConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    batch: BatchConfig = field(default_factory=BatchConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    members: int = 5  # networks; in personal learning each is validated on another slice of the clip
    steps: int = 240  # at most, per network
    validate_every: int = 20  # steps
    patience: int = 4  # validations without improvement before training stops
    gap: int = 7  # frames between training and validation frames, as far as a window reaches
    ridge_weight: float = 0.6  # of the regression in the prediction, where held-out frames prefer no other; 0: none
    seed: int = 0


GENERAL = TrainConfig(
    network=NetworkConfig(width=64, code=96, hidden=96, dropout=0.5),
    augment=AugmentConfig(variants=4, masked_rows=16),
    batch=BatchConfig(size=16, max_frames=75),
    optimiser=OptimiserConfig(average=0.99),
    members=3,
    steps=600,
    ridge_weight=0.7,
)
"""The general weights, learned from many people."""
