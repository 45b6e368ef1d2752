"""Stored arrays, weights and tables: one reader for each kind of file, which checks what it reads; a writer of arrays.

Nobody else opens a stored file, and no number of one is used unchecked. A reader names the arrays that it needs as
`Array`s, and turns `Damaged` into its own sentence, because only it knows what the file is and what helps.
"""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from headroom.common.errors import InputError
from headroom.common.files import atomic_write

if TYPE_CHECKING:
    from torch import Tensor

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LIMIT = 1e6
"""The largest value of any stored quantity: coefficients, radians, millimetres, pixels, frames."""
C = TypeVar("C")


def write_npz(path: Path, arrays: Mapping[str, Any], compressed: bool = False) -> None:
    """Write arrays as .npz; raises InputError when the system does not let the file be written.

    The archive is made in memory, because one that a full disk cuts short prints a traceback when it is forgotten.
    """
    content = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(content, **arrays)
    with atomic_write(path) as temporary:
        temporary.write_bytes(content.getbuffer())


class Damaged(ValueError):
    """What is wrong with a stored file, as a clause: "rotation has 10 rows instead of 15"."""


@dataclass(frozen=True)
class Array:
    """What a stored array must be.

    shape: lengths; those that a letter stands for agree in all arrays of a file and are at least `least`.
    kind: "number", "integer" or "text". Numbers are finite and lie in low..high.
    optional: whether the array may be missing.
    """

    shape: tuple[int | str, ...]
    kind: str = "number"
    low: float = -LIMIT
    high: float = LIMIT
    least: int = 1
    optional: bool = False


FPS = Array((), low=0.1, high=1000)
"""A rate in frames per second."""
_KINDS = {"number": "fiu", "integer": "iu", "text": "U"}


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Return all arrays of an .npz file; raises InputError when it cannot be opened, Damaged for another file."""
    with parsing(path):
        with np.load(path, allow_pickle=False) as data:
            if not isinstance(data, np.lib.npyio.NpzFile):
                raise Damaged("it holds a single array")
            return {name: data[name] for name in data.files}


def read_npy(path: Path, array: Array) -> NDArray[Any]:
    """Return the array of an .npy file; raises InputError when it cannot be opened, Damaged when it is not `array`."""
    with parsing(path):
        values = np.load(path, allow_pickle=False)
    require_arrays({"the array": values}, {"the array": array})
    return np.asarray(values)


def read_header(path: Path) -> dict[str, str]:
    """Return the header of a safetensors file without its tensors; raises as `read_tensors` does."""
    from safetensors import safe_open

    with parsing(path), safe_open(str(path), "np") as file:
        return file.metadata() or {}


def read_tensors(path: Path, unbounded: str = "") -> tuple[dict[str, str], dict[str, Tensor]]:
    """Return header and tensors of a safetensors file, of which all numbers are finite.

    unbounded: name of a tensor that may have infinite values.

    Raises InputError when it cannot be opened, Damaged when it is no such file or holds other numbers.
    """
    from safetensors import safe_open

    with parsing(path):
        with safe_open(str(path), "pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    for name, tensor in tensors.items():
        if tensor.isnan().any() or (name != unbounded and not tensor.isfinite().all()):
            raise Damaged(f"{name} has values that are not finite")
    return header, tensors


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file; raises InputError when it cannot be opened, Damaged when it is no TOML."""
    with parsing(path):
        return tomllib.loads(path.read_text(encoding="utf-8"))


@contextmanager
def damage() -> Iterator[None]:
    """Turn the errors that unexpected contents cause in the block into Damaged."""
    try:
        yield
    except Damaged:
        raise
    except KeyError as error:
        raise Damaged(f"{error.args[0]} is missing") from error
    except (ArithmeticError, AttributeError, IndexError, MemoryError, RuntimeError, TypeError, ValueError) as error:
        raise Damaged("its contents do not belong together") from error


def format_number(stored: Mapping[str, NDArray[Any]], name: str) -> int:
    """Return the format number in the array `name`; files without one are of format 1. Raises Damaged for others."""
    require_arrays(stored, {name: Array((), "integer", low=1, optional=True)})
    return int(stored.get(name, 1))


def require_arrays(stored: Mapping[str, NDArray[Any]], layout: Mapping[str, Array]) -> None:
    """Raise Damaged when an array is missing or is not as `layout` says; other arrays are not looked at."""
    lengths: dict[str, int] = {}
    for name, array in layout.items():
        if name in stored:
            _require_shape(name, np.shape(stored[name]), array, lengths)
            _require_values(name, np.asarray(stored[name]), array)
        elif not array.optional:
            raise Damaged(f"{name} is missing")


def config_of(kind: type[C], values: Any) -> C:
    """Return a stored configuration as the dataclass `kind`; raises Damaged for other types and absurd numbers."""
    _require_sane(values)
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        raise Damaged(f"the setting {'.'.join(map(str, error.errors()[0]['loc']))} is wrong") from error


def json_of(text: str) -> Any:
    """Return the value of stored JSON; raises Damaged for other texts and absurd numbers."""
    with damage():
        value = json.loads(text)
    _require_sane(value)
    return value


def _require_shape(name: str, shape: tuple[int, ...], array: Array, lengths: dict[str, int]) -> None:
    """Raise Damaged for another shape; `lengths` holds the lengths that letters have in this file, and gains some."""
    if len(shape) == len(array.shape):
        for length, wanted in zip(shape, array.shape):
            if isinstance(wanted, str) and length < array.least:
                raise Damaged(f"{name} is empty")
            if isinstance(wanted, str):
                lengths.setdefault(wanted, length)
    expected = tuple(lengths.get(each, each) if isinstance(each, str) else each for each in array.shape)
    if shape != expected:
        raise Damaged(f"{name} is {_text(shape)} instead of {_text(expected)}")


def _require_values(name: str, values: NDArray[Any], array: Array) -> None:
    if values.dtype.kind not in _KINDS[array.kind]:
        raise Damaged(f"{name} has values of another type")
    if array.kind == "text" or not values.size:
        return
    if not np.isfinite(values).all():
        raise Damaged(f"{name} has values that are not finite")
    if values.min() < array.low or values.max() > array.high:
        raise Damaged(f"{name} has values outside {array.low:g} to {array.high:g}")


def _require_sane(value: Any) -> None:
    """Raise Damaged for numbers that are not finite or that no setting has; a network of that size fills the memory."""
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        _require_sane(each)
    if isinstance(value, int | float) and not (math.isfinite(value) and abs(value) <= LIMIT):
        raise Damaged("it has an impossible number")


def _text(shape: tuple[int | str, ...]) -> str:
    return " x ".join(map(str, shape)) if shape else "one number"


@contextmanager
def parsing(path: Path) -> Iterator[None]:
    """Turn whatever a library raises for the bytes of `path` into Damaged, and what the system says into InputError.

    zipfile, zlib, numpy, safetensors and tomllib have no common base of errors, and damaged bytes reach most of them.
    """
    try:
        with open(path, "rb"):
            pass
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; check its name.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"Cannot read {path}: {getattr(error, 'strerror', error)}. Choose another file.") from error
    try:
        yield
    except Damaged:
        raise
    except Exception as error:
        raise Damaged("it cannot be read") from error
