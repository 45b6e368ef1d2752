"""Emphases and holds: spans of the speech, or words, in which the motion is stronger, weaker or still."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty, FloatProperty, IntProperty

from ..core.messages import message
from ..scene.anim.compose import make_plan
from ..scene.anim.controls import LAYERS, active_take, head_of
from ..scene.anim.words import active_word
from ..scene.build.shot import Shot
from . import follow
from .head_button import HeadButton, PartsButton
from .layout import draw_parts
from .properties import shown_shot
from .text import interface_text


class SpanButton(PartsButton):
    """Base class of buttons that add an edit of the preview range, or of the active word. Not registered."""

    of_word: BoolProperty(  # type: ignore[valid-type]
        name="Active Word", options={"SKIP_SAVE"}, description="Edit the active word in place of the preview range")

    @classmethod
    def disabled_reason(cls, context):
        """Require a preview range or a word."""
        return super().disabled_reason(context) or (
            "" if context.scene.use_preview_range or active_take(shown_shot(context).root).words
            else message("No preview range"))

    def add_edit(self, context: bpy.types.Context, **values: Any) -> tuple[int, int]:
        """Add an edit, in seconds of the speech, so that it moves with the speech; returns its first and last frame."""
        shot, scene = shown_shot(context), context.scene
        plan, word = make_plan(shot), active_word(shot)
        if word is None or (scene.use_preview_range and not self.of_word):
            frames = scene.frame_preview_start, scene.frame_preview_end
        else:
            frames = word.first, word.end
        edit = head_of(shot.root).edits.add()
        edit.first_seconds, edit.last_seconds = map(plan.seconds_at, frames)
        for name, value in values.items():
            setattr(edit, name, value)
        for layer in LAYERS:  # last, because each of them composes its channels
            setattr(edit, layer, getattr(self, layer))
        return frames


class HEADROOM_OT_emphasise(SpanButton):
    """Strengthen the motion in the preview range or the active word. The ends are blended over the falloff"""

    bl_idname, bl_label = "headroom.emphasise", "Emphasise"

    gain: FloatProperty(  # type: ignore[valid-type]
        name="Gain", default=1.5, soft_min=0.0, soft_max=3.0, min=-4.0, max=4.0,
        description="Strength of the motion; under 1 it is weaker")

    def run(self, context):
        """Add the emphasis."""
        start, end = self.add_edit(context, gain=self.gain)
        return message("Emphasised {start} to {end}", start=start, end=end)


class HEADROOM_OT_hold(SpanButton):
    """Hold the face as it is when the preview range or the active word begins. The end blends over the falloff"""

    bl_idname, bl_label = "headroom.hold", "Hold"

    def run(self, context):
        """Add the hold."""
        start, end = self.add_edit(context, is_hold=True)
        return message("Held {start} to {end}", start=start, end=end)


class HEADROOM_OT_remove_emphasis_or_hold(HeadButton):
    """Remove this emphasis or hold"""

    bl_idname, bl_label = "headroom.remove_emphasis_or_hold", "Remove Emphasis or Hold"

    index: IntProperty()  # type: ignore[valid-type]

    def run(self, context):
        """Remove it."""
        shot = shown_shot(context)
        edits = head_of(shot.root).edits
        edits.remove(min(self.index, len(edits) - 1))
        follow.controls_changed(shot.root)
        return message("Removed the emphasis or hold")


CLASSES = (HEADROOM_OT_emphasise, HEADROOM_OT_hold, HEADROOM_OT_remove_emphasis_or_hold)


def draw_span_edits(layout: bpy.types.UILayout, shot: Shot) -> None:
    """Draw the buttons, and a line for each edit: its frames, gain and layers."""
    header, body = layout.panel("HEADROOM_span_edits")
    header.label(text="Emphasis and Hold")
    if body is None:
        return
    body.use_property_split = False
    row = body.row(align=True)
    row.operator(HEADROOM_OT_emphasise.bl_idname, icon="FORCE_TURBULENCE")
    row.operator(HEADROOM_OT_hold.bl_idname, icon="PAUSE")
    plan = make_plan(shot)
    for number, edit in enumerate(head_of(shot.root).edits):
        first, last = (round(plan.frames_at(seconds)) for seconds in (edit.first_seconds, edit.last_seconds))
        row = body.row(align=True)
        row.label(text=interface_text(message("{first} to {last}", first=first, last=last)), translate=False)
        if edit.is_hold:
            row.label(text="Hold")
        else:
            row.prop(edit, "gain", text="")
        draw_parts(row, edit)
        row.operator(HEADROOM_OT_remove_emphasis_or_hold.bl_idname, text="", icon="X").index = number
