"""Keys of face controls and head pose that the artist sets through poses and the control board."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import bpy
import numpy as np

from .. import compat
from ..build.shot import Shot
from .channels import (
    POSE_CHANNELS,
    Channel,
    LayerName,
    animated_id,
    channel_curve,
    control_channels,
    detail_channels,
    find_action,
    mark_out_of_date,
)
from .curves import CurvePath, ensure_curve, sample_curve


def control_names(shot: Shot) -> dict[str, Channel]:
    """Return name -> channel of the controls of a head; none for a head of an older version."""
    names = shot.root["headroom_control_keys"]
    return {names[channel.index]: channel for channel in control_channels(shot)}


def control_values(shot: Shot, frame: float) -> dict[str, float]:
    """Return name -> value of every control at a frame: of its curve, or as it is set where it has none."""
    keys = shot.face.data.shape_keys
    return {name: _value(shot, channel, keys.key_blocks[name].value, frame)
            for name, channel in control_names(shot).items()}


def set_controls(shot: Shot, values: Mapping[str, float]) -> None:
    """Show controls at other values, without keys."""
    blocks = shot.face.data.shape_keys.key_blocks
    for name, value in values.items():
        blocks[name].value = value


def key_controls(shot: Shot, values: Mapping[str, float], frame: float) -> None:
    """Set user keys of controls at a frame; generated keys around them blend to them when the head is composed."""
    set_controls(shot, values)
    channels = control_names(shot)
    for name, value in values.items():
        _set_key(shot, channels[name], value, frame)


def key_pose(shot: Shot, frame: float, axes: Iterable[int]) -> None:
    """Set user keys of the head's present pose at a frame, for some `axes` of `POSE_CHANNELS`."""
    for axis in axes:
        channel = POSE_CHANNELS[axis]
        _set_key(shot, channel, getattr(shot.face, channel.curve.data_path)[channel.curve.array_index], frame)


def key_no_detail(shot: Shot, layers: Iterable[LayerName], frame: float) -> None:
    """Set user keys at 0 of the detail of some layers, so that the controls alone make the face at a frame."""
    chosen = set(layers)
    for channel in detail_channels(shot):
        if channel.layer in chosen and channel.curve.group != "Gaze":
            _set_key(shot, channel, 0.0, frame)


def _value(shot: Shot, channel: Channel, present: float, frame: float) -> float:
    curve = channel_curve(shot, channel)
    return present if curve is None else float(sample_curve(curve, np.array([frame]))[0])


def _set_key(shot: Shot, channel: Channel, value: float, frame: float) -> None:
    """Set a key of the type that Blender's auto keying sets; a head without a take gets an action of the artist's."""
    owner, action = animated_id(shot, channel.target), find_action(shot, channel.target)
    if action is None:
        _own_curve(owner, channel.curve).keyframe_points.insert(frame, value)
        return
    curve = ensure_curve(compat.channels(action, owner), channel.curve)
    point = curve.keyframe_points.insert(frame, value, options={"FAST"})
    point.type = shot.scene.tool_settings.keyframe_type
    point.interpolation = "BEZIER"
    point.handle_left_type = point.handle_right_type = "AUTO_CLAMPED"
    curve.update()
    mark_out_of_date(action, channel)


def _own_curve(owner: Any, path: CurvePath) -> bpy.types.FCurve:
    action = compat.new_action(owner, f"{owner.name} Pose")
    return ensure_curve(compat.channels(action, owner), path)
