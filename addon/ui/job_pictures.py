"""Pictures of jobs in the panel: footage and result so far. This module owns the collection of the ones shown."""

from __future__ import annotations

from pathlib import Path

import bpy.utils.previews

from .previews import add_picture, pixels_of

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
        whole = pixels_of(_collection.load("whole", str(picture), "IMAGE"))
        middle = whole.shape[1] // 2
        for name, half in zip(names, (whole[:, :middle], whole[:, middle:])):
            add_picture(_collection, name, half)
    return _collection[names[0]].icon_id, _collection[names[1]].icon_id


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
