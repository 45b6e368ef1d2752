"""Transfer: a character plays a take as the head shows it, with the animator's edits, baked into keys of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Euler, Matrix

from ...core.arkit import ARKIT_NAMES
from ...core.errors import InputError
from ...core.messages import message
from ...core.mirror import mirrored_track
from ...core.performance_files import read_control_track
from ...core.phones import Phone, phones_of_text
from ...core.shape_mapping import ShapeMapping, evaluate
from ...core.timing import frame_count
from .. import compat
from ..build.shot import Shot
from .channels import CONTROL_ERROR, ROTATION_ERROR, control_channels, find_action
from .character import GROUP, shapes_of
from .compose import make_plan
from .controls import active_take
from .curves import CurvePath, ensure_curve, find_curve, generated_keys, sample_curve, sample_curves, write_keys
from .fitted_keys import fit_channel
from .transfer_settings import transfer_of

WRITTEN = "headroom_transferred"
"""Custom property of an action: the paths of the curves that Transfer Performance wrote."""
_FORWARD = {"-Y": 0.0, "X": 90.0, "Y": 180.0, "-X": 270.0}
"""Axis along which a character looks -> degrees about z from -Y to it."""


@dataclass(frozen=True)
class TakeCurves:
    """What a head plays at scene frames.

    frames: (N,) scene frames; seconds: (N,) of the speech.
    controls: ARKit shape -> (N,) values.
    rotation: (N, 3) pitch, yaw, roll in radians.
    phones: of the speech, when they are played; none where they are unknown.
    title: of the actions that play it.
    """

    frames: np.ndarray
    seconds: np.ndarray
    controls: dict[str, np.ndarray]
    rotation: np.ndarray
    phones: tuple[Phone, ...]
    title: str


def read_take(shot: Shot) -> TakeCurves:
    """Return what a head plays, with all edits; raises InputError for a head without controls or takes."""
    plan, action = make_plan(shot), find_action(shot, "expression")
    if plan is None or action is None or not len(shot.root["headroom_control_keys"]):
        raise InputError("This head has no controls to write. Learn the subject again, and perform a speech.")
    bag, names = compat.channels(action, shot.face.data.shape_keys), shot.root["headroom_control_keys"]
    curves = {names[channel.index]: find_curve(bag, channel.curve) for channel in control_channels(shot)}
    controls = {name: sample_curve(curve, plan.frames) for name, curve in curves.items() if curve is not None}
    seconds = plan.seconds_at(plan.frames)
    played = active_take(shot.root)
    return TakeCurves(plan.frames, seconds, controls, sample_curves(shot.face, "rotation_euler", plan.frames),
                      plan.shown(phones_of_text(played.phones)) if played is not None else (), shot.root.name)


def read_file(path: Path, scene: bpy.types.Scene, mirror: bool = False) -> TakeCurves:
    """Return what a performance in a file plays from the scene's first frame on; InputError where it is none.

    mirror: whether left and right change sides.
    """
    track, fps = read_control_track(path), scene.render.fps / scene.render.fps_base
    track = mirrored_track(track) if mirror else track
    times = np.arange(len(track.controls)) / track.fps
    seconds = np.arange(frame_count(len(times) / track.fps, fps)) / fps
    controls = {name: np.interp(seconds, times, track.controls[:, number]) for number, name in enumerate(ARKIT_NAMES)}
    rotation = np.stack([np.interp(seconds, times, column) for column in track.rotation.T], axis=1)
    return TakeCurves(scene.frame_start + np.arange(len(seconds)), seconds, controls, rotation, track.phones, path.stem)


def transfer(take: TakeCurves, character: bpy.types.Object) -> int:
    """Write what is played as keys of a character, as its table says; return the number of shapes.

    Other curves of the character stay. Curves that are overwritten and that no transfer wrote are kept in a copy of
    their action on a muted NLA track.

    Raises InputError for a source that cannot be read, or where nothing is recognised.
    """
    for _ in transfer_in_steps(take, character):
        pass
    return len(_playing_rows(character))


def transfer_in_steps(take: TakeCurves, character: bpy.types.Object) -> Iterator[None]:
    """Do what `transfer` does, a curve at a time; undo may happen between two steps, which raises InputError."""
    curves = _curves(take, character)
    title = f"{character.name} {take.title}"
    for owner, values_of in curves.items():
        _keep_own_curves(owner.find(), values_of)
        action = compat.new_action(owner.find(), title)
        action[WRITTEN] = sorted({*action.get(WRITTEN, ()), *map(_text, values_of)})
    for owner, values_of in curves.items():
        for path, values in values_of.items():
            _write(owner.find(), title, take.frames, path, values)
            yield


@dataclass(frozen=True)
class Owner:
    """What curves animate, by the name of its object, because undo makes references stale."""

    name: str
    is_shape_keys: bool

    @staticmethod
    def of(owner: Any, character: bpy.types.Object) -> Owner:
        """Return the owner that is `character`, its shape keys, or the object of its head."""
        is_keys = not isinstance(owner, bpy.types.Object)
        return Owner(character.name if is_keys else owner.name, is_keys)

    def find(self) -> Any:
        """Return the data-block; raises InputError when it is gone."""
        item = bpy.data.objects.get(self.name)
        found = getattr(item.data, "shape_keys", None) if item is not None and self.is_shape_keys else item
        if found is None:
            raise InputError(message("{name} was removed while it was written. Transfer again.", name=self.name))
        return found


def _playing_rows(character: bpy.types.Object) -> list[ShapeMapping]:
    shapes = shapes_of(character)
    return [row.value() for row in transfer_of(character).rows if row.source.strip() and row.name in shapes]


def _curves(take: TakeCurves, character: bpy.types.Object) -> dict[Owner, dict[CurvePath, np.ndarray]]:
    """Return what is written: owner -> curve -> values (N,)."""
    settings, shapes, rows = transfer_of(character), shapes_of(character), _playing_rows(character)
    if not rows:
        raise InputError(message("{name} has no shape that plays anything. Enter what a shape plays in the table.",
                                 name=character.name))
    curves: dict[Owner, dict[CurvePath, np.ndarray]] = {}
    for name, values in evaluate(rows, take.controls, take.phones, take.seconds).items():
        owner = Owner.of(shapes[name].owner, character)
        curves.setdefault(owner, {})[shapes[name].curve] = np.clip(values, *shapes[name].limits)
    if settings.head is not None:
        curves.setdefault(Owner.of(settings.head, character), {}).update(_head_curves(settings, take))
    return curves


def _write(owner: Any, title: str, frames: np.ndarray, path: CurvePath, values: np.ndarray) -> None:
    """Write one curve into the action of `owner`, with few keys."""
    none = generated_keys(np.zeros(0), np.zeros(0))
    error = CONTROL_ERROR if path.group == GROUP else ROTATION_ERROR / 2
    bag = compat.channels(compat.new_action(owner, title), owner)
    write_keys(ensure_curve(bag, path), fit_channel(frames, values, none, error).keys)


def _keep_own_curves(owner: Any, curves: Mapping[CurvePath, np.ndarray]) -> None:
    """Copy the action of `owner` to a muted NLA track where a curve will be overwritten that no transfer wrote."""
    data = owner.animation_data
    if data is None or data.action is None:
        return
    written = set(data.action.get(WRITTEN, ()))
    present = {_text(CurvePath(curve.data_path, curve.array_index)) for curve in compat.curves_of(owner)}
    if (present & set(map(_text, curves))) - written:
        copy = data.action.copy()
        slot = getattr(data, "action_slot", None)
        compat.add_muted_track(owner, copy, f"{data.action.name} before transfer",
                               None if slot is None else copy.slots[slot.identifier])


def _text(path: CurvePath) -> str:
    return f"{path.data_path} {path.array_index}"


def _head_curves(settings: Any, take: TakeCurves) -> dict[CurvePath, np.ndarray]:
    """Return the rotation of the head's object or bone, about the take's usual pose."""
    turns = _turns(take.rotation, settings.forward, settings.head_gain)
    group, owner = "Head Rotation", settings.head
    if not settings.bone:
        return _rotation_curves(owner, "delta_rotation", turns, group)
    bone = owner.pose.bones.get(settings.bone) if owner.pose is not None else None
    if bone is None:
        raise InputError(message("{name} has no bone {bone}. Choose another bone.", name=owner.name,
                                 bone=settings.bone))
    rest = bone.bone.matrix_local.to_3x3()
    path = f"{bone.path_from_id()}.rotation"
    return _rotation_curves(bone, path, [rest.inverted() @ turn @ rest for turn in turns], group)


def _turns(rotation: np.ndarray, forward: str, gain: float) -> list[Matrix]:
    """Return per frame how the character's head turns, in the axes of its object.

    Model axes are left, up and out of the face; a character that looks along -Y has x, z and -y there.
    """
    axes = Matrix.Rotation(np.radians(_FORWARD[forward]), 3, "Z") @ Matrix(((1, 0, 0), (0, 0, -1), (0, 1, 0)))
    usual = Euler(np.median(rotation, axis=0).tolist(), "XYZ").to_matrix().inverted()
    turns = []
    for angles in rotation.tolist():
        turn = (Euler(angles, "XYZ").to_matrix() @ usual).to_quaternion()
        turns.append(axes @ _scaled(turn, gain) @ axes.inverted())
    return turns


def _scaled(turn: Any, gain: float) -> Matrix:
    """Return a rotation by `gain` times the angle."""
    axis, angle = turn.to_axis_angle()
    return Matrix.Rotation(angle * gain, 3, axis)


def _rotation_curves(owner: Any, path: str, turns: list[Matrix], group: str) -> dict[CurvePath, np.ndarray]:
    """Return the curves of rotations in the owner's mode; axis and angle become quaternions."""
    if owner.rotation_mode == "AXIS_ANGLE":
        owner.rotation_mode = "QUATERNION"
    rows: list[Any] = []
    for turn in turns:
        if owner.rotation_mode == "QUATERNION":
            value: Any = turn.to_quaternion()
            if rows:
                value.make_compatible(rows[-1])
        else:
            value = turn.to_euler(owner.rotation_mode, *rows[-1:])
        rows.append(value)
    suffix = "quaternion" if owner.rotation_mode == "QUATERNION" else "euler"
    table = np.array([list(value) for value in rows])
    return {CurvePath(f"{path}_{suffix}", index, group): table[:, index] for index in range(table.shape[1])}
