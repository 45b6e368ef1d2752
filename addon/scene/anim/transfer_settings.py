"""How a character plays a take: RNA properties of the character, `Object.headroom_transfer`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ...core.arkit import ARKIT_NAMES
from ...core.shape_mapping import ShapeMapping
from ...core.visemes import SETS
from .controls import ignore

SOURCES = (*ARKIT_NAMES, *(f"{title} {name}" for title, shapes in SETS.items() for name in shapes.names))


on_change: Callable[[bpy.types.Object], None] = ignore
"""Called with a character when its settings have changed. Owned by `ui/follow.py`, which sets it while registered."""


def _changed(self: Any, context: bpy.types.Context) -> None:
    on_change(self.id_data)


def _search(self: Any, context: bpy.types.Context, text: str) -> list[str]:
    return [name for name in SOURCES if text.lower() in name.lower()]


class HeadroomShapeRow(bpy.types.PropertyGroup):
    """One row of the table; `name` is the character's shape."""

    source: StringProperty(  # type: ignore[valid-type]
        name="Plays", update=_changed, search=_search, search_options={"SUGGESTION"},
        description='What the shape plays: an ARKit shape, a mouth shape such as "Oculus PP", or a sum such as '
                    '"jawOpen - 0.5 mouthClose". Empty leaves the shape alone')
    gain: FloatProperty(  # type: ignore[valid-type]
        name="Gain", default=1.0, soft_min=0.0, soft_max=2.0, min=-10.0, max=10.0, step=10, update=_changed,
        description="Strength of the shape; 1 is as in the take")
    offset: FloatProperty(  # type: ignore[valid-type]
        name="Offset", soft_min=-1.0, soft_max=1.0, min=-10.0, max=10.0, step=10, update=_changed,
        description="Added to the shape")

    def value(self) -> ShapeMapping:
        """Return the row as plain values."""
        return ShapeMapping(self.name, self.source, self.gain, self.offset)


class HeadroomTransfer(bpy.types.PropertyGroup):
    """The table of a character, and what turns with the head."""

    rows: CollectionProperty(type=HeadroomShapeRow)  # type: ignore[valid-type]
    active_row: IntProperty()  # type: ignore[valid-type]
    head: PointerProperty(  # type: ignore[valid-type]
        name="Head", type=bpy.types.Object, update=_changed,
        description="Object that turns with the head, or the armature with the bone that does. Empty transfers no "
                    "head motion")
    bone: StringProperty(  # type: ignore[valid-type]
        name="Bone", update=_changed, description="Bone that turns with the head. Empty turns the whole object")
    forward: EnumProperty(  # type: ignore[valid-type]
        name="Faces", default="-Y", update=_changed,
        description="Axis along which the character looks; Z points upwards",
        items=[("-Y", "-Y", "As Blender's front view shows it"), ("Y", "Y", "Away from Blender's front view"),
               ("X", "X", "To the right"), ("-X", "-X", "To the left")])
    head_gain: FloatProperty(  # type: ignore[valid-type]
        name="Head Gain", default=1.0, soft_min=0.0, soft_max=2.0, min=-4.0, max=4.0, step=10, update=_changed,
        description="Strength of the head's rotation about its usual pose in the take")
    live: BoolProperty(  # type: ignore[valid-type]
        name="Follow Edits", update=_changed,
        description="Write the keys again whenever the head that the character plays, or this table, is edited. Your "
                    "changes of these curves are overwritten")
    source: PointerProperty(type=bpy.types.Object)  # type: ignore[valid-type]
    written_from: StringProperty()  # type: ignore[valid-type]


CLASSES = (HeadroomShapeRow, HeadroomTransfer)


def transfer_of(character: bpy.types.Object) -> HeadroomTransfer:
    """Return the settings of a character."""
    return character.headroom_transfer  # type: ignore[attr-defined]


def fill_rows(character: bpy.types.Object, mappings: Sequence[ShapeMapping]) -> None:
    """Make the table's rows those of `mappings`; a shape that had a row keeps its gain and offset."""
    rows = transfer_of(character).rows
    earlier = {row.name: (row.gain, row.offset) for row in rows}
    rows.clear()
    for mapping in mappings:
        row = rows.add()
        row.name, row.source = mapping.name, mapping.source
        row.gain, row.offset = earlier.get(mapping.name, (mapping.gain, mapping.offset))


def register() -> None:
    """Register the property groups and `Object.headroom_transfer`."""
    for each in CLASSES:
        bpy.utils.register_class(each)
    pointer = PointerProperty(type=HeadroomTransfer)  # type: ignore[func-returns-value]
    bpy.types.Object.headroom_transfer = pointer  # type: ignore[attr-defined]


def unregister() -> None:
    """Remove them; the stored values stay in the file."""
    del bpy.types.Object.headroom_transfer  # type: ignore[attr-defined]
    for each in reversed(CLASSES):
        bpy.utils.unregister_class(each)
