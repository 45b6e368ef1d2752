"""Transfer Performance: the selected characters play the take of the shown head."""

from __future__ import annotations

import bpy

from ..core.messages import message
from ..core.shape_mapping import ShapeMapping, map_shapes
from ..scene.anim.character import find_head, is_character, shapes_of
from ..scene.anim.controls import active_take
from ..scene.anim.live_transfer import link
from ..scene.anim.transfer import TakeCurves, read_file, read_take, transfer
from ..scene.anim.transfer_settings import fill_rows, transfer_of
from .button import Button
from .layout import SidebarPanel, draw_wrapped, split_layout
from .paths import absolute
from .performance_file_button import PerformanceFileButton
from .properties import shown_shot


class CharacterButton(Button):
    """Base class of buttons for the selected characters. Not registered."""

    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @classmethod
    def disabled_reason(cls, context):
        """Require a selected character."""
        return "" if characters(context) else message("Select a character with shape keys or custom properties")


class HEADROOM_OT_find_shapes(CharacterButton):
    """Fill the table: recognise the shapes and the head bone of the selected characters by their names. Gains stay"""

    bl_idname, bl_label = "headroom.find_shapes", "Find Shapes"

    def run(self, context):
        """Fill the tables."""
        count = sum(find_shapes(character) for character in characters(context))
        return message("Recognised shapes: {count}", count=count)


class HEADROOM_OT_transfer_performance(CharacterButton):
    """Let the selected characters play what the head plays, edits and all. Follow Edits plays later edits too"""

    bl_idname, bl_label = "headroom.transfer_performance", "Transfer Performance"

    @classmethod
    def disabled_reason(cls, context):
        """Require a performed head and a character."""
        shot = shown_shot(context)
        if shot is None:
            return message("No subject in the scene")
        return super().disabled_reason(context) or (
            "" if active_take(shot.root) is not None else message("No speech performed yet"))

    def run(self, context):
        """Write the keys."""
        shot = shown_shot(context)
        text = transfer_to_selected(context, read_take(shot))
        for character in characters(context):
            link(shot, character)
        return text


class HEADROOM_OT_transfer_file(CharacterButton, PerformanceFileButton):
    """Let the selected characters play a performance in a file from the scene's first frame on. No head is needed"""

    bl_idname, bl_label = "headroom.transfer_file", "Transfer File"

    def run(self, context):
        """Write the keys."""
        text = transfer_to_selected(context, read_file(absolute(self.filepath), context.scene, self.mirror))
        for character in characters(context):
            transfer_of(character).source = None
        return text


class HEADROOM_UL_shapes(bpy.types.UIList):
    """One line for each shape of a character; a filled icon where it plays something."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index, *_):  # noqa: PLR0913
        """Draw one shape; Blender calls this with all of these."""
        layout.label(text=item.name, translate=False, icon="KEYFRAME_HLT" if item.source.strip() else "KEYFRAME")


class HEADROOM_PT_transfer(SidebarPanel):
    """How the selected character plays the take."""

    bl_label, bl_parent_id, bl_order = "Transfer", "HEADROOM_PT_main", 7
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the table of the active character, and the buttons."""
        layout, found = split_layout(self), characters(context)
        if not found:
            draw_wrapped(layout.column(align=True), context,
                         message("Select a character with shape keys or custom properties"), "INFO")
            return
        character = context.active_object if context.active_object in found else found[0]
        settings = transfer_of(character)
        draw_wrapped(layout.column(align=True), context, character.name, "OUTLINER_OB_MESH")
        layout.operator(HEADROOM_OT_find_shapes.bl_idname, icon="VIEWZOOM")
        if settings.rows:
            layout.template_list("HEADROOM_UL_shapes", "", settings, "rows", settings, "active_row", rows=5)
            shape = settings.rows[min(settings.active_row, len(settings.rows) - 1)]
            layout.prop(shape, "source", text="", placeholder="Plays Nothing")
            column = layout.column(align=True)
            for name in ("gain", "offset"):
                column.prop(shape, name)
        column = layout.column(align=True)
        column.prop(settings, "head")
        if settings.head is not None and settings.head.type == "ARMATURE":
            column.prop_search(settings, "bone", settings.head.data, "bones")
        if settings.head is not None:
            column.prop(settings, "forward")
            column.prop(settings, "head_gain")
        layout.prop(settings, "live")
        layout.operator(HEADROOM_OT_transfer_performance.bl_idname, icon="COMMUNITY")
        layout.operator(HEADROOM_OT_transfer_file.bl_idname, text="Transfer File...", icon="IMPORT")


CLASSES = (HEADROOM_OT_find_shapes, HEADROOM_OT_transfer_performance, HEADROOM_OT_transfer_file, HEADROOM_UL_shapes,
           HEADROOM_PT_transfer)


def characters(context: bpy.types.Context) -> list[bpy.types.Object]:
    """Return the selected objects that can play a take."""
    return [each for each in context.selected_objects if is_character(each)]


def transfer_to_selected(context: bpy.types.Context, take: TakeCurves) -> str:
    """Write a take as keys of the selected characters; those without a table get one first. Returns a report."""
    count = 0
    for character in characters(context):
        if not transfer_of(character).rows:
            find_shapes(character)
        count += transfer(take, character)
    return message("Transferred shapes: {count}", count=count)


def find_shapes(character: bpy.types.Object) -> int:
    """Fill the table of a character, and choose its head bone where none is chosen; return the number of shapes."""
    names, settings = tuple(shapes_of(character)), transfer_of(character)
    mappings = map_shapes(names)
    recognised = {mapping.name for mapping in mappings}
    fill_rows(character, [*mappings, *(ShapeMapping(name, "") for name in names if name not in recognised)])
    if settings.head is None:
        settings.head, settings.bone = find_head(character)
    return len(mappings)
