"""Cuts: another take than the active one plays the whole face, or parts of it, in a part of the speech."""

from __future__ import annotations

import bpy
from bpy.props import IntProperty

from ..core.layers import WHOLE_SPEECH
from ..core.messages import Message, message
from ..scene.anim.compose import Plan, make_plan
from ..scene.anim.controls import LAYERS, HeadroomCut, head_of
from ..scene.build.shot import Shot
from . import follow
from .head_button import HeadButton, PartsButton
from .layout import draw_parts
from .properties import shown_shot
from .text import interface_text


class HEADROOM_OT_use_take(PartsButton):
    """Use this take in the preview range, or in the whole speech without one, whichever take is active"""

    bl_idname, bl_label = "headroom.use_take", "Use Take"

    index: IntProperty(options={"SKIP_SAVE"})  # type: ignore[valid-type]

    def run(self, context):
        """Add a cut, in seconds of the speech, so that it moves with the speech."""
        scene, shot = context.scene, shown_shot(context)
        head, plan = head_of(shot.root), make_plan(shot)
        take, cut = head.takes[self.index], head.cuts.add()
        cut.first_seconds, cut.last_seconds = WHOLE_SPEECH
        if scene.use_preview_range:
            cut.first_seconds = plan.seconds_at(scene.frame_preview_start)
            cut.last_seconds = plan.seconds_at(scene.frame_preview_end)
        for layer in LAYERS:
            if not getattr(self, layer):  # a cut without a take plays nothing, so these changes compose nothing
                setattr(cut, layer, False)
        cut.take = take.uid
        follow.controls_changed(shot.root)
        return cut_text(shot, cut)


class CutButton(HeadButton):
    """Base class of buttons that remove cuts. Not registered."""

    @classmethod
    def disabled_reason(cls, context):
        """Require cuts."""
        return super().disabled_reason(context) or (
            "" if len(head_of(shown_shot(context).root).cuts) else message("No cuts"))


class HEADROOM_OT_remove_cut(CutButton):
    """Remove this cut"""

    bl_idname, bl_label = "headroom.remove_cut", "Remove Cut"

    index: IntProperty()  # type: ignore[valid-type]

    def run(self, context):
        """Remove the cut."""
        shot = shown_shot(context)
        cuts = head_of(shot.root).cuts
        index = min(self.index, len(cuts) - 1)
        removed = cut_text(shot, cuts[index])
        cuts.remove(index)
        follow.controls_changed(shot.root)
        return message("Removed the cut {cut}", cut=removed)


class HEADROOM_OT_clear_cuts(CutButton):
    """Use the active take for the whole speech again"""

    bl_idname, bl_label = "headroom.clear_cuts", "Clear Cuts"

    def run(self, context):
        """Remove the cuts."""
        shot = shown_shot(context)
        head_of(shot.root).cuts.clear()
        follow.controls_changed(shot.root)
        return message("Cleared the cuts")


CLASSES = (HEADROOM_OT_use_take, HEADROOM_OT_remove_cut, HEADROOM_OT_clear_cuts)


def draw_cuts(layout: bpy.types.UILayout, shot: Shot) -> None:
    """Draw each cut: its take, and below it, because both are too long for a line, its frames and switches."""
    cuts = head_of(shot.root).cuts
    if not cuts:
        return
    plan = make_plan(shot)
    for number, cut in enumerate(cuts):
        column = layout.column(align=True)
        column.label(text=_take_name(shot, cut), translate=False, icon="PREVIEW_RANGE")
        row = column.row(align=True)
        row.label(text=interface_text(_span(plan, cut)), translate=False, icon="BLANK1")
        draw_parts(row, cut)
        row.operator(HEADROOM_OT_remove_cut.bl_idname, text="", icon="X").index = number
    layout.operator(HEADROOM_OT_clear_cuts.bl_idname, icon="X")


def cut_text(shot: Shot, cut: HeadroomCut) -> Message:
    """Return the name of a cut's take and its scene frames."""
    return message("{take}: {span}", take=_take_name(shot, cut), span=_span(make_plan(shot), cut))


def _take_name(shot: Shot, cut: HeadroomCut) -> str:
    name = next((take.name for take in head_of(shot.root).takes if take.uid == cut.take), None)
    return name if name is not None else interface_text(message("Removed take"))


def _span(plan: Plan | None, cut: HeadroomCut) -> Message:
    """Return the scene frames of a cut."""
    if plan is None or (cut.first_seconds, cut.last_seconds) == WHOLE_SPEECH:
        return message("Whole speech")
    first, last = (round(plan.frames_at(seconds)) for seconds in (cut.first_seconds, cut.last_seconds))
    return message("{first} to {last}", first=first, last=last)
