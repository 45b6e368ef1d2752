"""Running mean of a network's weights (EMA), shared by the trainings of motion, refiner and regressor.

A training calls `average = averaged(network, decay)` once and `average.update_parameters(network)` after each step of
the optimiser. Weight files store `average.module.state_dict()`. Checkpoints store `average.state_dict()`, because the
warm-up of the decay needs the number of updates in it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import PARAM_LIST, AveragedModel

WARM_UP = 9
"""Update n keeps at most n / (n + WARM_UP) of the mean, because a training's first weights are far from good."""


def averaged(model: nn.Module, decay: float, use_buffers: bool = False) -> AveragedModel:
    """Return the running mean of `model`'s weights, a copy of them at first, in evaluation mode.

    decay: fraction of the mean that each update keeps after the warm-up.
    use_buffers: average buffers of floating point too; otherwise each update copies them from the model.
    """
    average = AveragedModel(model, multi_avg_fn=_moving_average(decay), use_buffers=use_buffers)
    average.n_averaged.fill_(1)  # at 0 the first update would replace the initial weights instead of averaging them in
    return average.eval()


def _moving_average(decay: float) -> Callable[[PARAM_LIST, PARAM_LIST, Tensor | int], None]:
    """Return torch's `get_ema_multi_avg_fn` with a decay that rises over the first updates."""

    @torch.no_grad()
    def update(means: PARAM_LIST, values: PARAM_LIST, updates: Tensor | int) -> None:
        count = int(updates)
        if means[0].is_floating_point():
            torch._foreach_lerp_(means, values, 1 - min(decay, count / (count + WARM_UP)))
        else:
            torch._foreach_copy_(means, values)

    return update
