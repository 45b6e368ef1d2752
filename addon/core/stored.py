"""Stored arrays: one reader of .npz files, which checks what it reads, as the backend's headroom/common/stored.py does.

A reader names the arrays that it needs as `Array`s, and turns `Damaged` into its own sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path
from typing import TypeVar

import numpy as np

from .errors import InputError
from .messages import message

LIMIT = 1e6
"""The largest value of any stored quantity: coefficients, radians, millimetres, pixels, frames."""
Row = TypeVar("Row")
_KINDS = {"number": "fiu", "integer": "iu", "text": "U"}


class Damaged(ValueError):
    """What is wrong with a stored file, as a clause: "rotation has 10 rows instead of 15"."""


@dataclass(frozen=True)
class Array:
    """What a stored array must be.

    shape: lengths; those that a name stands for agree in all arrays of a file and are at least `least`.
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


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Return all arrays of an .npz file; raises InputError when it cannot be opened, Damaged for another file."""
    try:
        with open(path, "rb"):
            pass
    except (OSError, ValueError) as error:
        raise InputError(message("Cannot read {path}: {reason}. Choose another file.", path=path,
                                 reason=getattr(error, "strerror", error))) from error
    try:
        with np.load(path, allow_pickle=False) as data:
            return {name: data[name] for name in data.files}
    except Exception as error:  # zipfile, zlib and numpy have no common base of errors
        raise Damaged("it cannot be read") from error


def require_arrays(stored: Mapping[str, np.ndarray], layout: Mapping[str, Array]) -> None:
    """Raise Damaged when an array is missing or is not as `layout` says; other arrays are not looked at."""
    lengths: dict[str, int] = {}
    for name, array in layout.items():
        if name in stored:
            _require_shape(name, np.shape(stored[name]), array, lengths)
            _require_values(name, np.asarray(stored[name]), array)
        elif not array.optional:
            raise Damaged(f"{name} is missing")


def read_rows(stored: Mapping[str, np.ndarray], layout: Mapping[str, Array], row: Callable[..., Row]
              ) -> tuple[Row, ...]:
    """Return a row for each place of arrays that are as `layout` says, all of one length; none where they are missing.

    row: makes a row of a text or a float from each array.
    """
    if next(iter(layout)) not in stored:
        return ()
    columns = [stored[name].astype(str if array.kind == "text" else float).tolist() for name, array in layout.items()]
    return tuple(starmap(row, zip(*columns, strict=True)))


def _require_shape(name: str, shape: tuple[int, ...], array: Array, lengths: dict[str, int]) -> None:
    """Raise Damaged for another shape; `lengths` holds the lengths that names have in this file, and gains some."""
    if len(shape) == len(array.shape):
        for length, wanted in zip(shape, array.shape, strict=True):
            if isinstance(wanted, str) and length < array.least:
                raise Damaged(f"{name} is empty")
            if isinstance(wanted, str):
                lengths.setdefault(wanted, length)
    expected = tuple(lengths.get(each, each) if isinstance(each, str) else each for each in array.shape)
    if shape != expected:
        raise Damaged(f"{name} is {_text(shape)} instead of {_text(expected)}")


def _require_values(name: str, values: np.ndarray, array: Array) -> None:
    if values.dtype.kind not in _KINDS[array.kind]:
        raise Damaged(f"{name} has values of another type")
    if array.kind == "text" or not values.size:
        return
    if not np.isfinite(values).all():
        raise Damaged(f"{name} has values that are not finite")
    if values.min() < array.low or values.max() > array.high:
        raise Damaged(f"{name} has values outside {array.low:g} to {array.high:g}")


def _text(shape: tuple[int | str, ...]) -> str:
    return " x ".join(map(str, shape)) if shape else "one number"
