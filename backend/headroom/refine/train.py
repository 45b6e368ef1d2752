"""Teach a refiner one person's face: pairs of renders and true frames in, weights out (paper §3.4, Eq. 4 and 5)."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from headroom.device import pick_device
from headroom.errors import InputError
from headroom.progress import Progress, silent
from headroom.refine import losses
from headroom.refine.dataset import AugmentConfig, Batch, RefinerDataset
from headroom.refine.discriminator import Discriminator
from headroom.refine.generator import Generator, GeneratorConfig
from headroom.refine.refine import Refiner, autocast, normalised_identity
from headroom.refine.region import RegionConfig

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainConfig:
    """How a refiner is taught. Training ends at `seconds` or `steps`, whichever comes first."""

    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    region: RegionConfig = field(default_factory=RegionConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    seconds: float | None = 360.0
    steps: int | None = None
    batch: int = 1  # windows a step; two steps of one learn more in the same time than one of two (27.6, 27.3 dB)
    rate: float = 6e-4  # highest learning rate
    betas: tuple[float, float] = (0.9, 0.99)
    warm_up: float = 0.05  # part of the training in which the rate rises; it falls as a cosine afterwards
    constant_rate: bool = False  # the paper's schedule
    l1: float = losses.L1_WEIGHT
    attention: float = losses.ATTENTION_WEIGHT
    smoothness: float = losses.SMOOTHNESS_WEIGHT
    detail: float = 30.0  # weight of the Laplacian pyramid loss
    gan: float = 1.0  # weight of the GAN loss
    gan_from: float = 0.0  # part of the training after which the discriminator joins
    discriminator_width: int = 64
    ema: float = 0.998  # memory of the averaged weights that are kept
    seed: int = 0
    device: str = "auto"


PRESETS = {
    # λ2 = 2 pulls the attention to nothing: all is painted, and soft (A 0.03 on average, lids and lips blurred).
    # Renders as good as ours are worth attending to.
    "draft": TrainConfig(seconds=420.0, attention=0.0, gan=0.0),
    "standard": TrainConfig(GeneratorConfig(width=48), seconds=1800.0, batch=2, attention=0.0, gan=0.3, gan_from=0.5),
    "paper": TrainConfig(
        GeneratorConfig(width=64, levels=8, head=7, hidden=512),
        seconds=None,
        rate=1e-4,
        betas=(0.5, 0.999),
        constant_rate=True,
        detail=0.0,
    ),
}
PAPER_EPOCHS = 60


def train_refiner(
    frames: NDArray[np.uint8],
    renders: NDArray[np.uint8],
    regions: NDArray[np.uint8] | None,
    identity: NDArray[np.float32],
    config: TrainConfig,
    progress: Progress = silent,
    initial: Refiner | None = None,
) -> Refiner:
    """A refiner of one person.

    frames: (T, R, R, 3) uint8, true crops. renders: (T, R, R, 4) uint8, straight alpha, of the same frames.
    regions: (T, R, R) uint8, how much each pixel counts (64 for one, 255 for four), or None.
    identity: (D,) float32, the identity feature. initial: a refiner to start from; its generator's shape is kept.
    """
    _check(frames, renders)
    device = pick_device(config.device)
    torch.manual_seed(config.seed)
    shape = initial.generator.config if initial else replace(config.generator, identity=len(identity))
    generator, average = Generator(shape).to(device), Generator(shape).to(device)
    if initial:
        generator.load_state_dict(initial.generator.state_dict())
    average.load_state_dict(generator.state_dict())
    discriminator = Discriminator(config.discriminator_width).to(device)
    optimiser = torch.optim.Adam(generator.parameters(), config.rate, betas=config.betas)
    judge_optimiser = torch.optim.Adam(discriminator.parameters(), 2e-4, betas=(0.5, 0.999))
    feature = torch.from_numpy(normalised_identity(identity)).to(device)
    data = RefinerDataset(frames, renders, regions, config.region, config.augment, config.seed)
    batches = data.batches(config.batch, device)

    for step, done in _until(config, len(frames), progress):
        batch = next(batches)
        with_judge = config.gan > 0 and done >= config.gan_from
        _set_rate(optimiser, config, done)
        refined, attention = paint(generator, batch, feature)
        shown = batch.truth + batch.mask * (refined - batch.truth)
        if with_judge:
            judge_loss = teach_discriminator(discriminator, judge_optimiser, batch, shown)
        terms = generator_losses(config, batch, refined, attention)
        if with_judge:
            with autocast(device):
                terms["gan"] = config.gan * losses.generator_gan_loss(discriminator(batch.window, shown))
        optimiser.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimiser.step()
        follow(average, generator, min(config.ema, (1 + step) / (10 + step)))
        if step % 50 == 0:
            shown_terms = {name: round(float(value.detach()), 4) for name, value in terms.items()}
            log.info("step %d: %s%s", step, shown_terms, f", judge {judge_loss:.3f}" if with_judge else "")
    return Refiner(average.eval(), feature.cpu().numpy(), config.region, frames.shape[1], config.device)


def paint(generator: Generator, batch: Batch, feature: Tensor) -> tuple[Tensor, Tensor]:
    """The refined frames (B, 3, R, R) and attention (B, 1, R, R) of one batch."""
    with autocast(feature.device):
        return generator(batch.window, feature.expand(len(batch.window), -1))


def generator_losses(config: TrainConfig, batch: Batch, refined: Tensor, attention: Tensor) -> dict[str, Tensor]:
    """The terms of Eq. 4 but the GAN's, weighted, and one more for edges; a zero weight leaves it out."""
    terms = {
        "l1": config.l1 * losses.l1_loss(refined, batch.truth, batch.weight),
        "attention": config.attention * losses.attention_loss(attention),
        "smoothness": config.smoothness * losses.smoothness_loss(attention),
    }
    if config.detail:
        terms["detail"] = config.detail * losses.detail_loss(refined, batch.truth, batch.weight)
    return terms


