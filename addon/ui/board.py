"""The control board in the 3D view: handles on the face that are dragged with the mouse, and key what they move."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty
from bpy_extras.view3d_utils import location_3d_to_region_2d
from mathutils import Matrix, Vector

from ..core.board import HANDLES, HEAD, HEAD_DEGREES_PER_PIXEL, ROLL
from ..core.messages import message
from ..scene.anim import board
from ..scene.build.shot import Shot
from . import follow
from .head_button import PoseButton
from .properties import settings, shown_shot
from .text import interface_text, tooltip_text

LEAST_PIXELS = 40.0
"""Drag, in pixels, for a whole unit of a control that hardly moves the handle."""
FINE = 0.1
"""Part of the movement while Shift is held."""
HANDLE_SIZE = 7.0
COLOUR, HOVERED = (1.0, 0.55, 0.1), (1.0, 0.9, 0.5)

_anchors: dict[tuple[int, int, int], dict[str, int]] = {}
"""Identifier of a mesh in this session, and numbers of its vertices and keys -> vertex of each handle, because finding
them takes some milliseconds."""


class HEADROOM_OT_move_control_handle(PoseButton):
    """Drag to move the face controls of this handle, keyed on release. Shift moves finely, Ctrl moves both sides"""

    bl_idname, bl_label = "headroom.move_control_handle", "Move Control Handle"
    bl_options = {"REGISTER", "UNDO", "BLOCKING"}  # noqa: RUF012
    _rest = None  # the head before a drag

    handle: EnumProperty(  # type: ignore[valid-type]
        name="Handle", items=[(name, name, handle.hint) for name, handle in HANDLES.items()])
    across: FloatProperty(  # type: ignore[valid-type]
        name="Across", options={"SKIP_SAVE"},
        description="Movement to the right in the picture, in units of the control; of the head in degrees")
    up: FloatProperty(  # type: ignore[valid-type]
        name="Up", options={"SKIP_SAVE"},
        description="Movement upwards, in units of the control; of the head in degrees")
    both_sides: BoolProperty(  # type: ignore[valid-type]
        name="Both Sides", options={"SKIP_SAVE"}, description="The other side of the face mirrors the movement")

    @classmethod
    def description(cls, context, properties):
        """Return what the handle does."""
        return f"{tooltip_text(HANDLES[properties.handle].hint)}. {tooltip_text(cls.__doc__ or '')}"

    def invoke(self, context, event):
        """Begin to drag."""
        shot = shown_shot(context)
        self._rest, self._units = board.rest_of(shot), pixels_per_unit(context, shot, self.handle)
        self._mouse = Vector((event.mouse_region_x, event.mouse_region_y))
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        """Show the movement; key it when the button is released."""
        if event.type in ("ESC", "RIGHTMOUSE"):
            self._end(context)
            board.show_unmoved(shown_shot(context), self._rest)
            return {"CANCELLED"}
        if event.type == "LEFTMOUSE" and event.value == "RELEASE":
            self._end(context)
            return self.execute(context) if self.across or self.up else {"CANCELLED"}
        if event.type == "MOUSEMOVE":
            mouse = Vector((event.mouse_region_x, event.mouse_region_y))
            moved, self._mouse = (mouse - self._mouse) * (FINE if event.shift else 1.0), mouse
            self.across += moved.x / self._units.x
            self.up += moved.y / self._units.y
            self.both_sides = event.ctrl
            text = board.show_moved(shown_shot(context), self._rest, self.handle, self.across, self.up, self.both_sides)
            context.area.header_text_set(f"{interface_text(self.handle)}: {text}")
        return {"RUNNING_MODAL"}

    def run(self, context):
        """Key the movement."""
        shot = shown_shot(context)
        rest = self._rest or board.rest_of(shot)
        count = board.key_moved(shot, rest, self.handle, self.across, self.up, self.both_sides)
        follow.controls_changed(shot.root)
        return message("Keyed channels: {count}", count=count)

    def _end(self, context: bpy.types.Context) -> None:
        context.area.header_text_set(None)


class HEADROOM_GGT_control_board(bpy.types.GizmoGroup):
    """The handles, at their places on the face."""

    bl_label, bl_space_type, bl_region_type = "Control Board", "VIEW_3D", "WINDOW"
    bl_options = {"PERSISTENT", "SCALE", "SHOW_MODAL_ALL"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Show the handles of an active head with controls, unless the animation plays."""
        shot = shown_shot(context)
        return bool(shot is not None and settings(context).control_board and context.mode == "OBJECT"
                    and context.active_object in (shot.face, shot.root) and len(shot.root["headroom_control_keys"])
                    and not context.screen.is_animation_playing)

    def setup(self, context: bpy.types.Context) -> None:
        """Make one handle for each entry of `HANDLES`."""
        for name in HANDLES:
            gizmo: Any = self.gizmos.new("GIZMO_GT_button_2d")
            gizmo.draw_options = {"BACKDROP", "OUTLINE"}
            gizmo.icon = "ORIENTATION_GIMBAL" if name in (HEAD, ROLL) else "DOT"
            gizmo.scale_basis = HANDLE_SIZE * (1.5 if name in (HEAD, ROLL) else 1.0)
            gizmo.color, gizmo.color_highlight = COLOUR, HOVERED
            gizmo.alpha, gizmo.alpha_highlight = 0.5, 0.9
            gizmo.use_tooltip = True
            gizmo.target_set_operator(HEADROOM_OT_move_control_handle.bl_idname).handle = name

    def draw_prepare(self, context: bpy.types.Context) -> None:
        """Put the handles where the face is."""
        shot = shown_shot(context)
        places = board.positions(shot, anchors_of(shot)) if shot is not None else {}
        for name, gizmo in zip(HANDLES, self.gizmos):
            point = location_3d_to_region_2d(context.region, context.region_data, places[name]) \
                if name in places else None
            gizmo.hide = point is None
            if point is not None:
                gizmo.matrix_basis = Matrix.Translation((point.x, point.y, 0.0))


CLASSES = (HEADROOM_OT_move_control_handle, HEADROOM_GGT_control_board)


def anchors_of(shot: Shot) -> dict[str, int]:
    """Return name -> vertex of each handle of a head."""
    mesh = shot.face.data
    key = mesh.session_uid, len(mesh.vertices), len(mesh.shape_keys.key_blocks)
    if key not in _anchors:
        _anchors[key] = board.anchors(shot.face)
    return _anchors[key]


def pixels_per_unit(context: bpy.types.Context, shot: Shot, handle: str) -> Vector:
    """Return how many pixels across and up a drag is for one unit, so that the handle stays under the mouse."""
    if handle in (HEAD, ROLL):
        return Vector((1 / HEAD_DEGREES_PER_PIXEL, 1 / HEAD_DEGREES_PER_PIXEL))
    vertex = anchors_of(shot)[handle]
    place = board.positions(shot, {handle: vertex})[handle]
    start = location_3d_to_region_2d(context.region, context.region_data, place)
    units = []
    for axis, vector in enumerate(board.unit_vectors(shot, handle, vertex)):
        end = location_3d_to_region_2d(context.region, context.region_data, place + vector)
        units.append(max(abs(end[axis] - start[axis]), LEAST_PIXELS) if start and end else LEAST_PIXELS)
    return Vector(units)
