"""Training of the regressor: made-up people whose coefficients are known, and real ones as the tracker sees them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from headroom.common.networks.arcface import ArcFace
from headroom.common.progress import Progress, subprogress, no_progress
from headroom.face.model import FaceModel
from headroom.track.regressor.augment import Augmenter, RegressorAugment
from headroom.track.regressor.examples import MARGIN, Examples, read_person
from headroom.track.regressor.losses import LossWeights, regressor_losses, spread_of
from headroom.track.regressor.network import Regressor, RegressorConfig
from headroom.track.regressor.perceptual import PerceptualLoss
from headroom.track.regressor.renders import draw_examples
from headroom.track.regressor.torch_face import TorchFace
from headroom.track.solve.residuals import landmark_weights

log = logging.getLogger(__name__)

_MOST = 4.0
"""Lids weigh more in the fit than a network of this resolution can use."""


@dataclass(frozen=True)
class RegressorTraining:
    network: RegressorConfig = field(default_factory=RegressorConfig)
    augment: RegressorAugment = field(default_factory=RegressorAugment)
    weights: LossWeights = field(default_factory=LossWeights)
    renders: int = 7000  # made-up people
    frames: int = 60  # the most of one clip
    steps: int = 3000
    batch: int = 48
    photographed: float = 0.6  # share of a batch
    rate: float = 2e-3  # of AdamW, at its highest
    warm_up: float = 0.05  # share of the steps
    weight_decay: float = 0.05
    average: float = 0.998  # of the running mean of weights that is kept per step
    seed: int = 0


def train_regressor(
    paths: Sequence[Path], model: FaceModel, config: RegressorTraining | None = None, progress: Progress = no_progress,
    initial: Regressor | None = None, arcface: ArcFace | None = None,
) -> Regressor:
    """A regressor of the face model, from clips and photos of different people, one each; begun from `initial`.

    arcface: says how alike the drawn face and the photographed one are (Deng et al.'s perceptual term).
    """
    config = config or RegressorTraining()
    if initial is not None:
        config = replace(config, network=initial.config)
    examples = collect(paths, model, config, subprogress(progress, 0, 0.3))
    return fit(model, examples, config, subprogress(progress, 0.3, 1), initial, arcface)


def collect(
    paths: Sequence[Path], model: FaceModel, config: RegressorTraining, progress: Progress = no_progress
) -> Examples:
    """The real examples and the drawn ones."""
    rng = np.random.default_rng(config.seed)
    side = round(config.network.resolution * MARGIN)
    found = []
    for index, path in enumerate(paths):
        step = subprogress(progress, 0.8 * index / len(paths), 0.8 * (index + 1) / len(paths))
        found.append(read_person(path, model, side, config.frames, rng, step))
    real, people = [examples for examples, _ in found], [person for _, person in found]
    behind = np.concatenate([*(examples.pictures for examples in real), *(person.scenes for person in people)])
    drawn = draw_examples(model, people, behind, config.renders, rng, subprogress(progress, 0.8, 1))
    return Examples.joined([*real, drawn])


def fit(
    model: FaceModel, examples: Examples, config: RegressorTraining, progress: Progress = no_progress,
    initial: Regressor | None = None, arcface: ArcFace | None = None,
) -> Regressor:
    """The training itself; returns the running mean of the weights."""
    rng = np.random.default_rng(config.seed)
    torch.manual_seed(config.seed)
    network, mean = Regressor(config.network), Regressor(config.network)
    for values, name in zip(spread_of(examples.coefficients), ("middle", "spread")):
        getattr(network, name).copy_(torch.from_numpy(values))
    if initial is not None:
        network.load_state_dict(initial.state_dict())
    mean.load_state_dict(network.state_dict())
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # 5.6 instead of 6.8 ms a picture on one core
    surface = TorchFace(model)
    likeness = PerceptualLoss(model, arcface, config.network.resolution) if arcface else None
    importance = torch.from_numpy(landmark_weights(model.landmark_ids)).clamp(max=_MOST).sqrt().float()
    optimiser = torch.optim.AdamW(network.parameters(), config.rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.rate, config.steps, pct_start=config.warm_up)
    augmenter = Augmenter(model, examples, config.network.resolution, config.augment, rng)
    for step, indices in enumerate(_draws(examples, config, rng)):
        progress(step / config.steps, "Learning to read faces")
        batch = augmenter.batch(indices)
        coefficients = predict(network, batch.pictures)
        terms = regressor_losses(surface, coefficients, batch, network.spread, importance, config.weights, likeness)
        optimiser.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        update_average(mean, network, min(config.average, (1 + step) / (10 + step)))
        if step % 100 == 0:
            log.info("step %d: %s", step, {name: round(float(value.detach()), 3) for name, value in terms.items()})
    return mean.eval()


def predict(network: Regressor, pictures: Tensor) -> Tensor:
    """Coefficients (B, 257), computed in bfloat16 where processors are faster at it (3.0 instead of 5.6 ms)."""
    with torch.autocast("cpu", torch.bfloat16, enabled=torch.cpu._is_avx512_bf16_supported()):
        return network(pictures)


@torch.no_grad()
def update_average(mean: nn.Module, network: nn.Module, keep: float) -> None:
    """Move the running mean of all weights and statistics towards the present ones."""
    for old, new in zip(mean.state_dict().values(), network.state_dict().values()):
        if old.is_floating_point():
            old.lerp_(new, 1 - keep)


def _draws(examples: Examples, config: RegressorTraining, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """For each step the examples (batch,) to learn from: photographs and renders in a fixed share."""
    real, drawn = np.flatnonzero(examples.photographed), np.flatnonzero(~examples.photographed)
    count = round(config.batch * config.photographed) if len(drawn) else config.batch
    for _ in range(config.steps):
        yield np.concatenate([rng.choice(real, count), rng.choice(drawn, config.batch - count)] if len(drawn)
                             else [rng.choice(real, count)])