def teach_discriminator(
    discriminator: Discriminator, optimiser: torch.optim.Optimizer, batch: Batch, shown: Tensor
) -> float:
    """Show D a true and a refined frame of the same window; returns its loss."""
    with autocast(shown.device):
        fake = discriminator(batch.window, shown.detach())
        loss = losses.discriminator_gan_loss(discriminator(batch.window, batch.truth), fake)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return float(loss.detach())


@torch.no_grad()
def follow(average: nn.Module, model: nn.Module, memory: float) -> None:
    """Move the averaged weights a little towards the model's."""
    torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - memory)


def _until(config: TrainConfig, frames: int, progress: Progress) -> Iterator[tuple[int, float]]:
    """Step number and the part of the training done, from 0 to 1, until time or steps are used up."""
    steps = config.steps
    if steps is None and config.seconds is None:
        steps = PAPER_EPOCHS * frames // config.batch
    start, step = time.monotonic(), 0
    while True:
        done = step / steps if steps else float(steps == 0)
        if config.seconds is not None:
            done = max(done, (time.monotonic() - start) / config.seconds)
        progress(min(done, 1.0), "Learning to paint the face")
        if done >= 1:
            return
        yield step, done
        step += 1


def _set_rate(optimiser: torch.optim.Optimizer, config: TrainConfig, done: float) -> None:
    """One cycle: a short rise, then a cosine down to almost nothing."""
    rise = min(1.0, (done + 1e-3) / config.warm_up)
    fall = 0.5 * (1 + np.cos(np.pi * done)) + 0.01
    for group in optimiser.param_groups:
        group["lr"] = config.rate if config.constant_rate else config.rate * rise * fall


def _check(frames: NDArray[Any], renders: NDArray[Any]) -> None:
    if len(frames) == 0 or len(frames) != len(renders):
        raise InputError(f"{len(frames)} frames and {len(renders)} renders cannot be paired. Learn the subject again.")
    if frames.shape[1:3] != renders.shape[1:3]:
        raise ValueError(f"frames {frames.shape} and renders {renders.shape} differ in size")
