"""The live controls of a head, in the 3D view's and the graph editor's sidebar, and what is done with own keys."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty

from ..scene import compat
from ..scene.anim import controls
from ..scene.anim import user_keys as hand
from ..scene.anim.channels import OFFSETS
from ..scene.anim.compose import make_plan
from ..scene.anim.controls import head_of
from ..scene.anim.strips import adopt_strip, sound_strip, strip_speech
from ..scene.anim.timeline import show_range
from ..scene.build.shot import Shot
from . import follow as live
from .button import Button
from .layout import SidebarPanel, split_layout, wrapped
from .properties import shown_shot

SECTIONS = (("head", "Head", ("hold_head", "head_turn", "head_shift")), ("mouth", "Mouth", ("mouth_open",)),
            ("upper", "Brows and Eyes", ("brows_raise", "lids_open", "look_left", "look_up")))


class HeadButton(Button):
    """A button that works on the keys of a head that was performed."""

    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @classmethod
    def problem(cls, context):
        shot = shown_shot(context)
        if shot is None:
            return "Open a subject first"
        return "" if make_plan(shot) is not None else "Perform a speech first"


class HEADROOM_OT_reset_controls(HeadButton):
    """Give every control of this head its default; your own keys stay"""

    bl_idname, bl_label = "headroom.reset_controls", "Reset Controls"

    def run(self, context):
        controls.reset(shown_shot(context).root)
        return "Controls reset"


class HEADROOM_OT_claim_keys(HeadButton):
    """Make the selected generated keys yours: no new take and no control changes them any more"""

    bl_idname, bl_label = "headroom.claim_keys", "Keep Selected"

    def run(self, context):
        count = hand.claim_selected(shown_shot(context))
        live.look_again()
        return f"{count} keys are yours now" if count else "No generated keys are selected"


class HEADROOM_OT_lead_up(HeadButton):
    """Lead the generated keys up to yours now, over the falloff; the next take or control does it as well"""

    bl_idname, bl_label = "headroom.lead_up", "Blend to Edits"

    def run(self, context):
        shot = shown_shot(context)
        count = hand.lead_up(shot)
        live.changed(shot.root)
        return f"Blended on {count} channels" if count else "No key is yours yet"


class HEADROOM_OT_clear_edits(HeadButton):
    """Give your own keys, and frames whose keys you deleted, back to the prediction"""

    bl_idname, bl_label = "headroom.clear_edits", "Clear Edits"

    selected: BoolProperty(  # type: ignore[valid-type]
        name="Selected Only", description="Only selected keys, and what was deleted between them")

    def run(self, context):
        shot = shown_shot(context)
        count = hand.clear_edits(shot, self.selected)
        live.changed(shot.root)
        return f"{count} edits given back to the prediction" if count else "Nothing to clear"


class HEADROOM_OT_follow_strip(HeadButton):
    """Tie the animation to the selected sound strip that plays its speech, and move it there"""

    bl_idname, bl_label = "headroom.follow_strip", "Follow Selected Strip"

    @classmethod
    def problem(cls, context):
        shot = shown_shot(context)
        return super().problem(context) or ("" if chosen_strip(context, shot) is not None else
                                            "Select the sound strip of this speech in the sequencer")

    def run(self, context):
        shot = shown_shot(context)
        adopt_strip(shot, chosen_strip(context, shot))
        head_of(shot.root).follow_strip = True
        show_range(shot.scene)
        return "The animation follows the strip"


def chosen_strip(context: bpy.types.Context, shot: Shot) -> Any | None:
    """The selected sound strip, where it plays the speech of `shot`."""
    found = compat.selected_sound(context)
    strip = sound_strip(shot.scene, found.name) if found is not None else None
    return strip if strip is not None and strip_speech(strip) == shot.speech else None


def draw_controls(panel: bpy.types.Panel, context: bpy.types.Context) -> None:
    """Everything that a head can be dialled with."""
    layout, shot = split_layout(panel), shown_shot(context)
    if shot is None or make_plan(shot) is None:
        wrapped(layout.column(align=True), context, "Perform a speech to have something to dial.", "INFO")
        return
    head = head_of(shot.root)
    for name, title, offsets in SECTIONS:
        header, body = layout.panel(f"HEADROOM_{name}")
        header.label(text=title)
        if body is None:
            continue
        column, layer = body.column(), getattr(head, name)
        dials = column.column(align=True)
        for dial in ("gain", "lag", "smoothing"):
            dials.prop(layer, dial)
        for offset in offsets:
            if offset not in OFFSETS["Gaze"] or "Gaze" in shot.root["headroom_regions"]:  # not every face model has it
                column.prop(head, offset)
    layout.operator(HEADROOM_OT_reset_controls.bl_idname, icon="LOOP_BACK")
    draw_edits(layout, context, shot)
    draw_strip(layout, context, shot)


def draw_edits(layout: bpy.types.UILayout, context: bpy.types.Context, shot: Shot) -> None:
    """The animator's own keys: how many there are and what can be done with them."""
    header, body = layout.panel("HEADROOM_edits")
    header.label(text="Your Keys")
    if body is None:
        return
    count = live.status(shot).own_keys
    kept = "One edit of yours is kept." if count == 1 else f"{count} edits of yours are kept."
    wrapped(body.column(align=True), context, kept if count else "Keys that you move, add or delete stay as you leave "
            "them.", "KEYFRAME_HLT" if count else "KEYFRAME")
    body.prop(head_of(shot.root), "falloff")
    column = body.column(align=True)
    column.operator(HEADROOM_OT_lead_up.bl_idname)
    column.operator(HEADROOM_OT_claim_keys.bl_idname)
    row = body.row(align=True)
    row.operator(HEADROOM_OT_clear_edits.bl_idname, text="Clear Selected").selected = True
    row.operator(HEADROOM_OT_clear_edits.bl_idname, text="Clear All").selected = False


def draw_strip(layout: bpy.types.UILayout, context: bpy.types.Context, shot: Shot) -> None:
    """Whether sound strip and animation hang together."""
    header, body = layout.panel("HEADROOM_strip", default_closed=True)
    header.label(text="Speech")
    if body is None:
        return
    body.prop(head_of(shot.root), "follow_strip")
    body.operator(HEADROOM_OT_follow_strip.bl_idname)


class HEADROOM_PT_controls(SidebarPanel):
    bl_label, bl_parent_id, bl_order = "Controls", "HEADROOM_PT_main", 2

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        shot = shown_shot(context)
        return shot is not None and make_plan(shot) is not None

    def draw(self, context: bpy.types.Context) -> None:
        draw_controls(self, context)


class HEADROOM_PT_graph_controls(bpy.types.Panel):
    bl_label, bl_category = "Headroom Controls", "Headroom"
    bl_space_type, bl_region_type = "GRAPH_EDITOR", "UI"

    def draw(self, context: bpy.types.Context) -> None:
        draw_controls(self, context)


CLASSES = (HEADROOM_OT_reset_controls, HEADROOM_OT_claim_keys, HEADROOM_OT_lead_up,
           HEADROOM_OT_clear_edits, HEADROOM_OT_follow_strip,
           HEADROOM_PT_controls, HEADROOM_PT_graph_controls)
