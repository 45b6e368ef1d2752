"""Buttons in the graph editor's sidebar that show one group of a head's channels, framed."""

from __future__ import annotations

import bpy
from bpy.props import StringProperty

from ..core.messages import message
from ..scene.anim.controls import active_take
from ..scene.anim.shown_channels import channel_groups, show_group
from ..scene.build.face import DETAIL
from ..scene.build.selection import select_face
from .head_button import HeadButton
from .properties import shown_shot
from .view import frame_curves

BUTTONS_IN_A_ROW = 2


class HEADROOM_OT_show_channels(HeadButton):
    """Show only these curves of the head in the graph editor, and frame them. Hidden curves play as before"""

    bl_idname, bl_label = "headroom.show_channels", "Show Channels"

    group: StringProperty(options={"SKIP_SAVE"})  # type: ignore[valid-type]

    def run(self, context):
        """Select the head, show the group and frame it."""
        shot = shown_shot(context)
        select_face(context, shot)
        count = show_group(shot, self.group)
        frame_curves(context.window_manager)
        return message("Shown channels: {count}", count=count)


class HEADROOM_PT_channels(bpy.types.Panel):
    """The groups of channels, above the controls."""

    bl_label, bl_category, bl_order = "Headroom Channels", "Headroom", -1
    bl_space_type, bl_region_type = "GRAPH_EDITOR", "UI"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Show the panel for a performed head."""
        shot = shown_shot(context)
        return shot is not None and active_take(shot.root) is not None

    def draw(self, context: bpy.types.Context) -> None:
        """Draw a button for each group; below them all that animators shape, and the detail."""
        grid = self.layout.grid_flow(row_major=True, columns=BUTTONS_IN_A_ROW, even_columns=True, align=True)
        groups = channel_groups(shown_shot(context))
        for group in (each for each in groups if each != DETAIL):
            grid.operator(HEADROOM_OT_show_channels.bl_idname, text=group).group = group
        row = self.layout.row(align=True)
        row.operator(HEADROOM_OT_show_channels.bl_idname, text="All").group = ""
        if DETAIL in groups:
            row.operator(HEADROOM_OT_show_channels.bl_idname, text=DETAIL).group = DETAIL
        self.layout.label(text="X is pitch, Y yaw, Z roll", icon="INFO")


CLASSES = (HEADROOM_OT_show_channels, HEADROOM_PT_channels)
