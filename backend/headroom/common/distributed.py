"""Distributed training: several processes, started by torchrun, learn from one joint batch.

Each process computes its shard of every batch, gradients are averaged, and the main process (rank 0) writes the files.
Without torchrun the functions describe a single process.
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

TIMEOUT = timedelta(days=7)  # one process may still track clips when the others have finished

T = TypeVar("T")


@contextmanager
def process_group() -> Iterator[None]:
    """Join the process group that torchrun describes in the environment, if any, and leave it at the end."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    on_gpu = device().type == "cuda"
    if on_gpu:
        torch.cuda.set_device(device())
    distributed.init_process_group("nccl" if on_gpu and distributed.is_nccl_available() else "gloo", timeout=TIMEOUT)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def world_size() -> int:
    """Return the number of processes."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Return the number of this process, 0 for the main one."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def is_main() -> bool:
    """Whether this is the process that writes the files."""
    return rank() == 0


def device() -> torch.device:
    """Return what this process trains on: its own NVIDIA GPU if any, else the processor.

    Small networks are no faster on other GPUs.
    """
    if pick_device().type != "cuda":
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def shard(count: int) -> slice:
    """Return which of the `count` items of a batch this process computes; InputError where they cannot be split."""
    if count % world_size():
        raise InputError(f"A batch of {count} cannot be split over {world_size()} processes; start a number of "
                         "processes that divides it.")
    return slice(rank(), count, world_size())


def data_parallel(network: nn.Module) -> nn.Module:
    """Return `network` with the weights of the main process; its gradients are averaged over all processes."""
    if world_size() == 1:
        return network
    on_gpu = next(network.parameters()).device.type == "cuda"
    return nn.parallel.DistributedDataParallel(network, device_ids=[device()] if on_gpu else None)


def all_reduce_mean(value: Tensor) -> Tensor:
    """Return the mean of a scalar over all processes, without a gradient.

    Where each process divides its sum by the mean of all counts, the average of the gradients is that of the joint
    batch.
    """
    if world_size() == 1:
        return value
    total = value.detach().clone()
    distributed.all_reduce(total)
    return total / world_size()


def all_gather(value: T) -> list[T]:
    """Return the values of all processes in the order of their ranks; waits for the last one."""
    if world_size() == 1:
        return [value]
    values: list[Any] = [None] * world_size()
    distributed.all_gather_object(values, value)
    return values
