"""What the networks run on: one setting for all of Headroom."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from headroom.common.errors import InputError

if TYPE_CHECKING:
    import torch

DEVICE_VARIABLE = "HEADROOM_DEVICE"
DEVICES = ("auto", "cpu", "cuda", "mps")


def pick_device(name: str = "auto") -> "torch.device":
    """The device of that name; `auto` is what HEADROOM_DEVICE says, and otherwise the best there is."""
    import torch

    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    name = (os.environ.get(DEVICE_VARIABLE) or name) if name == "auto" else name
    if name == "auto":
        name = next(best for best in ("cuda", "mps", "cpu") if there[best])
    if name not in DEVICES:
        raise InputError(f"There is no device {name!r}; choose one of {', '.join(DEVICES)}.")
    if not there[name]:
        raise InputError(f"This machine has no device {name!r} that torch can use; choose auto or cpu.")
    return torch.device(name)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, the machine's or a GPU's. torch has a class for that, by whose name it
    is known without loading torch, and for Apple GPUs only a text.
    """
    return (isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
            or (isinstance(error, RuntimeError) and "MPS backend out of memory" in str(error)))


def device_name() -> str:
    """The device that is used, for people to read."""
    import torch

    device = pick_device()
    return f"cuda ({torch.cuda.get_device_name()})" if device.type == "cuda" else device.type
