"""The list of a head's takes: add, remove, rename and switch, and the phone markers of the active one."""

from __future__ import annotations

import bpy

from ..core.messages import message
from ..core.take_settings import TakeSettings
from ..scene.anim.controls import active_take, head_of
from ..scene.anim.phone_markers import add_phone_markers, remove_phone_markers
from ..scene.anim.takes import remove_take
from . import jobs
from .button import Button
from .cuts import HEADROOM_OT_use_take, draw_cuts
from .head_button import HeadButton
from .layout import SidebarPanel, draw_wrapped, split_layout
from .perform import perform, perform_disabled_reason
from .properties import settings, shown_shot
from .text import interface_text


class HEADROOM_OT_add_take(Button):
    """Perform the same speech with the next seed and add it as a take"""

    bl_idname, bl_label = "headroom.add_take", "Add Take"

    @classmethod
    def disabled_reason(cls, context):
        """Require a performed speech."""
        shot = shown_shot(context)
        if shot is None or shot.speech is None:
            return message("No speech performed yet")
        return perform_disabled_reason(context)

    def run(self, context):
        """Start the job."""
        shot = shown_shot(context)
        seed = 1 + max((take.seed for take in head_of(shot.root).takes), default=-1)
        return perform(context, shot, [TakeSettings(shot.speech, seed, settings(context).pose)])


class HEADROOM_OT_remove_take(HeadButton):
    """Remove the active take and its predicted motion. User keys are not changed"""

    bl_idname, bl_label = "headroom.remove_take", "Remove Take"

    @classmethod
    def disabled_reason(cls, context):
        """Require another take that can become active."""
        if reason := super().disabled_reason(context):
            return reason
        if len(head_of(shown_shot(context).root).takes) < 2:
            return message("Cannot remove the only take")
        return message("Already performing a speech") if jobs.is_running("perform") else ""

    def run(self, context):
        """Remove the take; the keys follow the take that becomes active."""
        shot = shown_shot(context)
        head = head_of(shot.root)
        index = min(head.active_take, len(head.takes) - 1)
        name = head.takes[index].name
        remove_take(shot, index)
        return message("Removed {take}", take=name)


class HEADROOM_OT_add_phone_markers(HeadButton):
    """Add a timeline marker at each phone heard in the active take's speech, in place of earlier phone markers"""

    bl_idname, bl_label = "headroom.add_phone_markers", "Add Phone Markers"

    @classmethod
    def disabled_reason(cls, context):
        """Require a take with phones."""
        return super().disabled_reason(context) or (
            "" if active_take(shown_shot(context).root).phones else
            message("The active take has no phones. Perform its speech again"))

    def run(self, context):
        """Add the markers."""
        count = add_phone_markers(shown_shot(context))
        return message("Added phone markers: {count}", count=count) if count else message(
            "No phones in the played part of the speech")


class HEADROOM_OT_remove_phone_markers(HeadButton):
    """Remove the phone markers of this head. Markers that you moved or renamed stay"""

    bl_idname, bl_label = "headroom.remove_phone_markers", "Remove Phone Markers"

    @classmethod
    def disabled_reason(cls, context):
        """Require phone markers."""
        return super().disabled_reason(context) or (
            "" if head_of(shown_shot(context).root).phone_markers else message("No phone markers"))

    def run(self, context):
        """Remove the markers."""
        count = remove_phone_markers(shown_shot(context))
        return message("Removed phone markers: {count}", count=count) if count else message("No phone markers")


class HEADROOM_UL_takes(bpy.types.UIList):
    """One line for each take: its name, editable by double-click, and a button that uses it in part of the speech."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index, *_):  # noqa: PLR0913
        """Draw one take; Blender calls this with all of these."""
        row = layout.row(align=True)
        row.prop(item, "name", text="", emboss=False, icon="ANIM_DATA")
        row.operator(HEADROOM_OT_use_take.bl_idname, text="", icon="PREVIEW_RANGE",
                     emboss=False).index = index


class HEADROOM_PT_takes(SidebarPanel):
    """The takes of the shown head."""

    bl_label, bl_parent_id, bl_order = "Takes", "HEADROOM_PT_main", 1

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Show the panel when there is a shot."""
        return shown_shot(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the list with its buttons, and the cuts."""
        layout, shot = split_layout(self), shown_shot(context)
        head = head_of(shot.root)
        if not head.takes:
            draw_wrapped(layout.column(align=True), context, message("Perform a speech to add the first take"), "INFO")
            return
        row = layout.row()
        row.template_list("HEADROOM_UL_takes", "", head, "takes", head, "active_take", rows=3)
        column = row.column(align=True)
        column.operator(HEADROOM_OT_add_take.bl_idname, text="", icon="ADD")
        column.operator(HEADROOM_OT_remove_take.bl_idname, text="", icon="REMOVE")
        take = active_take(shot.root)
        if take is not None and take.detail_share < 1.0:
            share = round(100 * (1 - take.detail_share))
            layout.label(text=interface_text(message("Controls make {share} % of the motion", share=share)),
                         translate=False)
        row = layout.row(align=True)
        row.operator(HEADROOM_OT_add_phone_markers.bl_idname, icon="MARKER_HLT")
        row.operator(HEADROOM_OT_remove_phone_markers.bl_idname, text="", icon="X")
        draw_cuts(layout, shot)


CLASSES = (HEADROOM_OT_add_take, HEADROOM_OT_remove_take, HEADROOM_OT_add_phone_markers,
           HEADROOM_OT_remove_phone_markers, HEADROOM_UL_takes, HEADROOM_PT_takes)
