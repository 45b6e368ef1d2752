"""Where a shot leaves what the clip shows: lines with buttons that go there, and a ribbon in the animation editors."""

from __future__ import annotations

from typing import Any

import bpy
import gpu
from bpy.props import IntProperty
from gpu_extras.batch import batch_for_shader

from . import follow as live
from .button import Button
from .layout import SidebarPanel, split_layout, wrapped
from .properties import shown_shot

LISTED = 6
RIBBON_PX = (22, 5)
"""Distance from the lower edge of the editor, above its scroll bar, and height."""
ORANGE = (1.0, 0.45, 0.1, 0.85)


class HEADROOM_OT_go_to(Button):
    """Go to the first of these frames"""

    bl_idname, bl_label = "headroom.go_to", "Go To"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    frame: IntProperty()  # type: ignore[valid-type]

    def run(self, context):
        context.scene.frame_set(self.frame)
        return f"Frame {self.frame}"


class HEADROOM_PT_coverage(SidebarPanel):
    bl_label, bl_parent_id, bl_order = "What the Clip Shows", "HEADROOM_PT_main", 3

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return shown_shot(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout, shot = split_layout(self), shown_shot(context)
        draw_off_plate(layout, context, shot)
        draw_unsure(layout, context, shot)


def draw_off_plate(layout: bpy.types.UILayout, context: bpy.types.Context, shot: Any) -> None:
    """Frames whose head pose is far from every picture of the clip."""
    layout.prop(shot.root.headroom, "warn_degrees")
    spans = live.status(shot).off_plate
    if not spans and not live.status(shot).trouble:
        wrapped(layout.column(align=True), context, "The head stays near what the clip shows.", "CHECKMARK")
    for span in spans[:LISTED]:
        row = layout.row(align=True)
        wrapped(row.column(align=True), context, f"{span.first} to {span.last}: {span.worst:.0f}° off", "ERROR")
        row.operator(HEADROOM_OT_go_to.bl_idname, text="", icon="TRIA_RIGHT").frame = span.first
    if len(spans) > LISTED:
        wrapped(layout.column(align=True), context, f"And {len(spans) - LISTED} more, see the ribbon in the timeline.")


def draw_unsure(layout: bpy.types.UILayout, context: bpy.types.Context, shot: Any) -> None:
    """Frames of the clip where the face was hard to see."""
    known = live.status(shot)
    if known.trouble:
        wrapped(layout.column(align=True), context, known.trouble, "ERROR")
    for first, last in sorted(known.unsure, key=lambda part: part[0] - part[1])[:3]:
        wrapped(layout.column(align=True), context,
                f"In the clip, tracking is unsure from {first:.1f} to {last:.1f} s.", "QUESTION")


def draw_ribbon() -> None:
    """Orange along the lower edge of a timeline where the active head is far from what the clip shows."""
    context = bpy.context
    shot, region = shown_shot(context), context.region
    spans = live.status(shot).off_plate if shot is not None else ()
    if not spans:
        return
    scale = context.preferences.system.ui_scale
    low, high = RIBBON_PX[0] * scale, sum(RIBBON_PX) * scale
    corners: list[tuple[float, float]] = []
    for span in spans:
        left, _ = region.view2d.view_to_region(span.first - 0.5, 0, clip=False)
        right, _ = region.view2d.view_to_region(span.last + 0.5, 0, clip=False)
        right = max(right, left + 2)
        corners += [(left, low), (right, low), (right, high), (left, low), (right, high), (left, high)]
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    gpu.state.blend_set("ALPHA")
    shader.bind()
    shader.uniform_float("color", ORANGE)
    batch_for_shader(shader, "TRIS", {"pos": corners}).draw(shader)
    gpu.state.blend_set("NONE")


_drawn: list[tuple[Any, Any]] = []


def register() -> None:
    if bpy.app.background:
        return
    for space in (bpy.types.SpaceGraphEditor, bpy.types.SpaceDopeSheetEditor):
        _drawn.append((space, space.draw_handler_add(draw_ribbon, (), "WINDOW", "POST_PIXEL")))


def unregister() -> None:
    while _drawn:
        space, handle = _drawn.pop()
        space.draw_handler_remove(handle, "WINDOW")


CLASSES = (HEADROOM_OT_go_to, HEADROOM_PT_coverage)
