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

TIMEOUT = timedelta(days=7)  # one process may still be tracking clips when the others are done

T = TypeVar("T")


@contextmanager
def process_group() -> Iterator[None]:
    """Join the team that torchrun named in the environment, if any, and leave it at the end."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    on_card = device().type == "cuda"
    if on_card:
        torch.cuda.set_device(device())
    distributed.init_process_group("nccl" if on_card and distributed.is_nccl_available() else "gloo",
                                   timeout=TIMEOUT)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def world_size() -> int:
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """This process's number in the team, 0 for the leader."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def is_main() -> bool:
    return rank() == 0


def device() -> torch.device:
    """What this process trains on: its own NVIDIA card where there is one; small networks gain nothing elsewhere."""
    if pick_device().type != "cuda":
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def shard(count: int) -> slice:
    """Which of `count` things that are data_parallel out are this process's."""
    if count % world_size():
        raise InputError(f"A batch of {count} cannot be data_parallel by {world_size()} processes; start a number that divides it.")
    return slice(rank(), count, world_size())


def data_parallel(network: nn.Module) -> nn.Module:
    """`network` with the leader's weights; gradients of what it answers are averaged over the team."""
    if world_size() == 1:
        return network
    on_card = next(network.parameters()).device.type == "cuda"
    return nn.parallel.DistributedDataParallel(network, device_ids=[device()] if on_card else None)


def all_reduce_mean(value: Tensor) -> Tensor:
    """The team's mean of a scalar without a gradient.

    Sums divided by the mean of everybody's counts have gradients whose average is that of the joint batch.
    """
    if world_size() == 1:
        return value
    total = value.detach().clone()
    distributed.all_reduce(total)
    return total / world_size()


def all_gather(value: T) -> list[T]:
    """What every process gave, in the order of their numbers; all wait for the last."""
    if world_size() == 1:
        return [value]
    values: list[Any] = [None] * world_size()
    distributed.all_gather_object(values, value)
    return values
