"""Several processes that train together, started by torchrun; without it, a team of one.

Each process draws its part of every batch, gradients are averaged, and the first process (the leader) writes the files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from headroom.common.device import pick_device
from headroom.common.errors import InputError

LONGEST_WAIT = timedelta(days=7)  # one process may still be tracking clips when the others are done

T = TypeVar("T")


@contextmanager
def gathered_team() -> Iterator[None]:
    """Join the team that torchrun named in the environment, if any, and leave it at the end."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    on_card = device().type == "cuda"
    if on_card:
        torch.cuda.set_device(device())
    distributed.init_process_group("nccl" if on_card and distributed.is_nccl_available() else "gloo",
                                   timeout=LONGEST_WAIT)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def size() -> int:
    return distributed.get_world_size() if distributed.is_initialized() else 1


def place() -> int:
    """This process's number in the team, 0 for the leader."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def leads() -> bool:
    return place() == 0


def device() -> torch.device:
    """What this process trains on: its own NVIDIA card where there is one; small networks gain nothing elsewhere."""
    if pick_device().type != "cuda":
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def own_part(count: int) -> slice:
    """Which of `count` things that are shared out are this process's."""
    if count % size():
        raise InputError(f"A batch of {count} cannot be shared by {size()} processes; start a number that divides it.")
    return slice(place(), count, size())


def shared(network: nn.Module) -> nn.Module:
    """`network` with the leader's weights; gradients of what it answers are averaged over the team."""
    if size() == 1:
        return network
    on_card = next(network.parameters()).device.type == "cuda"
    return nn.parallel.DistributedDataParallel(network, device_ids=[device()] if on_card else None)


def mean(value: Tensor) -> Tensor:
    """The team's mean of a scalar without a gradient.

    Sums divided by the mean of everybody's counts have gradients whose average is that of the joint batch.
    """
    if size() == 1:
        return value
    total = value.detach().clone()
    distributed.all_reduce(total)
    return total / size()


def everybodys(value: T) -> list[T]:
    """What every process gave, in the order of their numbers; all wait for the last."""
    if size() == 1:
        return [value]
    values: list[Any] = [None] * size()
    distributed.all_gather_object(values, value)
    return values
