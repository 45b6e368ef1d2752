"""Clip coverage: head poses that the clip does not show, listed in the panel and drawn along the timelines."""

from __future__ import annotations

from typing import Any

import bpy
import gpu
from bpy.props import IntProperty
from gpu_extras.batch import batch_for_shader

from ..core.messages import message
from ..scene.build.shot import Shot
from . import follow
from .button import Button
from .layout import SidebarPanel, draw_wrapped, split_layout
from .properties import shown_shot

MAX_SPANS, MAX_UNCERTAIN = 6, 3
"""Lines in the panel."""
RIBBON_PX = (22, 5)
"""Distance of the ribbon from the lower edge of the editor, above its scroll bar, and its height."""
ORANGE = (1.0, 0.45, 0.1, 0.85)


class HEADROOM_OT_jump_to_frame(Button):
    """Jump to the first of these frames"""

    bl_idname, bl_label = "headroom.jump_to_frame", "Jump to Frame"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    frame: IntProperty()  # type: ignore[valid-type]

    def run(self, context):
        """Set the current frame."""
        context.scene.frame_set(self.frame)
        return message("Frame {frame}", frame=self.frame)


class HEADROOM_PT_coverage(SidebarPanel):
    """Where a shot leaves what the clip shows."""

    bl_label, bl_parent_id, bl_order = "Clip Coverage", "HEADROOM_PT_main", 3

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Show the panel when there is a shot."""
        return shown_shot(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        """Draw both lists."""
        layout, shot = split_layout(self), shown_shot(context)
        draw_off_plate(layout, context, shot)
        draw_uncertain(layout, context, shot)


CLASSES = (HEADROOM_OT_jump_to_frame, HEADROOM_PT_coverage)


def draw_off_plate(layout: bpy.types.UILayout, context: bpy.types.Context, shot: Shot) -> None:
    """Draw the frames whose head pose is far from every pose in the clip."""
    layout.prop(shot.root.headroom, "warn_degrees")  # type: ignore[attr-defined]
    status = follow.status(shot)
    if not status.off_plate and not status.error:
        draw_wrapped(layout.column(align=True), context, message("All head poses are near poses in the clip"),
                     "CHECKMARK")
    for span in status.off_plate[:MAX_SPANS]:
        row = layout.row(align=True)
        draw_wrapped(row.column(align=True), context,
                     message("{first} to {last}: {degrees:.0f}° off", first=span.first, last=span.last,
                             degrees=span.peak), "ERROR")
        row.operator(HEADROOM_OT_jump_to_frame.bl_idname, text="", icon="TRIA_RIGHT").frame = span.first
    if len(status.off_plate) > MAX_SPANS:
        draw_wrapped(layout.column(align=True), context,
                     message("And {count} more, see the ribbon in the timeline",
                             count=len(status.off_plate) - MAX_SPANS))


def draw_uncertain(layout: bpy.types.UILayout, context: bpy.types.Context, shot: Shot) -> None:
    """Draw the longest sections of the clip where tracking was uncertain, or why they are not known."""
    status = follow.status(shot)
    if status.error:
        draw_wrapped(layout.column(align=True), context, status.error, "ERROR")
    for start, end in sorted(status.uncertain, key=lambda section: section[0] - section[1])[:MAX_UNCERTAIN]:
        draw_wrapped(layout.column(align=True), context,
                     message("Tracking is uncertain in the clip from {start:.1f} to {end:.1f} s", start=start, end=end),
                     "QUESTION")


def draw_ribbon() -> None:
    """Draw an orange ribbon along the lower edge of a timeline, where the shown head is far from the clip's poses."""
    context = bpy.context
    shot, region = shown_shot(context), context.region
    spans = follow.status(shot).off_plate if shot is not None else ()
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


_draw_handlers: list[tuple[Any, Any]] = []
"""(space type, handle) of the ribbons; filled by `register`, emptied by `unregister`."""


def register() -> None:
    """Add the ribbons; without a window there is nothing to draw on."""
    if bpy.app.background:
        return
    for space in (bpy.types.SpaceGraphEditor, bpy.types.SpaceDopeSheetEditor):
        _draw_handlers.append((space, space.draw_handler_add(draw_ribbon, (), "WINDOW", "POST_PIXEL")))


def unregister() -> None:
    """Remove the ribbons."""
    while _draw_handlers:
        space, handle = _draw_handlers.pop()
        space.draw_handler_remove(handle, "WINDOW")
