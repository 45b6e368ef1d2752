"""Pictures of jobs in the panel: footage and result so far. This module owns the collection of the ones shown."""

from __future__ import annotations

from pathlib import Path

import bpy.utils.previews

from .previews import add_picture, pixels_of

_collection: bpy.utils.previews.ImagePreviewCollection | None = None
HALVES = ("left", "right")


def load(picture: Path) -> None:
    """Load a picture's left and right half, in place of the picture that was shown before."""
    assert _collection is not None
    _collection.clear()
    whole = pixels_of(_collection.load("whole", str(picture), "IMAGE"))
    middle = whole.shape[1] // 2
    for half, pixels in zip(HALVES, (whole[:, :middle], whole[:, middle:])):
        add_picture(_collection, f"{picture} {half}", pixels)


def icons_of(picture: Path) -> tuple[int, ...]:
    """Return the icons of a picture's halves, for `UILayout.template_icon`, which draws squares; none before `load`."""
    assert _collection is not None
    names = [f"{picture} {half}" for half in HALVES]
    return tuple(_collection[name].icon_id for name in names if name in _collection)


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
