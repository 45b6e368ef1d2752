"""Teach a refiner one person's face, or many people's (paper §3.4, Eq. 4 and 5)."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from headroom.common import distributed as team
from headroom.common.device import pick_device
from headroom.common.progress import Progress, no_progress
from headroom.refine import losses
from headroom.refine.augment import AugmentConfig
from headroom.refine.dataset import Batch, TrainingPairs, RefinerDataset
from headroom.refine.discriminator import Discriminator
from headroom.refine.generator import Generator, GeneratorConfig, current_render
from headroom.refine.memory_retrieval import MemoryTrainer, memory_for
from headroom.refine.refiner import Refiner, autocast
from headroom.refine.region import RegionConfig

if TYPE_CHECKING:
    from headroom.common.checkpoint import TrainingCheckpoint
    from headroom.refine.spatial import SpatialNetwork

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainConfig:
    """How a refiner is taught. Training ends at `seconds` or `steps`, whichever comes first."""

    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    from_general: bool = True  # begin from the bundled weights, and with their network
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
    "standard": TrainConfig(seconds=1800.0, attention=0.0, gan=0.3, gan_from=0.5),
    "paper": TrainConfig(
        GeneratorConfig(width=64, levels=8, hidden=512, sub_pixel=False),
        from_general=False,
        seconds=None,
        rate=1e-4,
        betas=(0.5, 0.999),
        constant_rate=True,
        detail=0.0,
    ),
}
PAPER_EPOCHS = 60


@dataclass
class TrainingState:
    """Where the training of a generator stands; with the data's numbering all there is to resume.

    A memory is no part of it: one person's is taught beside the generator (`train_generator`), in a training that is not resumed.
    """

    generator: Generator
    average: Generator  # running mean of the generator's weights, which is what is kept
    discriminator: Discriminator
    optimiser: torch.optim.Optimizer
    discriminator_optimiser: torch.optim.Optimizer
    step: int = 0

    @staticmethod
    def begun(config: TrainConfig, shape: GeneratorConfig, device: torch.device, initial: Generator | None) -> TrainingState:
        """A course at its beginning, from `initial`'s weights if given."""
        torch.manual_seed(config.seed)
        generator, average = Generator(shape).to(device), Generator(shape).to(device)
        if initial:
            generator.load_state_dict(initial.state_dict())
        average.load_state_dict(generator.state_dict())
        discriminator = Discriminator(config.discriminator_width).to(device)
        return TrainingState(
            generator,
            average,
            discriminator,
            torch.optim.Adam(generator.parameters(), config.rate, betas=config.betas),
            torch.optim.Adam(discriminator.parameters(), 2e-4, betas=(0.5, 0.999)),
        )

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name).state_dict() for name in self._parts} | {"step": self.step}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name in self._parts:
            getattr(self, name).load_state_dict(state[name])
        self.step = state["step"]

    _parts: ClassVar = ("generator", "average", "discriminator", "optimiser", "judge_optimiser")


def train_refiner(
    pairs: TrainingPairs,
    config: TrainConfig,
    progress: Progress = no_progress,
    initial: Refiner | None = None,
    spatial: SpatialNetwork | None = None,
) -> Refiner:
    """A refiner of one person, with a memory where the frames' identity features differ.

    initial: a refiner to start from; its generator's shape is kept. spatial: what the memory sees renders with, the
    bundled network if None.
    """
    device = pick_device(config.device)
    shape = initial.generator.config if initial else replace(config.generator, identity=pairs.identity.shape[1])
    memory = memory_for(pairs.identity, spatial, config.seed, device)
    course = TrainingState.begun(config, shape, device, initial.generator if initial else None)
    data = RefinerDataset([pairs], [len(pairs)], config.region, config.augment, config.seed)
    average = train_generator(course, data, config, device, progress, memory=memory)
    recall = memory.recall if memory else None
    return Refiner(average, pairs.identity.mean(0), config.region, pairs.frames.shape[1], config.device, recall,
                   pairs.feature)


def train_generator(
    course: TrainingState,
    data: RefinerDataset,
    config: TrainConfig,
    device: torch.device,
    progress: Progress = no_progress,
    record: TrainingCheckpoint | None = None,
    memory: MemoryTrainer | None = None,
) -> Generator:
    """Train to the end of `config`; the generator with the averaged weights.

    memory: learns each batch before the generator does, from the true identity features that the generator is told too.
    """
    generator, discriminator = team.data_parallel(course.generator), team.data_parallel(course.discriminator)
    part = team.shard(config.batch)
    for done in _until(course, config, sum(data.draws), progress):
        batch = data.batch(range(course.step * config.batch, (course.step + 1) * config.batch)[part], device)
        _set_rate(course.optimiser, config, done)
        if memory:
            memory.step(current_render(batch.window), batch.identity)
        refined, attention = generate(generator, batch)
        shown = batch.truth + batch.mask * (refined - batch.truth)
        with_discriminator = config.gan > 0 and done >= config.gan_from
        if with_discriminator:
            discriminator_loss = teach_discriminator(discriminator, course.discriminator_optimiser, batch, shown)
        terms = generator_losses(config, batch, refined, attention)
        if with_discriminator:
            with autocast(device):
                terms["gan"] = config.gan * losses.generator_gan_loss(discriminator(batch.window, shown))
        course.optimiser.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        course.optimiser.step()
        update_average(course.average, course.generator, min(config.ema, (1 + course.step) / (10 + course.step)))
        if with_discriminator:
            terms["judge"] = discriminator_loss
        if course.step % 50 == 0:
            shown_terms = {name: round(float(value.detach()), 4) for name, value in terms.items()}
            log.info("step %d: %s", course.step, shown_terms)
        course.step += 1
        if record:
            record.after(course, terms)
    return course.average.eval()


def generate(generator: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """The refined frames (B, 3, R, R) and attention (B, 1, R, R) of one batch."""
    with autocast(batch.window.device):
        return generator(batch.window, batch.identity)


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
    discriminator: nn.Module, optimiser: torch.optim.Optimizer, batch: Batch, shown: Tensor
) -> Tensor:
    """Show D a true and a refined frame of the same window; returns its loss."""
    with autocast(shown.device):
        fake = discriminator(batch.window, shown.detach())
        loss = losses.discriminator_gan_loss(discriminator(batch.window, batch.truth), fake)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, memory: float) -> None:
    """Move the averaged weights a little towards the model's."""
    torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - memory)


def _until(course: TrainingState, config: TrainConfig, frames: int, progress: Progress) -> Iterator[float]:
    """The part of the training done, from 0 to 1, before each step, until time or steps are used up."""
    steps = config.steps
    if steps is None and config.seconds is None:
        steps = PAPER_EPOCHS * frames // config.batch
    start = time.monotonic()
    while True:
        done = course.step / steps if steps else float(steps == 0)
        if config.seconds is not None:
            done = max(done, (time.monotonic() - start) / config.seconds)
        progress(min(done, 1.0), "Learning to generate the face")
        if done >= 1:
            return
        yield done


def _set_rate(optimiser: torch.optim.Optimizer, config: TrainConfig, done: float) -> None:
    """One cycle: a short rise, then a cosine down to almost nothing."""
    rise = min(1.0, (done + 1e-3) / config.warm_up)
    fall = 0.5 * (1 + math.cos(math.pi * done)) + 0.01
    for group in optimiser.param_groups:
        group["lr"] = config.rate if config.constant_rate else config.rate * rise * fall
