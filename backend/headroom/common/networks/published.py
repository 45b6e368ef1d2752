"""Readers of the packages and weight files in which others publish their networks."""

from __future__ import annotations

import fnmatch
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from headroom.common.errors import InputError
from headroom.common.stored import Damaged, parsing, read_tensors
from headroom.common.temporary import temporary_folder


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the state dict in a file written by `torch.save` or in a safetensors file.

    Raises InputError when the file holds no state dict.
    """
    path = Path(path)
    try:
        if path.suffix == ".safetensors":
            return read_tensors(path)[1]
        with parsing(path):
            weights = torch.load(path, map_location="cpu", weights_only=True)
    except Damaged as error:
        raise InputError(f"{path} holds no weights of a network; choose another file.") from error
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise InputError(f"{path} holds no weights of a network; choose another file.")
    return dict(weights)


@contextmanager
def published_file(source: Path, pattern: str, network: str) -> Iterator[Path]:
    """Yield the file that holds a network: the only one of its name in a package or a folder, or the source itself.

    source: a package (.whl or .zip), which is unpacked into a temporary folder, a folder, or a file.
    pattern: name of the file with wildcards.
    network: name of the network, for messages.

    Raises InputError where there is no such file, or more than one.
    """
    source = Path(source)
    if not source.exists():
        raise InputError(f"{source} does not exist; choose a package or a file that holds {network}.")
    if source.is_dir():
        names = [str(path) for path in source.rglob(pattern) if path.is_file()]
        yield Path(_only(names, source, pattern, network))
    elif source.suffix in (".whl", ".zip"):
        with temporary_folder() as folder:
            yield _unpacked(source, pattern, network, folder)
    else:
        yield source


def unreadable_network(path: Path, network: str) -> InputError:
    """Return the error for a file that is damaged or holds another network."""
    return InputError(f"{path} holds no {network} that Headroom can read; choose a package or a file that does.")


def _only(names: list[str], source: Path, pattern: str, network: str) -> str:
    """Return the only name; InputError where there is none or more than one."""
    if len(names) != 1:
        raise InputError(f"{source} holds {len(names)} files named {pattern}; choose the one with {network}.")
    return names[0]


def _unpacked(package: Path, pattern: str, network: str, folder: Path) -> Path:
    """Unpack the only file of a package whose name matches into `folder`."""
    try:
        with zipfile.ZipFile(package) as archive:
            names = [name for name in archive.namelist() if fnmatch.fnmatch(Path(name).name, pattern)]
            return Path(archive.extract(_only(names, package, pattern, network), folder))
    except (OSError, zipfile.BadZipFile) as error:
        raise unreadable_network(package, network) from error
