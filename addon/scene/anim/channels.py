"""The animated channels of a head: six of its pose, then one per shape key, in named groups of two actions.

An action that the add-on made is known by a custom property, so it is found again after a rename, a copy of the head,
or *Push Down Action*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ...core.user_keys import Written
from .. import compat
from ..build.face import expression_keys
from ..build.shot import Shot

RECORDS = "headroom_written"


@dataclass(frozen=True)
class Channel:
    """One number over time. `part` is head or expression (its action); `layer` is what dials it: head, mouth, upper.

    offset: the control of the head that is added to it; "" for none.
    """

    number: int
    part: str
    layer: str
    path: str
    index: int
    group: str
    offset: str = ""

    @property
    def mode(self) -> int:
        """Which of the rig's expression channels it is; negative for the pose."""
        return self.number - len(HEAD)


HEAD = tuple(Channel(axis, "head", "head", "rotation_euler", axis, "Head Rotation", "head_turn") for axis in range(3)
             ) + tuple(Channel(3 + axis, "head", "head", "location", axis, "Head Position", "head_shift")
                       for axis in range(3))
OFFSETS = {"Mouth": ("mouth_open",), "Eyes": ("lids_open",), "Gaze": ("look_left", "look_up"),
           "Brows": ("brows_raise",)}
"""Region -> the controls that are added to its first shape keys."""


def channels_of(shot: Shot) -> tuple[Channel, ...]:
    """Pose first, then expression in the rig's order; shape keys that an artist deleted are left out at the end."""
    offsets, expression = {region: list(names) for region, names in OFFSETS.items()}, []
    for number, (key, region) in enumerate(zip(expression_keys(shot.face), map(str, shot.root["headroom_regions"]))):
        waiting = offsets.get(region)
        expression.append(Channel(len(HEAD) + number, "expression", "mouth" if region == "Mouth" else "upper",
                                  key.path_from_id("value"), 0, region, waiting.pop(0) if waiting else ""))
    return HEAD + tuple(expression)


def owner(shot: Shot, part: str) -> Any:
    """The data-block that a part animates."""
    return shot.face if part == "head" else shot.face.data.shape_keys


def find_action(shot: Shot, part: str) -> bpy.types.Action | None:
    """The action that holds a part's working keys, assigned or pushed down to the NLA; None before the first take."""
    data = owner(shot, part).animation_data
    if data is None:
        return None
    candidates = [data.action, *(strip.action for track in data.nla_tracks for strip in track.strips)]
    return next((action for action in candidates if action is not None and RECORDS in action), None)


def ensure_action(shot: Shot, part: str) -> bpy.types.Action:
    """The same, made and assigned when missing; an animator's own action is kept on a muted NLA track."""
    found = find_action(shot, part)
    if found is not None:
        return found
    on, title = owner(shot, part), "Head Pose" if part == "head" else "Expression"
    compat.stash_action(on)
    action = compat.new_action(on, f"{shot.face.name} {title}")
    action[RECORDS] = {}
    return action


def read_record(action: bpy.types.Action, channel: Channel) -> Written | None:
    """What was last written on a channel; None when nothing was."""
    record: Any = action[RECORDS].get(str(channel.number))
    if record is None:
        return None
    return Written(record["start"], record["fps"], record["first"], np.array(record["values"], dtype=np.float32),
                   np.array(record["removed"], dtype=np.int32), record["made_with"])


def made_with(action: bpy.types.Action, channel: Channel) -> str:
    """`made_with` of the record without the arrays, for this is asked often."""
    record: Any = action[RECORDS].get(str(channel.number))
    return "" if record is None else record["made_with"]


def write_record(action: bpy.types.Action, channel: Channel, written: Written) -> None:
    action[RECORDS][str(channel.number)] = {
        "start": float(written.start), "fps": float(written.fps), "first": int(written.first),
        "values": np.ascontiguousarray(written.values, dtype=np.float32),
        "removed": np.ascontiguousarray(written.removed, dtype=np.int32), "made_with": written.made_with}
