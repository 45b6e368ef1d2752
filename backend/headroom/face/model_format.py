"""The file of a face model, a NumPy archive (.npz): reader, writer and upgrade.

Two kinds of models share the format: control points, as `headroom model build` writes them, and whole surfaces, as
`headroom model import` does. `headroom.face.model` makes models from the arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from headroom.common.errors import InputError
from headroom.common.paths import FACE_MODEL
from headroom.common.stored import Damaged, format_number, read_npz, write_npz

FORMAT = 2
"""Format 1 has no format number; a surface of format 1 may lack `eyes`. The bundled model is of format 1, because its
digest is that of the file's bytes.
"""


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read a face model's arrays in the current format.

    Raises InputError when the file is not a face model, or of a newer format.
    """
    try:
        return upgrade(read_npz(path), path)
    except Damaged as error:
        raise not_a_model(path) from error


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], compressed: bool) -> None:
    """Write a face model's arrays with the current format number."""
    write_npz(path, {"format": np.array(FORMAT), **arrays}, compressed)


def upgrade(arrays: dict[str, np.ndarray], path: Path) -> dict[str, np.ndarray]:
    """Return a model's arrays in the current format, without the format number."""
    number = format_number(arrays, "format")
    arrays.pop("format", None)
    if number > FORMAT:
        raise InputError(f"{path} was written by a newer version of Headroom; update Headroom.")
    if number == 1 and "faces" in arrays and "mean" in arrays:
        arrays.setdefault("eyes", np.zeros(len(arrays["mean"]), np.float32))
    return arrays


def not_a_model(path: Path) -> InputError:
    """Return the error for a file that is not a face model."""
    remedy = "install Headroom again" if path == FACE_MODEL else "choose one that `headroom model import` wrote"
    return InputError(f"{path} is not a Headroom face model; {remedy}.")
