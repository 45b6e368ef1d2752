"""The state of a refiner's training, and its schedule."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch.optim.swa_utils import AveragedModel

from headroom.common.average import averaged
from headroom.refine.discriminator import Discriminator
from headroom.refine.generator import Generator, GeneratorConfig
from headroom.refine.train_config import PAPER_EPOCHS, RefinerTrainConfig


@dataclass
class TrainingState:
    """State of the training of a generator; with the dataset's seed it is all that is needed to resume.

    It has no memory: the memory of one person is trained beside the generator, in a training that is never resumed.

    average: running mean of the generator's weights, which is what training returns.
    """

    generator: Generator
    average: AveragedModel
    discriminator: Discriminator
    optimiser: torch.optim.Optimizer
    discriminator_optimiser: torch.optim.Optimizer
    step: int = 0

    @staticmethod
    def initial(
        config: RefinerTrainConfig, shape: GeneratorConfig, device: torch.device, initial: Generator | None = None
    ) -> TrainingState:
        """Return the state before the first step, with the weights of `initial` if given."""
        torch.manual_seed(config.seed)
        generator = Generator(shape).to(device)
        Generator(shape)  # advances the random numbers, so that the discriminator starts as it always has
        if initial:
            generator.load_state_dict(initial.state_dict())
        discriminator = Discriminator(config.discriminator_width, shape.input_channels).to(device)
        return TrainingState(
            generator,
            averaged(generator, config.ema_decay),
            discriminator,
            torch.optim.Adam(generator.parameters(), config.learning_rate, betas=config.betas),
            torch.optim.Adam(discriminator.parameters(), 2e-4, betas=(0.5, 0.999)),
        )

    @property
    def average_generator(self) -> Generator:
        """The generator with the running mean of weights, in evaluation mode."""
        return cast(Generator, self.average.module.eval())

    @property
    def device(self) -> torch.device:
        """The device of the networks."""
        return next(self.generator.parameters()).device

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {name: getattr(self, name).state_dict() for name in _MODULES} | {"step": self.step}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state from a checkpoint."""
        for name in _MODULES:
            getattr(self, name).load_state_dict(state[name])
        self.step = state["step"]


_MODULES = ("generator", "average", "discriminator", "optimiser", "discriminator_optimiser")


class Schedule:
    """Length of a training, by time and by steps, and the learning rate over it."""

    def __init__(self, config: RefinerTrainConfig, samples_per_epoch: int):
        """Start the clock."""
        self._config, self._steps = config, config.steps
        if self._steps is None and config.seconds is None:
            self._steps = PAPER_EPOCHS * samples_per_epoch // config.batch_size
        self._start = time.monotonic()

    def fraction(self, step: int) -> float:
        """Return the completed fraction of the training before a step, 1 or more at its end."""
        fraction = 0.0
        if self._steps is not None:
            fraction = step / self._steps if self._steps else 1.0
        if self._config.seconds is not None:
            fraction = max(fraction, (time.monotonic() - self._start) / self._config.seconds)
        return fraction

    def done(self, step: int) -> str:
        """Return how much of the training is done before a step, for the user."""
        if self._steps is not None:
            return f"{step} of {self._steps} steps"
        assert self._config.seconds is not None
        return f"{(time.monotonic() - self._start) / 60:.1f} of {self._config.seconds / 60:.1f} minutes"

    def learning_rate(self, fraction: float) -> float:
        """Return the learning rate: a short linear rise, then a cosine down to almost zero; constant in the paper."""
        if self._config.constant_rate:
            return self._config.learning_rate
        rise = min(1.0, (fraction + 1e-3) / self._config.warm_up)
        fall = 0.5 * (1 + math.cos(math.pi * fraction)) + 0.01
        return self._config.learning_rate * rise * fall
