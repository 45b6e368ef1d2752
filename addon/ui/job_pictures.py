"""Pictures of jobs in the panel: footage and result so far. This module owns the collection of the ones shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy.utils.previews
import numpy as np

_collection: bpy.utils.previews.ImagePreviewCollection | None = None
HALVES = ("left", "right")


def icons_of(picture: Path) -> tuple[int, int]:
    """Return the icons of a picture's left and right half, for `UILayout.template_icon`, which draws squares.

    The picture that was shown before is released.
    """
    assert _collection is not None
    names = [f"{picture} {half}" for half in HALVES]
    if names[0] not in _collection:
        _collection.clear()
        for name, pixels in zip(names, _halves(_collection.load("whole", str(picture), "IMAGE"))):
            half: Any = _collection.new(name)  # Blender's stubs call an array of floats a float
            half.image_size = pixels.shape[1::-1]
            half.image_pixels_float.foreach_set(pixels.ravel())
    return _collection[names[0]].icon_id, _collection[names[1]].icon_id


def _halves(picture: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the left and the right half (H, W, 4) float32 of a picture."""
    width, height = picture.image_size
    pixels = np.empty(width * height * 4, np.float32)
    picture.image_pixels_float.foreach_get(pixels)
    rows = pixels.reshape(height, width, 4)
    return rows[:, :width // 2], rows[:, width // 2:]


def register() -> None:
    """Make the collection."""
    global _collection
    _collection = bpy.utils.previews.new()


def unregister() -> None:
    """Release the pictures."""
    global _collection
    if _collection is not None:
        bpy.utils.previews.remove(_collection)
    _collection = None
