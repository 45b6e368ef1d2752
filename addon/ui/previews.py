"""Pixels of the pictures in a collection of previews, which the panel shows as icons."""

from __future__ import annotations

from typing import Any

import bpy.utils.previews
import numpy as np


def pixels_of(picture: Any) -> np.ndarray:
    """Return the pixels (H, W, 4) float32 of a picture in a collection; row 0 is the lowest.

    picture: an ImagePreview, in whose stubs an array of floats is a float.
    """
    width, height = picture.image_size
    pixels = np.empty(width * height * 4, np.float32)
    picture.image_pixels_float.foreach_get(pixels)
    return pixels.reshape(height, width, 4)


def add_picture(collection: bpy.utils.previews.ImagePreviewCollection, name: str, pixels: np.ndarray) -> None:
    """Add a picture with pixels (H, W, 4) float32 to a collection; row 0 is the lowest."""
    picture: Any = collection.new(name)
    picture.image_size = pixels.shape[1::-1]
    picture.image_pixels_float.foreach_set(pixels.ravel())
