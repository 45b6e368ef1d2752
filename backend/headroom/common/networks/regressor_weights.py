"""The weight file of Headroom's regressor: its one reader, writer and upgrade.

The file is a safetensors file. Its header has `format` and, as JSON, `metadata`: the network's configuration and the
digest of the face model that the network was trained with. The refiner reads the same file, because the regressor's
trunk is its spatial network (`headroom.refine.spatial`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from headroom.common.errors import InputError
from headroom.common.files import atomic_write
from headroom.common.stored import Damaged, config_of, json_of, read_header, read_tensors

FORMAT = 2
"""Format 1 has `facts` in its header instead of `metadata`, and its buffers `target_mean` and `target_std` are called
`middle` and `spread`.
"""
TRUNK = "backbone."
"""Prefix of the trunk's parameters."""

_FORMAT_NAME = "headroom regressor"


@dataclass(frozen=True)
class RegressorConfig:
    """The size of a regressor's network."""

    blocks: tuple[int, ...] = (2, 2, 2, 2)
    """Number of residual blocks in each stage; the default is ResNet-18's."""
    width: int = 32
    """Channels of the first stage; ResNet-18 has 64."""
    resolution: int = 112
    """Side of the input image, pixels."""


@dataclass(frozen=True)
class RegressorMetadata:
    """What belongs to a regressor's weights.

    face_model: digest of the face model that the network was trained with.
    """

    config: RegressorConfig
    face_model: str


def read_metadata(path: Path) -> RegressorMetadata:
    """Read the metadata of a regressor's file, without its weights.

    Raises InputError when the file is not a regressor's, or of a newer format.
    """
    try:
        header, _ = upgrade(read_header(path), {}, path)
        return _metadata(header)
    except Damaged as error:
        raise _not_a_regressor(path) from error


def read_regressor(path: Path) -> tuple[RegressorMetadata, dict[str, Tensor]]:
    """Read a regressor's file: its metadata, and its tensors as stored (kernels are float16).

    Raises InputError when the file is not a regressor's, or of a newer format.
    """
    try:
        header, tensors = read_tensors(path)
        header, tensors = upgrade(header, tensors, path)
        return _metadata(header), tensors
    except Damaged as error:
        raise _not_a_regressor(path) from error


def read_trunk(path: Path) -> tuple[RegressorConfig, dict[str, Tensor]]:
    """Read the residual trunk of a regressor's file: its configuration, and its tensors as stored, without prefix.

    Raises InputError as `read_regressor` does.
    """
    metadata, tensors = read_regressor(path)
    trunk = {name.removeprefix(TRUNK): value for name, value in tensors.items() if name.startswith(TRUNK)}
    return metadata.config, trunk


def write_regressor(path: Path, metadata: RegressorMetadata, weights: dict[str, Tensor]) -> None:
    """Write a regressor's file. Kernels are stored as float16, which halves the file."""
    tensors = {name: (value.half() if value.ndim > 1 else value).detach().cpu().contiguous()
               for name, value in weights.items()}
    header = {"format": f"{_FORMAT_NAME} {FORMAT}", "metadata": json.dumps(asdict(metadata))}
    with atomic_write(Path(path)) as temporary:
        save_file(tensors, str(temporary), header)


def upgrade(header: dict[str, str], tensors: dict[str, Tensor], path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Return a file's header and tensors in the current format."""
    name, _, number = header.get("format", "").rpartition(" ")
    if name != _FORMAT_NAME or not number.isdigit():
        raise _not_a_regressor(path)
    if int(number) > FORMAT:
        raise InputError(f"{path} was written by a newer version of Headroom; update Headroom.")
    if int(number) == 1:
        header = {"format": f"{_FORMAT_NAME} 2", "metadata": header.get("facts", "")}
        renamed = {"middle": "target_mean", "spread": "target_std"}
        tensors = {renamed.get(tensor, tensor): value for tensor, value in tensors.items()}
    return header, tensors


def _metadata(header: dict[str, str]) -> RegressorMetadata:
    """Return the metadata in a header of the current format; raises Damaged for others."""
    return config_of(RegressorMetadata, json_of(header.get("metadata", "")))


def _not_a_regressor(path: Path) -> InputError:
    return InputError(f"{path} is not a regressor; train one with `headroom train regressor`.")
