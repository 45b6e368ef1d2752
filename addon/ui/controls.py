"""Controls of a head in the sidebars of the 3D view and the graph editor, and buttons for the user keys."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty

from ..core.messages import message
from ..scene import compat
from ..scene.anim import controls, user_keys
from ..scene.anim.channels import OFFSET_CONTROLS
from ..scene.anim.controls import active_take, head_of
from ..scene.anim.strips import adopt_strip, sound_strip, strip_speech
from ..scene.anim.timeline import set_frame_range
from ..scene.build.shot import Shot
from . import follow
from .head_button import HeadButton
from .layout import SidebarPanel, draw_wrapped, split_layout
from .properties import settings, shown_shot
from .span_edits import draw_span_edits
from .text import interface_text

SECTIONS = (("head", message("Head"), ("hold_head", "head_turn", "head_shift")),
            ("mouth", message("Mouth"), ("mouth_open",)),
            ("upper", message("Brows and Eyes"), ("brows_raise", "lids_open", "gaze_left", "gaze_up")))
"""Layer of the head's motion, title, and the controls added on top of the layer."""


class HEADROOM_OT_reset_controls(HeadButton):
    """Reset all controls of this head. User keys are not changed"""

    bl_idname, bl_label = "headroom.reset_controls", "Reset Controls"

    def run(self, context):
        """Reset the controls."""
        controls.reset(shown_shot(context).root)
        return message("Reset the controls")


class HEADROOM_OT_mark_as_user_keys(HeadButton):
    """Mark the selected generated keys as user keys, which takes and controls do not change"""

    bl_idname, bl_label = "headroom.mark_as_user_keys", "Mark as User Keys"

    def run(self, context):
        """Mark the keys."""
        count = user_keys.mark_as_user(shown_shot(context))
        follow.request_scan()
        return message("Keys marked as user keys: {count}", count=count) if count else message(
            "No generated keys selected")


class HEADROOM_OT_blend_to_user_keys(HeadButton):
    """Blend the generated keys to the user keys over the falloff now, as the next take or control does"""

    bl_idname, bl_label = "headroom.blend_to_user_keys", "Blend to User Keys"

    def run(self, context):
        """Blend the keys."""
        shot = shown_shot(context)
        count = user_keys.blend_to_keys(shot)
        follow.controls_changed(shot.root)
        return message("Blended channels: {count}", count=count) if count else message("No user keys")


class HEADROOM_OT_clear_user_keys(HeadButton):
    """Replace user keys, and frames whose keys were deleted, with generated keys"""

    bl_idname, bl_label = "headroom.clear_user_keys", "Clear User Keys"

    selected: BoolProperty(  # type: ignore[valid-type]
        name="Selected Only", description="Clear only selected keys, and deleted ones between them")

    def run(self, context):
        """Clear the keys."""
        shot = shown_shot(context)
        count = user_keys.clear_user_keys(shot, self.selected)
        follow.controls_changed(shot.root)
        return message("Cleared user keys: {count}", count=count) if count else message("No user keys to clear")


class HEADROOM_OT_follow_selected_strip(HeadButton):
    """Let the animation follow the selected sound strip, which plays its speech"""

    bl_idname, bl_label = "headroom.follow_selected_strip", "Follow Selected Strip"

    @classmethod
    def disabled_reason(cls, context):
        """Require a selected sound strip of this head's speech."""
        return super().disabled_reason(context) or (
            "" if chosen_strip(context, shown_shot(context)) is not None else
            message("The sound strip of this speech is not selected"))

    def run(self, context):
        """Make the strip the head's speech, and move the animation there."""
        shot = shown_shot(context)
        adopt_strip(shot, chosen_strip(context, shot))
        head_of(shot.root).follow_strip = True
        set_frame_range(shot.scene)
        return message("The animation follows the strip")


class HEADROOM_PT_controls(SidebarPanel):
    """The controls in the 3D view."""

    bl_label, bl_parent_id, bl_order = "Controls", "HEADROOM_PT_main", 2

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Show the panel for a performed head."""
        shot = shown_shot(context)
        return shot is not None and active_take(shot.root) is not None

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the controls."""
        draw_controls(self, context)


