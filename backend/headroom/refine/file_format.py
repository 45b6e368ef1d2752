"""The file format of refiners, "headroom refiner 2", and its upgrades.

A safetensors file whose header has `format` and, as JSON, `config`: the configs `generator` and `region`, and
`resolution` and `identity_feature`; with a memory also the configs `memory` and `spatial`. The tensors are the
generator's state dict in half precision, `identity` (D,), and the memory's tensors as `memory.*`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from headroom.common.errors import InputError
from headroom.common.files import atomic_write
from headroom.common.stored import Damaged, damage, json_of, read_tensors

NAME = "headroom refiner"
FORMAT = 2


@dataclass(frozen=True)
class RefinerFile:
    """Contents of a refiner's file."""

    config: dict[str, Any]
    tensors: dict[str, Tensor]


def write_file(path: Path, contents: RefinerFile) -> None:
    """Write a refiner's file atomically."""
    header = {"format": f"{NAME} {FORMAT}", "config": json.dumps(contents.config)}
    tensors = {name: value.detach().cpu().contiguous() for name, value in contents.tensors.items()}
    with atomic_write(Path(path)) as temporary:
        save_file(tensors, temporary, metadata=header)


def read_file(path: Path) -> RefinerFile:
    """Read a refiner's file of this format or an older one; InputError for other files and newer formats."""
    try:
        header, tensors = read_tensors(path, unbounded="memory.ages")  # of slots that were never written
    except (InputError, Damaged) as error:
        raise InputError(f"Cannot read the refiner {path}. Learn the subject again.") from error
    name, _, number = header.get("format", "").rpartition(" ")
    if name != NAME or not number.isdigit() or int(number) < min(_UPGRADES) or "config" not in header:
        raise InputError(f"{path} is not a refiner. Learn the subject again.")
    if int(number) > FORMAT:
        raise InputError(f"{path} was written by a newer version of Headroom; update Headroom.")
    try:
        with damage():
            contents = RefinerFile(json_of(header["config"]), tensors)
            for step in range(int(number), FORMAT):
                contents = _UPGRADES[step](contents)
    except Damaged as error:
        raise InputError(f"{path} is damaged. Learn the subject again.") from error
    return contents


def _upgrade_1(contents: RefinerFile) -> RefinerFile:
    """Upgrade format 1, which has other names."""
    config = {{"feature": "identity_feature"}.get(name, name): value for name, value in contents.config.items()}
    for part, names in _NAMES_1.items():
        if part in config:
            config[part] = {names.get(name, name): value for name, value in config[part].items()}
    tensors = {}
    for name, value in contents.tensors.items():
        for old, new in (("heads.gather.", "head.conv."), ("heads.paint.", "head.out."), ("heads.", "head.")):
            if name.startswith(old):
                name = new + name[len(old) :]
        tensors[name] = value
    return RefinerFile({"identity_feature": "", **config}, tensors)  # the oldest files do not name the feature


_NAMES_1 = {
    "generator": {"identity": "identity_size", "hidden": "style_hidden", "window": "use_context"},
    "memory": {"spatial": "spatial_size", "value": "value_size", "key": "key_size", "top": "candidates",
               "same": "same_cosine", "shared": "neighbours", "sharpness": "softmax_scale"},
    "spatial": {"spread": "std"},
}
"""Present names by those of format 1, for each config."""

_UPGRADES: dict[int, Callable[[RefinerFile], RefinerFile]] = {1: _upgrade_1}
"""Upgrade steps by the format they start from; format 1 was the first released."""
