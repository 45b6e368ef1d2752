"""The list of a head's takes: add, remove, rename, switch, and cut one into another."""

from __future__ import annotations

import bpy
from bpy.props import IntProperty

from ..core.take_settings import TakeSettings
from ..scene.anim.compose import make_plan
from ..scene.anim.controls import head_of
from ..scene.anim.takes import remove_take
from . import follow as live
from . import jobs
from .button import Button
from .controls import HeadButton
from .layout import SidebarPanel, split_layout, wrapped
from .operators import not_now, perform
from .properties import settings, shown_shot


class HEADROOM_OT_add_take(Button):
    """Perform the same speech with the next seed: another take, beside those that are there"""

    bl_idname, bl_label = "headroom.add_take", "Add Take"

    @classmethod
    def problem(cls, context):
        shot = shown_shot(context)
        if shot is None or shot.speech is None:
            return "Perform a speech first"
        return not_now(context)

    def run(self, context):
        shot = shown_shot(context)
        seed = 1 + max((take.seed for take in head_of(shot.root).takes), default=-1)
        return perform(context, shot, [TakeSettings(shot.speech, seed, settings(context).pose)])


class HEADROOM_OT_remove_take(HeadButton):
    """Remove the active take and its raw motion; your own keys stay"""

    bl_idname, bl_label = "headroom.remove_take", "Remove Take"

    @classmethod
    def problem(cls, context):
        found = super().problem(context)
        if not found and len(head_of(shown_shot(context).root).takes) < 2:
            return "The only take stays; perform again to replace it"
        return found or ("A speech is being performed" if jobs.is_running("perform") else "")

    def run(self, context):
        shot = shown_shot(context)
        head = head_of(shot.root)
        index = min(head.active_take, len(head.takes) - 1)
        name = head.takes[index].name
        remove_take(shot, index)  # the keys follow the take that is active then
        return f"Removed {name}"


class HEADROOM_OT_cut_in_take(HeadButton):
    """Play this take, whatever take is active, within the preview range; the ends are blended over the falloff"""

    bl_idname, bl_label = "headroom.cut_in_take", "Use Take Here"

    index: IntProperty()  # type: ignore[valid-type]

    @classmethod
    def problem(cls, context):
        return super().problem(context) or (
            "" if context.scene.use_preview_range else "Set a preview range first: press P in the timeline and drag")

    def run(self, context):
        scene, shot = context.scene, shown_shot(context)
        head, plan = head_of(shot.root), make_plan(shot)
        cut = head.cuts.add()
        cut.take = head.takes[self.index].uid
        cut.first_seconds = (scene.frame_preview_start - plan.placement.start) / plan.fps
        cut.last_seconds = (scene.frame_preview_end - plan.placement.start) / plan.fps
        live.changed(shot.root)
        return f"{head.takes[self.index].name} from {scene.frame_preview_start} to {scene.frame_preview_end}"


class HEADROOM_OT_clear_cuts(HeadButton):
    """Play the active take from beginning to end again"""

    bl_idname, bl_label = "headroom.clear_cuts", "Remove Cuts"

    @classmethod
    def problem(cls, context):
        return super().problem(context) or (
            "" if len(head_of(shown_shot(context).root).cuts) else "There are no cuts to remove")

    def run(self, context):
        shot = shown_shot(context)
        head_of(shot.root).cuts.clear()
        live.changed(shot.root)
        return "Cuts removed"


class HEADROOM_UL_takes(bpy.types.UIList):
    """One line per take: its name, which a double click changes, and a button that cuts it in."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index, *_):
        row = layout.row(align=True)
        row.prop(item, "name", text="", emboss=False, icon="ANIM_DATA")
        row.operator(HEADROOM_OT_cut_in_take.bl_idname, text="", icon="PREVIEW_RANGE", emboss=False).index = index


class HEADROOM_PT_takes(SidebarPanel):
    bl_label, bl_parent_id, bl_order = "Takes", "HEADROOM_PT_main", 1

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return shown_shot(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout, shot = split_layout(self), shown_shot(context)
        head = head_of(shot.root)
        if not head.takes:
            wrapped(layout.column(align=True), context, "Perform a speech to have the first take.", "INFO")
            return
        row = layout.row()
        row.template_list("HEADROOM_UL_takes", "", head, "takes", head, "active_take", rows=3)
        column = row.column(align=True)
        column.operator(HEADROOM_OT_add_take.bl_idname, text="", icon="ADD")
        column.operator(HEADROOM_OT_remove_take.bl_idname, text="", icon="REMOVE")
        for cut in head.cuts:
            layout.label(text=_cut_line(shot, cut), icon="PREVIEW_RANGE")
        if head.cuts:
            layout.operator(HEADROOM_OT_clear_cuts.bl_idname, icon="X")


def _cut_line(shot, cut) -> str:
    """A cut by the scene's frames."""
    plan = make_plan(shot)
    name = next((take.name for take in head_of(shot.root).takes if take.uid == cut.take), "Removed take")
    if plan is None:
        return name
    first, last = (round(plan.placement.start + seconds * plan.fps) for seconds in
                   (cut.first_seconds, cut.last_seconds))
    return f"{first} to {last}: {name}"


CLASSES = (HEADROOM_OT_add_take, HEADROOM_OT_remove_take, HEADROOM_OT_cut_in_take, HEADROOM_OT_clear_cuts,
           HEADROOM_UL_takes, HEADROOM_PT_takes)
