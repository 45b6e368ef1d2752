"""Where the control board's handles lie on a head, and what moving them does to it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Vector

from ...core.board import GAZE, HANDLES, HEAD, JAW, ROLL, head_turn, moved_controls
from ..build.shot import Shot
from .channels import POSE_CHANNELS
from .control_keys import control_values, key_controls, key_pose, set_controls
from .controls import active_take
from .curves import sample_curves

MIDDLE_MM = 8.0
"""How far from the middle of the face a handle without a side may lie."""
CHIN_REACH = 0.5
"""Part of the jaw's largest movement that the vertex of its handle, the lowest such one, has at least."""
HEAD_MARGIN = 0.02
"""Distance of the head's handles from the face, metres."""


def anchors(face: bpy.types.Object) -> dict[str, int]:
    """Return name of each handle -> the vertex that it lies on; handles whose control is missing are left out."""
    blocks = face.data.shape_keys.key_blocks
    neutral = _coordinates(blocks[0])
    found = {HEAD: int(neutral[:, 1].argmax()), ROLL: int(neutral[:, 0].argmax())}
    for name, handle in HANDLES.items():
        if handle.anchor in blocks:
            reach = np.linalg.norm(_coordinates(blocks[handle.anchor]) - neutral, axis=1)
            here = np.abs(neutral[:, 0]) < MIDDLE_MM / 1000 if not handle.side else neutral[:, 0] * handle.side > 0
            found[name] = _anchor(name, neutral, reach, here)
    return {name: found[name] for name in HANDLES if name in found}


def _anchor(name: str, neutral: np.ndarray, reach: np.ndarray, here: np.ndarray) -> int:
    """Return the vertex of a handle.

    neutral: points (V, 3); reach: how far (V,) its control moves them; here: which (V,) bool lie on its side.
    """
    front = here & (neutral[:, 2] > 0)
    if name == JAW:
        return _largest(-neutral[:, 1], here & (reach >= CHIN_REACH * reach[_largest(reach, front)]))
    if name == GAZE:
        return _largest(-np.abs(neutral[:, 1] - neutral[reach.argmax(), 1]), front)
    return _largest(reach, front)


def _largest(values: np.ndarray, chosen: np.ndarray) -> int:
    return int(np.where(chosen, values, -np.inf).argmax())


def positions(shot: Shot, vertices: Mapping[str, int]) -> dict[str, Vector]:
    """Return name -> world position of each handle on the face as it is shown."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    face = shot.face.evaluated_get(depsgraph)
    points, matrix = face.data.vertices, face.matrix_world
    places = {name: matrix @ points[vertex].co for name, vertex in vertices.items() if vertex < len(points)}
    outwards = {HEAD: Vector((0, HEAD_MARGIN, 0)), ROLL: Vector((HEAD_MARGIN, 0, 0))}
    for name, offset in outwards.items():
        if name in places:
            places[name] += matrix.to_3x3() @ offset
    return places


def unit_vectors(shot: Shot, name: str, vertex: int) -> tuple[Vector, Vector]:
    """Return by which vectors, in world space, a handle moves for a unit across and a unit up."""
    blocks, matrix = shot.face.data.shape_keys.key_blocks, shot.face.matrix_world.to_3x3()
    neutral = blocks[0].data[vertex].co
    result = []
    for axis in (HANDLES[name].across, HANDLES[name].up):
        chosen, sign = (axis.positive, 1) if axis.positive and not axis.negative else (axis.negative, -1)
        if axis.positive and axis.negative:
            chosen, sign = max(((axis.positive, 1), (axis.negative, -1)), key=lambda each: _length(
                blocks, each[0], vertex, neutral))
        total = Vector((0, 0, 0))
        for control in chosen:
            if control in blocks:
                total += (blocks[control].data[vertex].co - neutral) * sign
        result.append(matrix @ total)
    return result[0], result[1]


@dataclass(frozen=True)
class Rest:
    """A head before a handle moves, by its keys, or as it is set where it has none.

    controls: name -> value. rotation: pitch, yaw and roll in radians.
    """

    controls: dict[str, float]
    rotation: tuple[float, float, float]

    def moved(self, name: str, across: float, up: float, both_sides: bool) -> dict[str, float]:
        """Return control -> value after a handle has moved; only controls of the head."""
        values = moved_controls(name, self.controls, across, up, both_sides)
        return {control: value for control, value in values.items() if control in self.controls}

    def turned(self, turn: tuple[float, float, float]) -> list[float]:
        """Return the rotation after a turn in degrees."""
        return [angle + math.radians(degrees) for angle, degrees in zip(self.rotation, turn)]


def rest_of(shot: Shot) -> Rest:
    """Return a head at the current frame. What `show_moved` shows of a head without keys would count as set."""
    frame = shot.scene.frame_current
    rotation = shot.face.rotation_euler if active_take(shot.root) is None else sample_curves(
        shot.face, POSE_CHANNELS[0].curve.data_path, np.array([frame]))[0].tolist()
    return Rest(control_values(shot, frame), tuple(rotation))


def show_moved(shot: Shot, rest: Rest, name: str, across: float, up: float, both_sides: bool) -> str:
    """Show a head as it is when a handle has moved, without keys; return the values as a text."""
    if name in (HEAD, ROLL):
        rotation = rest.turned(head_turn(name, across, up))
        shot.face.rotation_euler = rotation
        return ", ".join(f"{math.degrees(angle):.1f}°" for angle in rotation)
    values = rest.moved(name, across, up, both_sides)
    set_controls(shot, values)
    return ", ".join(f"{control} {value:.2f}" for control, value in values.items())


def key_moved(shot: Shot, rest: Rest, name: str, across: float, up: float, both_sides: bool) -> int:
    """Key what a handle moves at the current frame; return how many channels."""
    frame = shot.scene.frame_current
    if name in (HEAD, ROLL):
        turn = head_turn(name, across, up)
        shot.face.rotation_euler = rest.turned(turn)
        axes = [axis for axis in range(3) if turn[axis]]
        key_pose(shot, frame, axes)
        return len(axes)
    values = rest.moved(name, across, up, both_sides)
    key_controls(shot, values, frame)
    return len(values)


def show_unmoved(shot: Shot, rest: Rest) -> None:
    """Show a head as it was."""
    set_controls(shot, rest.controls)
    shot.face.rotation_euler = rest.rotation


def _coordinates(block: bpy.types.ShapeKey) -> np.ndarray:
    """Return the points (V, 3) of a shape key."""
    values = np.empty(len(block.data) * 3, dtype=np.float32)
    block.data.foreach_get("co", values)
    return values.reshape(-1, 3)


def _length(blocks: bpy.types.bpy_prop_collection, controls: tuple[str, ...], vertex: int, neutral: Vector) -> float:
    return max(((blocks[control].data[vertex].co - neutral).length for control in controls if control in blocks),
               default=0.0)
