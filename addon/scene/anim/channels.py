"""The animated channels of a head: its pose, its controls and its detail, in named groups of two actions.

An action that the add-on generates keys in is found by its custom property `headroom_generated`, so it may be renamed,
copied with the head, or moved to the NLA by *Push Down Action*.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import bpy
import numpy as np

from ...core.coordinates import scene_from_mm
from ...core.user_keys import GeneratedRecord
from .. import compat
from ..build.face import DETAIL
from ..build.shot import Shot
from .curves import CurvePath, find_curve

RECORDS = "headroom_generated"
"""Custom property of an action: channel number -> fields of its GeneratedRecord."""

Target = Literal["head", "expression"]
"""What an action animates: the pose of the face object, or its shape keys."""
TARGETS: tuple[Target, ...] = ("head", "expression")
LayerName = Literal["head", "mouth", "upper"]
Source = Literal["rotation", "translation", "controls", "detail"]


@dataclass(frozen=True)
class Channel:
    """One animated number.

    number: of the channel among those of its head; files store it.
    source: the array of a performance that has its values.
    index: its column in that array.
    layer: the layer of controls that plays it.
    curve: its F-curve.
    offset_control: the control that is added to it; "" for none.
    unit: coefficients of the face model per unit of a detail key; 1 for the others.
    key_error: the default error of its sparse keys, in its property's unit; 0 for a channel with a key on every frame.
    """

    number: int
    source: Source
    index: int
    layer: LayerName
    curve: CurvePath
    offset_control: str = ""
    unit: float = 1.0
    key_error: float = 0.0

    @property
    def target(self) -> Target:
        """The action that has it."""
        return "head" if self.source in ("rotation", "translation") else "expression"


ROTATION_ERROR = math.radians(0.15)
POSITION_ERROR = float(scene_from_mm(0.3))
CONTROL_ERROR = 0.01
POSE_CHANNELS = (
    *(Channel(axis, "rotation", axis, "head", CurvePath("rotation_euler", axis, "Head Rotation"), "head_turn",
              key_error=ROTATION_ERROR) for axis in range(3)),
    *(Channel(3 + axis, "translation", axis, "head", CurvePath("location", axis, "Head Position"), "head_shift",
              key_error=POSITION_ERROR) for axis in range(3)))
UPPER_GROUPS = ("Eyes", "Gaze", "Brows")
"""Parts of the face that the upper layer plays; the mouth's layer plays the others."""
OFFSET_CONTROLS = {"Mouth": ("mouth_open",), "Eyes": ("lids_open",), "Gaze": ("gaze_left", "gaze_up"),
                   "Brows": ("brows_raise",)}
"""Region -> the controls that are added to its first detail keys."""


def channels_of(shot: Shot) -> tuple[Channel, ...]:
    """Return the channels of the pose, of the controls and of the detail; shape keys that are gone have none."""
    return (*POSE_CHANNELS, *control_channels(shot), *detail_channels(shot))


def control_channels(shot: Shot) -> list[Channel]:
    """Return the channels of the controls."""
    keys, root = shot.face.data.shape_keys.key_blocks, shot.root
    first = len(POSE_CHANNELS) + len(root["headroom_regions"])  # detail has the numbers that it always had
    return [Channel(first + index, "controls", index, layer_of(group), CurvePath(keys[name].path_from_id("value"),
                                                                             group=group), key_error=CONTROL_ERROR)
            for index, (name, group) in enumerate(zip(root["headroom_control_keys"], root["headroom_control_groups"]))
            if name in keys]


def detail_channels(shot: Shot) -> list[Channel]:
    """Return the channels of the detail."""
    keys, root = shot.face.data.shape_keys.key_blocks, shot.root
    has_controls = len(root["headroom_control_keys"]) > 0
    unused = {region: list(names) for region, names in OFFSET_CONTROLS.items()}
    channels = []
    for index, (name, region, unit) in enumerate(zip(
            root["headroom_detail_keys"], root["headroom_regions"], root["headroom_key_units"])):
        offsets = unused.get(region)
        offset = offsets.pop(0) if offsets else ""
        if name in keys:
            curve = CurvePath(keys[name].path_from_id("value"), group=DETAIL if has_controls else region)
            channels.append(Channel(len(POSE_CHANNELS) + index, "detail", index, layer_of(region), curve, offset,
                                    float(unit)))
    return channels


