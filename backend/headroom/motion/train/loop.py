"""The training loop of the motion networks, for one person and for the general weights."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel

from headroom.common import distributed
from headroom.common.average import averaged
from headroom.common.checkpoint import TrainingCheckpoint
from headroom.common.progress import Progress
from headroom.motion.model.network import MotionNetwork
from headroom.motion.train.config import OptimiserConfig, TrainConfig
from headroom.motion.train.dataset import Sample, SamplePools, random_batch, samples_at
from headroom.motion.train.losses import LossEmphasis, motion_losses

WARM_UP_STEPS = 20  # of the learning rate, which then falls linearly to a tenth


@dataclass(frozen=True)
class TrainingTask:
    """What one network is trained on.

    clips: training data.
    validation: clip that decides when to stop and which weights are best; None trains for all steps.
    seed: of the batches.
    fine_tune: the network is already trained, so the rate is lower and its weights are the first best ones.
    """

    clips: Sequence[Sample] | SamplePools
    validation: Sample | None
    emphasis: LossEmphasis
    seed: Sequence[int]
    fine_tune: bool = False


@dataclass
class TrainingState:
    """State of the training of one network; with torch's random state it is all that is needed to resume.

    best: the running mean of weights at the smallest validation loss.
    bad_evals: validations since then.
    """

    network: MotionNetwork
    average: AveragedModel
    best: MotionNetwork
    optimiser: torch.optim.Optimizer
    step: int = 0
    best_val_loss: float = float("inf")
    bad_evals: int = 0

    @staticmethod
    def initial(network: MotionNetwork, config: OptimiserConfig) -> TrainingState:
        """Return the state before the first step."""
        optimiser = torch.optim.AdamW(network.parameters(), betas=config.betas, weight_decay=config.weight_decay)
        return TrainingState(network, averaged(network, config.average), copy.deepcopy(network).eval(), optimiser)

    @property
    def average_network(self) -> MotionNetwork:
        """The network with the running mean of weights."""
        return cast(MotionNetwork, self.average.module)

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {name: getattr(self, name).state_dict() for name in _MODULES} | {
            name: getattr(self, name) for name in _SCALARS}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state from a checkpoint."""
        for name in _MODULES:
            getattr(self, name).load_state_dict(state[name])
        for name in _SCALARS:
            setattr(self, name, state[name])

    def validate(self, loss: float) -> None:
        """Store the running mean as the best weights if its validation loss is the smallest so far."""
        if loss < self.best_val_loss:
            self.best, self.best_val_loss, self.bad_evals = copy.deepcopy(self.average_network), loss, 0
        else:
            self.bad_evals += 1


_MODULES = ("network", "average", "best", "optimiser")
_SCALARS = ("step", "best_val_loss", "bad_evals")


def train_network(network: MotionNetwork, task: TrainingTask, config: TrainConfig, progress: Progress,
                  checkpoint: TrainingCheckpoint | None = None) -> MotionNetwork:
    """Train `network`; returns the running mean of its weights, the best one if there is a validation clip.

    The batch of each step is a function of seed and step alone. So a resumed training samples what an uninterrupted one
    would, and distributed processes can each compute their shard.
    """
    device = next(network.parameters()).device
    parallel = distributed.data_parallel(network)  # before weights are copied, because it loads the main process's
    state = TrainingState.initial(network, config.optimiser)
    if task.fine_tune and task.validation is not None:
        state.best_val_loss = validation_loss(state.average_network, task, config)
    if checkpoint:
        checkpoint.resume(state)
    emphasis = task.emphasis.to(device)
    while state.step < config.steps and state.bad_evals < config.patience:
        progress(state.step / config.steps, "Learning how the person moves")
        for group in state.optimiser.param_groups:
            group["lr"] = learning_rate(task, config, state.step)
        rng = np.random.default_rng([*task.seed, state.step])
        shard = distributed.shard(config.batch.size)
        clips = samples_at(task.clips, state.step)
        batch = random_batch(clips, config.batch, config.augment, rng, shard).to(device)
        predicted, _ = parallel.train()(batch.windows)
        losses = motion_losses(predicted, batch.motion, batch.mask, emphasis, config.loss)
        state.optimiser.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), config.optimiser.grad_clip)
        state.optimiser.step()
        state.average.update_parameters(network)
        state.step += 1
        if task.validation is not None and state.step % config.validate_every == 0:
            state.validate(validation_loss(state.average_network, task, config))
        if checkpoint:
            checkpoint.after(state, losses)
    return state.best if task.validation is not None else state.average_network


def learning_rate(task: TrainingTask, config: TrainConfig, step: int) -> float:
    """Return the learning rate of a step: a linear rise, then a linear fall to a tenth."""
    rate = config.optimiser.fine_rate if task.fine_tune else config.optimiser.rate
    return rate * min(1.0, (step + 1) / WARM_UP_STEPS) * (1 - 0.9 * step / config.steps)


@torch.no_grad()
def validation_loss(network: MotionNetwork, task: TrainingTask, config: TrainConfig) -> float:
    """Return the expression and lip loss on the whole validation clip without noise."""
    assert task.validation is not None
    predicted, _ = network.eval()(task.validation.clean_windows())
    losses = motion_losses(predicted, task.validation.motion[None], torch.ones(1, len(task.validation)), task.emphasis,
                           config.loss)
    return float(losses["expression"] + losses.get("lips", torch.zeros(())))
