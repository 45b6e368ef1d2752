"""Reading and writing images: RGB and RGBA, uint8."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from headroom.common.errors import InputError
from headroom.common.files import atomic_write

PHOTO_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"}
"""Suffixes of files that are still images, not movies."""

TRANSPARENT_GREY = 128  # the grey that replaces the transparent parts of a photo


def is_photo(path: Path) -> bool:
    """Return whether a file is a still image, by its suffix."""
    return Path(path).suffix.lower() in PHOTO_SUFFIXES


def read_photo(path: Path) -> np.ndarray:
    """Return any photo as (H, W, 3) uint8 RGB.

    The image is upright as its EXIF orientation says, grey and 16-bit images are converted, and transparent parts
    are grey.
    """
    photo = read_picture(path)
    stored = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if stored.ndim < 3 or stored.shape[2] != 4 or stored.shape[:2] != photo.shape[:2]:
        return photo
    alpha = stored[..., 3:].astype(np.float32) / (255 if stored.dtype == np.uint8 else 65535)
    return np.rint(TRANSPARENT_GREY + alpha * (photo.astype(np.float32) - TRANSPARENT_GREY)).astype(np.uint8)


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
    swap = cv2.COLOR_RGB2BGR if picture.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    try:
        _, encoded = cv2.imencode(Path(path).suffix, cv2.cvtColor(picture, swap))
    except cv2.error as error:
        raise InputError(f"{path}: this picture format cannot be written; use .png or .jpg.") from error
    with atomic_write(Path(path)) as temporary:
        encoded.tofile(temporary)
