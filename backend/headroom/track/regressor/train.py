"""The regressor's training, from synthetic people with known coefficients and from tracked people."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from headroom.common.autocast import autocast
from headroom.common.average import averaged
from headroom.common.networks.arcface import ArcFace
from headroom.common.networks.regressor_weights import RegressorConfig
from headroom.common.progress import Progress, no_progress, subprogress
from headroom.face.model import FaceModel
from headroom.track.regressor.augment import Augmenter, RegressorAugment
from headroom.track.regressor.examples import MARGIN, Examples, track_person
from headroom.track.regressor.losses import LossWeights, RegressorLoss, target_statistics
from headroom.track.regressor.network import Regressor
from headroom.track.regressor.perceptual import PerceptualLoss
from headroom.track.regressor.renders import render_examples
from headroom.track.regressor.torch_face import TorchFace
from headroom.track.solve.residuals import landmark_weights

log = logging.getLogger(__name__)

_MAX_LANDMARK_WEIGHT = 4.0
"""The lids' weight in the fit is larger than a network of this resolution can use."""


@dataclass(frozen=True)
class RegressorTraining:
    """Settings of the training."""

    network: RegressorConfig = field(default_factory=RegressorConfig)
    augment: RegressorAugment = field(default_factory=RegressorAugment)
    weights: LossWeights = field(default_factory=LossWeights)
    renders: int = 7000
    """Number of synthetic people."""
    frames: int = 60
    """Largest number of examples of one clip."""
    steps: int = 3000
    batch: int = 48
    photographed: float = 0.6
    """Fraction of photographs in a batch."""
    rate: float = 2e-3
    """Largest learning rate of AdamW."""
    warm_up: float = 0.05
    """Fraction of the steps in which the learning rate rises."""
    weight_decay: float = 0.05
    average: float = 0.998
    """Decay of the running mean of the weights."""
    seed: int = 0


def train_regressor(
    paths: Sequence[Path], model: FaceModel, config: RegressorTraining | None = None, progress: Progress = no_progress,
    initial: Regressor | None = None, arcface: ArcFace | None = None,
) -> Regressor:
    """Train a regressor of the face model from clips and photos of different people, one file for each person.

    initial: regressor to start from; its network's size replaces that of `config`.
    arcface: for the perceptual loss; None to leave it out.
    """
    config = config or RegressorTraining()
    if initial is not None:
        config = replace(config, network=initial.config)
    examples = collect_examples(paths, model, config, subprogress(progress, 0, 0.3))
    return fit_regressor(model, examples, config, subprogress(progress, 0.3, 1), initial, arcface)


def collect_examples(
    paths: Sequence[Path], model: FaceModel, config: RegressorTraining, progress: Progress = no_progress
) -> Examples:
    """Return the photographed and the synthetic examples."""
    rng = np.random.default_rng(config.seed)
    side = round(config.network.resolution * MARGIN)
    photographed, people = [], []
    for index, path in enumerate(paths):
        step = subprogress(progress, 0.8 * index / len(paths), 0.8 * (index + 1) / len(paths))
        examples, person = track_person(path, model, side, config.frames, rng, step)
        photographed.append(examples)
        people.append(person)
    backgrounds = np.concatenate([*(examples.pictures for examples in photographed),
                                  *(person.backgrounds for person in people)])
    synthetic = render_examples(model, people, backgrounds, config.renders, rng, subprogress(progress, 0.8, 1))
    return Examples.joined([*photographed, synthetic])


def fit_regressor(
    model: FaceModel, examples: Examples, config: RegressorTraining, progress: Progress = no_progress,
    initial: Regressor | None = None, arcface: ArcFace | None = None,
) -> Regressor:
    """Train on examples, and return the network with the running mean of the weights."""
    rng = np.random.default_rng(config.seed)
    torch.manual_seed(config.seed)
    network = Regressor(config.network)
    for name, values in zip(("target_mean", "target_std"), target_statistics(examples.coefficients)):
        getattr(network, name).copy_(torch.from_numpy(values))
    if initial is not None:
        network.load_state_dict(initial.state_dict())
    average = averaged(network, config.average, use_buffers=True)
    # channels last takes 5.6 instead of 6.8 ms for a picture on one core
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    losses = _losses(model, network, config, arcface)
    optimiser = torch.optim.AdamW(network.parameters(), config.rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.rate, config.steps, pct_start=config.warm_up)
    augmenter = Augmenter(model, examples, config.network.resolution, config.augment, rng)
    for step, indices in enumerate(_batch_indices(examples, config, rng)):
        progress(step / config.steps, "Training the regressor")
        batch = augmenter.batch(indices)
        terms = losses(_forward(network, batch.pictures), batch)
        optimiser.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        average.update_parameters(network)
        if step % 100 == 0:
            log.info("step %d: %s", step, {name: round(float(value.detach()), 3) for name, value in terms.items()})
    return cast(Regressor, average.module)


def _losses(
    model: FaceModel, network: Regressor, config: RegressorTraining, arcface: ArcFace | None
) -> RegressorLoss:
    weights = torch.from_numpy(landmark_weights(model.landmark_ids)).clamp(max=_MAX_LANDMARK_WEIGHT).sqrt().float()
    perceptual = PerceptualLoss(model, arcface, config.network.resolution) if arcface else None
    return RegressorLoss(TorchFace(model), network.target_std, weights, config.weights, perceptual)


def _forward(network: Regressor, pictures: Tensor) -> Tensor:
    """Return coefficients (B, 257), in bfloat16 where the processor is faster at it (3.0 instead of 5.6 ms)."""
    with autocast(torch.device("cpu")):
        return network(pictures)


def _batch_indices(examples: Examples, config: RegressorTraining, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield the examples (batch,) of each step: photographs and renders in a fixed ratio."""
    photographed, synthetic = np.flatnonzero(examples.photographed), np.flatnonzero(~examples.photographed)
    count = round(config.batch * config.photographed) if len(synthetic) else config.batch
    for _ in range(config.steps):
        indices = [rng.choice(photographed, count)]
        if len(synthetic):
            indices.append(rng.choice(synthetic, config.batch - count))
        yield np.concatenate(indices)
