"""The list of a head's takes: add, remove, rename, switch, and use one take in a part of the speech."""

from __future__ import annotations

import bpy
from bpy.props import IntProperty

from ..core.messages import message
from ..core.take_settings import TakeSettings
from ..scene.anim.compose import make_plan
from ..scene.anim.controls import active_take, head_of
from ..scene.anim.phone_markers import add_phone_markers, remove_phone_markers
from ..scene.anim.takes import remove_take
from ..scene.build.shot import Shot
from . import follow, jobs
from .button import Button
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


class HEADROOM_OT_use_take_in_preview_range(HeadButton):
    """Use this take within the preview range, whichever take is active. The ends are blended over the falloff"""

    bl_idname, bl_label = "headroom.use_take_in_preview_range", "Use Take in Preview Range"

    index: IntProperty()  # type: ignore[valid-type]

    @classmethod
    def disabled_reason(cls, context):
        """Require a preview range."""
        return super().disabled_reason(context) or (
            "" if context.scene.use_preview_range else message("No preview range"))

    def run(self, context):
        """Add a cut, in seconds of the speech, so that it moves with the speech."""
        scene, shot = context.scene, shown_shot(context)
        head, plan = head_of(shot.root), make_plan(shot)
        cut = head.cuts.add()
        cut.take = head.takes[self.index].uid
        cut.first_seconds = plan.seconds_at(scene.frame_preview_start)
        cut.last_seconds = plan.seconds_at(scene.frame_preview_end)
        follow.controls_changed(shot.root)
        return message("{take} from {start} to {end}", take=head.takes[self.index].name,
                       start=scene.frame_preview_start, end=scene.frame_preview_end)


class HEADROOM_OT_clear_cuts(HeadButton):
    """Use the active take for the whole speech again"""

    bl_idname, bl_label = "headroom.clear_cuts", "Clear Cuts"

    @classmethod
    def disabled_reason(cls, context):
        """Require cuts."""
        return super().disabled_reason(context) or (
            "" if len(head_of(shown_shot(context).root).cuts) else message("No cuts"))

    def run(self, context):
        """Remove the cuts."""
        shot = shown_shot(context)
        head_of(shot.root).cuts.clear()
        follow.controls_changed(shot.root)
        return message("Cleared the cuts")


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
    """One line for each take: its name, editable by double-click, and a button that uses it in the preview range."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index, *_):  # noqa: PLR0913
        """Draw one take; Blender calls this with all of these."""
        row = layout.row(align=True)
        row.prop(item, "name", text="", emboss=False, icon="ANIM_DATA")
        row.operator(HEADROOM_OT_use_take_in_preview_range.bl_idname, text="", icon="PREVIEW_RANGE",
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
        for cut in head.cuts:
            layout.label(text=cut_text(shot, cut), translate=False, icon="PREVIEW_RANGE")
        if head.cuts:
            layout.operator(HEADROOM_OT_clear_cuts.bl_idname, icon="X")


CLASSES = (HEADROOM_OT_add_take, HEADROOM_OT_remove_take, HEADROOM_OT_use_take_in_preview_range,
           HEADROOM_OT_clear_cuts, HEADROOM_OT_add_phone_markers, HEADROOM_OT_remove_phone_markers,
           HEADROOM_UL_takes, HEADROOM_PT_takes)


def cut_text(shot: Shot, cut) -> str:
    """Return the scene frames of a cut and the name of its take."""
    plan = make_plan(shot)
    name = next((take.name for take in head_of(shot.root).takes if take.uid == cut.take), None)
    name = name if name is not None else interface_text(message("Removed take"))
    if plan is None:
        return name
    first, last = (round(plan.frames_at(seconds)) for seconds in (cut.first_seconds, cut.last_seconds))
    return interface_text(message("{first} to {last}: {take}", first=first, last=last, take=name))
