"""Pictures of jobs in the panel. This module owns the collection of the ones that were loaded."""

from __future__ import annotations

from pathlib import Path

import bpy.utils.previews

_collection: bpy.utils.previews.ImagePreviewCollection | None = None


def icon_of(picture: Path) -> int:
    """Return the icon of a picture's file, for `UILayout.template_icon`; the one shown before is released."""
    assert _collection is not None
    name = str(picture)
    if name not in _collection:
        _collection.clear()
        _collection.load(name, name, "IMAGE")
    return _collection[name].icon_id


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
