"""Reader of the weight files in which others publish their networks."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from headroom.common.errors import InputError


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the state dict in a file written by `torch.save` or in a safetensors file.

    Raises InputError when the file holds no state dict.
    """
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
