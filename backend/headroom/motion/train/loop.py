"""The one training loop of the motion networks, for one person and for everybody."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from headroom.common import distributed as team
from headroom.common.progress import Progress
from headroom.motion.model.network import EXPRESSION, MotionNetwork
from headroom.motion.train.dataset import Sample, as_windows, random_batch
from headroom.motion.train.losses import motion_losses

if TYPE_CHECKING:
    from headroom.common.checkpoint import TrainingCheckpoint
    from headroom.motion.train.personal import TrainConfig

RISING_STEPS = 20  # over which the learning rate rises at first; it falls to a tenth until the end


@dataclass
class TrainingState:
    """Where the training of one network stands; together with torch's random state this is all there is to resume."""

    network: MotionNetwork
    mean: MotionNetwork  # running mean of the weights
    best: MotionNetwork  # the mean when it was best on the judged frames
    optimiser: torch.optim.Optimizer
    step: int = 0
    lowest: float = float("inf")
    worse: int = 0  # judgements since the best one

    def state_dict(self) -> dict[str, Any]:
        parts = {name: getattr(self, name).state_dict() for name in ("network", "mean", "best", "optimiser")}
        return parts | {"step": self.step, "lowest": self.lowest, "worse": self.worse}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name in ("network", "mean", "best", "optimiser"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.lowest, self.worse = state["step"], state["lowest"], state["worse"]


def train_network(network: MotionNetwork, learn: Sequence[Sample], validation: Sample | None, emphasis: tuple[Tensor, Tensor],
        config: "TrainConfig", seed: Sequence[int], progress: Progress, fine: bool = False,
        record: "TrainingCheckpoint | None" = None) -> MotionNetwork:
    """The running mean of `network`'s weights at its best on the judged frames; the last when there are none.

    Every step's data is a function of `seed` and the step alone, so that a resumed run draws what the first would have
    drawn, and the processes of a team can each make their part of it.
    """
    rate = config.fine_rate if fine else config.rate
    shared = team.data_parallel(network)  # before copies are made: the team begins from the leader's weights
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, betas=config.betas, weight_decay=config.weight_decay)
    course = TrainingState(network, copy.deepcopy(network).eval(), copy.deepcopy(network).eval(), optimiser)
    if fine and validation is not None:
        course.lowest = loss_on(course.mean, validation, emphasis, config)
    if record:
        record.resume(course)
    weights, lips = (values.to(device_of(network)) for values in emphasis)
    while course.step < config.steps and course.worse < config.patience:
        progress(course.step / config.steps, "Learning how the person moves")
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (course.step + 1) / RISING_STEPS) * (1 - 0.9 * course.step / config.steps)
        heard, motion, mask = draw_batch(learn, config, [*seed, course.step], device_of(network))
        expression, pose, _ = shared.train()(heard)
        losses = motion_losses(expression, pose, motion[..., :EXPRESSION], motion[..., EXPRESSION:], mask,
                               weights, lips, config.loss)
        optimiser.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), config.grad_clip)
        optimiser.step()
        update_average(course.mean, network, min(config.average, (course.step + 1) / (course.step + 10)))
        course.step += 1
        if validation is not None and course.step % config.validate_every == 0:
            validate(course, loss_on(course.mean, validation, emphasis, config))
        if record:
            record.after(course, losses)
    return course.best if validation is not None else course.mean


def draw_batch(learn: Sequence[Sample], config: "TrainConfig", seed: Sequence[int],
          device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """This process's part of one step's data: windows (B, T, 28, A), motion (B, T, 70), mask (B, T)."""
    rng = np.random.default_rng(seed)
    frames = int(rng.integers(config.shortest, config.longest + 1))
    heard, motion, mask = random_batch(learn, config.batch, frames, config.warm_up, config.augment, rng,
                                       team.shard(config.batch))
    return heard.to(device), motion.to(device), mask.to(device)


@torch.no_grad()
def update_average(mean: MotionNetwork, network: MotionNetwork, keep: float) -> None:
    """Move the running mean of the weights towards the present ones; statistics of normalisation are taken over."""
    for old, new in zip(mean.parameters(), network.parameters()):
        old.lerp_(new, 1 - keep)
    for kept, present in zip(mean.buffers(), network.buffers()):
        kept.copy_(present)


def validate(course: TrainingState, score: float) -> None:
    """Keep the present mean if it is the best so far."""
    if score < course.lowest:
        course.best, course.lowest, course.worse = copy.deepcopy(course.mean), score, 0
    else:
        course.worse += 1


@torch.no_grad()
def loss_on(network: MotionNetwork, sample: Sample, emphasis: tuple[Tensor, Tensor], config: "TrainConfig") -> float:
    """Expression and lip loss on a whole clean sample."""
    expression, pose, _ = network.eval()(as_windows(sample.rows[:1]))
    losses = motion_losses(expression, pose, sample.motion[None, :, :EXPRESSION], sample.motion[None, :, EXPRESSION:],
                           torch.ones(1, len(sample)), *emphasis, config.loss)
    return float(losses["expression"] + losses.get("lips", torch.zeros(())))


def device_of(network: MotionNetwork) -> torch.device:
    return next(network.parameters()).device
