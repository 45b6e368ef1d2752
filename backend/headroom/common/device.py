"""The device that the networks run on: one setting for all of Headroom."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from headroom.common.errors import InputError

if TYPE_CHECKING:
    import torch

DEVICE_VARIABLE = "HEADROOM_DEVICE"
DEVICES = ("auto", "cpu", "cuda", "mps")


def pick_device(name: str = "auto") -> torch.device:
    """Return the device of that name; `auto` is HEADROOM_DEVICE, and the best available device without that variable.

    Raises InputError for an unknown device and for one that this machine does not have.
    """
    import torch

    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    name = (os.environ.get(DEVICE_VARIABLE) or name) if name == "auto" else name
    if name == "auto":
        name = next(best for best in ("cuda", "mps", "cpu") if available[best])
    if name not in DEVICES:
        raise InputError(f"There is no device {name!r}; choose one of {', '.join(DEVICES)}.")
    if not available[name]:
        raise InputError(f"This machine has no device {name!r} that torch can use; choose auto or cpu.")
    return torch.device(name)


def device_name() -> str:
    """Return the device in use as a text for the user."""
    import torch

    device = pick_device()
    return f"cuda ({torch.cuda.get_device_name()})" if device.type == "cuda" else device.type
