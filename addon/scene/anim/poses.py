"""The pose library: actions with one key of each face control, marked as assets.

The shot template has the poses of `core.poses` with pictures; other files get them from there when they are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bpy

from ...core.errors import InputError
from ...core.messages import message
from ...core.poses import EXPRESSION, EXPRESSION_GROUPS, POSES, VISEME, VISEME_GROUPS
from .. import compat
from ..build import templates
from ..build.shot import Shot
from .channels import layer_of
from .control_keys import control_names, control_values, key_controls, key_no_detail
from .curves import CurvePath, ensure_curve

TAG = "Headroom"
"""Asset tag of every pose; its kind is another tag."""
_CONTROL = re.compile(r'key_blocks\["(.+)"\]\.value')


def poses() -> list[bpy.types.Action]:
    """Return the poses of the open file, visemes first, then as they are named."""
    found = [action for action in bpy.data.actions if is_pose(action)]
    order = {name: number for number, name in enumerate(POSES)}
    return sorted(found, key=lambda action: (order.get(action.name, len(order)), action.name))


def is_pose(action: bpy.types.Action) -> bool:
    """Return whether an action is a pose of the library."""
    return action.asset_data is not None and TAG in (tag.name for tag in action.asset_data.tags)


def missing_pose(name: str) -> InputError:
    """Return the error for a pose that is not in the file."""
    return InputError(message('There is no pose "{name}". Choose one of the library.', name=name))


def add_pose(name: str, kind: str, values: Mapping[str, float]) -> bpy.types.Action:
    """Add a pose to the open file."""
    action = bpy.data.actions.new(name)
    bag = compat.shape_key_channels(action)
    for control, value in values.items():
        path = CurvePath(f'key_blocks["{control}"].value', group=kind)
        ensure_curve(bag, path).keyframe_points.insert(1, value)
    action.asset_mark()
    for tag in (TAG, kind):
        action.asset_data.tags.new(tag, skip_if_exists=True)
    action.asset_data.description = f"{kind} of {len(values)} face controls"
    action.use_fake_user = True
    return action


def append_library() -> int:
    """Add the template's poses that the open file lacks; returns how many."""
    path = templates.find(templates.SHOT)
    if path is None:
        raise InputError("This build does not include the shot template")
    present = {action.name for action in poses()}
    opened: Any = bpy.data.libraries.load(str(path))  # type: ignore[func-returns-value]
    with opened as (source, target):
        target.actions = [name for name in source.actions if name in POSES and name not in present]
    return len(target.actions)


def store_pose(shot: Shot, name: str, frame: float) -> bpy.types.Action:
    """Add the controls of a head at a frame as a pose. It is a viseme where eyes and brows rest."""
    values = {control: round(value, 4) for control, value in control_values(shot, frame).items() if abs(value) > 5e-3}
    channels = control_names(shot)
    is_viseme = all(channels[control].curve.group in VISEME_GROUPS for control in values)
    return add_pose(name, VISEME if is_viseme else EXPRESSION, values)


def pose_values(action: bpy.types.Action) -> dict[str, float]:
    """Return control -> value of a pose, of the first key of each curve."""
    return {found[1]: float(curve.keyframe_points[0].co[1]) for curve in compat.curves_in(action)
            if (found := _CONTROL.fullmatch(curve.data_path)) and len(curve.keyframe_points)}


def read_library_pose(path: Path, name: str) -> bpy.types.Action:
    """Append a pose from another file's asset library; raises InputError where it is not there."""
    opened: Any = bpy.data.libraries.load(str(path))  # type: ignore[func-returns-value]
    with opened as (source, target):
        target.actions = [each for each in source.actions if each == name]
    if not target.actions or target.actions[0] is None:
        raise InputError(message("{path} has no pose {name}. Choose another pose.", path=path, name=name))
    return target.actions[0]


def apply_pose(shot: Shot, action: bpy.types.Action, frame: float, amount: float) -> int:
    """Key a pose at a frame, and return the number of controls.

    The controls of the pose's groups that it does not name go to 0, and the detail of these parts of the face rests, so
    that the face is the pose and nothing else.

    amount: 0 keeps the present face, 1 is the whole pose; more exaggerates it.

    Raises InputError for a pose that moves no control of this head.
    """
    target, kinds = pose_values(action), {tag.name for tag in action.asset_data.tags}
    groups = VISEME_GROUPS if VISEME in kinds else EXPRESSION_GROUPS
    channels, present = control_names(shot), control_values(shot, frame)
    if target and not target.keys() & channels.keys():
        raise InputError(message("{pose} moves no control of this head. Learn the subject again.", pose=action.name))
    chosen = [name for name, channel in channels.items() if name in target or channel.curve.group in groups]
    values = {name: min(max(present[name] + amount * (target.get(name, 0.0) - present[name]), 0.0), 1.0)
              for name in chosen}
    changed = {name: value for name, value in values.items() if abs(value - present[name]) > 1e-4 or value > 1e-4}
    key_controls(shot, changed, frame)
    if amount >= 1:
        key_no_detail(shot, {layer_of(group) for group in groups}, frame)
    return len(changed)
