"""Reading networks from the files in which others publish them."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from headroom.common.errors import InputError


def read_weights(path: Path) -> dict[str, Tensor]:
    """The state dict in a file of torch's or a safetensors file; InputError when it holds none."""
    path = Path(path)
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, SafetensorError, pickle.UnpicklingError) as error:
        raise InputError(f"{path} holds no weights of a network; choose another file.") from error
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise InputError(f"{path} holds no weights of a network; choose another file.")
    return dict(weights)
