"""Reading and writing images: RGB and RGBA, uint8."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from headroom.common.errors import InputError
from headroom.common.files import atomic_write


def read_picture(path: Path, alpha: bool = False) -> np.ndarray:
    """Return an image file as (H, W, 3) uint8 RGB, or as (H, W, 4) RGBA with straight alpha.

    Raises InputError when the file is not an image, or has no alpha channel where `alpha` is set.
    """
    try:
        encoded = np.fromfile(path, np.uint8)  # cv2.imread cannot open every path that the system can
        picture = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED if alpha else cv2.IMREAD_COLOR)
    except (OSError, cv2.error):
        picture = None
    if picture is None:
        raise InputError(f"{path} is not a picture that can be read; choose a PNG or JPEG.")
    if not alpha:
        return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 4:
        raise InputError(f"{path} has no transparency; renders are 8-bit RGBA PNG files.")
    return cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA)


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Write (H, W, 3) or (H, W, 4) uint8 RGB(A) in the format of the path's suffix."""
    try:
        encoded = encoded_picture(picture, Path(path).suffix)
    except cv2.error as error:
        raise InputError(f"{path}: this picture format cannot be written; use .png or .jpg.") from error
    with atomic_write(Path(path)) as temporary:
        temporary.write_bytes(encoded)


def encoded_picture(picture: np.ndarray, suffix: str) -> bytes:
    """Return (H, W, 3) or (H, W, 4) uint8 RGB(A) in the format of a suffix, such as .jpg."""
    swap = cv2.COLOR_RGB2BGR if picture.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    return cv2.imencode(suffix, cv2.cvtColor(picture, swap))[1].tobytes()