def layer_of(group: str) -> LayerName:
    """Return the layer that plays a group of controls, or a region of the face."""
    return "upper" if group in UPPER_GROUPS else "mouth"


def animated_id(shot: Shot, target: Target) -> Any:
    """Return the data-block that an action of this target animates."""
    return shot.face if target == "head" else shot.face.data.shape_keys


def find_action(shot: Shot, target: Target) -> bpy.types.Action | None:
    """Return the action with the generated keys, assigned or pushed down to the NLA; None before the first take."""
    data = animated_id(shot, target).animation_data
    if data is None:
        return None
    actions = [data.action, *(strip.action for track in data.nla_tracks for strip in track.strips)]
    return next((action for action in actions if action is not None and RECORDS in action), None)


def channel_curve(shot: Shot, channel: Channel) -> bpy.types.FCurve | None:
    """Return the curve of a channel in that action; None before the first take, or where it was deleted."""
    action = find_action(shot, channel.target)
    if action is None:
        return None
    return find_curve(compat.channels(action, animated_id(shot, channel.target)), channel.curve)


def ensure_action(shot: Shot, target: Target) -> bpy.types.Action:
    """Return that action, made and assigned when missing; an artist's own action moves to a muted NLA track."""
    existing = find_action(shot, target)
    if existing is not None:
        return existing
    owner, title = animated_id(shot, target), "Head Pose" if target == "head" else "Expression"
    compat.stash_action(owner)
    action = compat.new_action(owner, f"{shot.face.name} {title}")
    action[RECORDS] = {}
    return action


def read_record(action: bpy.types.Action, channel: Channel) -> GeneratedRecord | None:
    """Return the record of a channel's generated keys; None before the first ones."""
    stored: Any = action[RECORDS].get(str(channel.number))
    if stored is None:
        return None
    return GeneratedRecord(
        stored["start"], stored["fps"], stored["first"], np.array(stored["values"], dtype=np.float32),
        np.array(stored.get("handles", ()), dtype=np.float32).reshape(-1, 4),
        np.array(stored["deleted"], dtype=np.int32), _residual(stored), stored["composed_from"])


def read_composed_from(action: bpy.types.Action, channel: Channel) -> str:
    """Return `composed_from` of the record; the arrays are not read, because this is called at every update."""
    stored: Any = action[RECORDS].get(str(channel.number))
    return "" if stored is None else stored["composed_from"]


def read_residual(action: bpy.types.Action, channel: Channel) -> np.ndarray:
    """Return `residual` of the record alone; empty before the first keys."""
    stored: Any = action[RECORDS].get(str(channel.number))
    return _residual(stored if stored is not None else {})


def mark_out_of_date(action: bpy.types.Action, channel: Channel) -> None:
    """Make a channel that was composed be composed again."""
    stored: Any = action[RECORDS].get(str(channel.number))
    if stored is not None and stored["composed_from"]:
        stored["composed_from"] = ""


def _residual(stored: Any) -> np.ndarray:
    return np.array(stored.get("residual", ()), dtype=np.float32)


def write_record(action: bpy.types.Action, channel: Channel, record: GeneratedRecord) -> None:
    """Store the record of a channel's generated keys."""
    action[RECORDS][str(channel.number)] = {
        "start": float(record.start), "fps": float(record.fps), "first": int(record.first),
        "values": np.ascontiguousarray(record.values, dtype=np.float32),
        "handles": np.ascontiguousarray(record.handles, dtype=np.float32).ravel(),
        "deleted": np.ascontiguousarray(record.deleted, dtype=np.int32),
        "residual": np.ascontiguousarray(record.residual, dtype=np.float32), "composed_from": record.composed_from}