class HEADROOM_PT_graph_controls(bpy.types.Panel):
    """The controls in the graph editor."""

    bl_label, bl_category = "Headroom Controls", "Headroom"
    bl_space_type, bl_region_type = "GRAPH_EDITOR", "UI"

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the controls."""
        draw_controls(self, context)


CLASSES = (HEADROOM_OT_reset_controls, HEADROOM_OT_mark_as_user_keys, HEADROOM_OT_blend_to_user_keys,
           HEADROOM_OT_clear_user_keys, HEADROOM_OT_follow_selected_strip,
           HEADROOM_PT_controls, HEADROOM_PT_graph_controls)


def chosen_strip(context: bpy.types.Context, shot: Shot) -> Any | None:
    """Return the selected sound strip if it plays the speech of `shot`."""
    selected = compat.selected_sound(context)
    strip = sound_strip(shot.scene, selected.name) if selected is not None else None
    return strip if strip is not None and strip_speech(strip) == shot.speech else None


def draw_controls(panel: bpy.types.Panel, context: bpy.types.Context) -> None:
    """Draw every control of the shown head."""
    layout, shot = split_layout(panel), shown_shot(context)
    if shot is None or active_take(shot.root) is None:
        draw_wrapped(layout.column(align=True), context, message("Perform a speech to use the controls"), "INFO")
        return
    head = head_of(shot.root)
    if len(shot.root["headroom_control_keys"]):
        layout.prop(settings(context), "control_board")
    for name, title, offsets in SECTIONS:
        header, body = layout.panel(f"HEADROOM_{name}")
        header.label(text=interface_text(title))
        if body is None:
            continue
        column, layer = body.column(), getattr(head, name)
        curve = column.column(align=True)
        for control in ("gain", "lag", "smoothing"):
            curve.prop(layer, control)
        for offset in offsets:
            is_gaze = offset in OFFSET_CONTROLS["Gaze"]
            if not is_gaze or "Gaze" in shot.root["headroom_regions"]:  # not every face model has it
                column.prop(head, offset)
    layout.operator(HEADROOM_OT_reset_controls.bl_idname, icon="LOOP_BACK")
    draw_span_edits(layout, shot)
    draw_keys(layout, shot)
    draw_user_keys(layout, context, shot)
    draw_strip(layout, shot)


def draw_keys(layout: bpy.types.UILayout, shot: Shot) -> None:
    """Draw how many keys are generated: few within an error, or one on every frame."""
    header, body = layout.panel("HEADROOM_keys", default_closed=True)
    header.label(text="Keys")
    if body is None:
        return
    head = head_of(shot.root)
    body.prop(head, "every_frame")
    row = body.row()
    row.active = not head.every_frame
    row.prop(head, "key_error")


def draw_user_keys(layout: bpy.types.UILayout, context: bpy.types.Context, shot: Shot) -> None:
    """Draw the number of user keys and the buttons that change them."""
    header, body = layout.panel("HEADROOM_user_keys")
    header.label(text="User Keys")
    if body is None:
        return
    count = follow.status(shot).user_keys
    draw_wrapped(body.column(align=True), context, message("User keys: {count}", count=count) if count else
                 message("Keys that you move, add or delete are not overwritten"),
                 "KEYFRAME_HLT" if count else "KEYFRAME")
    body.prop(head_of(shot.root), "falloff")
    column = body.column(align=True)
    column.operator(HEADROOM_OT_blend_to_user_keys.bl_idname)
    column.operator(HEADROOM_OT_mark_as_user_keys.bl_idname)
    row = body.row(align=True)
    row.operator(HEADROOM_OT_clear_user_keys.bl_idname, text="Clear Selected").selected = True
    row.operator(HEADROOM_OT_clear_user_keys.bl_idname, text="Clear All").selected = False


def draw_strip(layout: bpy.types.UILayout, shot: Shot) -> None:
    """Draw whether the animation follows its sound strip."""
    header, body = layout.panel("HEADROOM_strip", default_closed=True)
    header.label(text="Speech")
    if body is None:
        return
    body.prop(head_of(shot.root), "follow_strip")
    body.operator(HEADROOM_OT_follow_selected_strip.bl_idname)
