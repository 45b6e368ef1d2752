"""The animator's own keys: counted, claimed, and given back to the prediction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import bpy
import numpy as np

from ...core.user_keys import Written
from .. import compat
from ..build.shot import Shot
from .channels import Channel, channels_of, find_action, owner, read_record, write_record
from .compose import animators
from .curves import enum, read_keys, read_marks, write_keys


def own_key_count(shot: Shot, channel: Channel) -> int:
    """How many keys of one channel are the animator's; frames they cleared count too."""
    found = _channel(shot, channel)
    if found is None:
        return 0
    mine, removed = animators(read_marks(found[1]), found[2])
    return int(mine.sum()) + len(removed)


def claim_selected(shot: Shot) -> int:
    """Make the selected generated keys the animator's, as if they had been moved; returns how many."""
    total = 0
    for _, curve, _ in _keyed(shot):
        chosen, kinds = _selected(curve), np.empty(len(curve.keyframe_points), dtype=np.int32)
        curve.keyframe_points.foreach_get("type", kinds)
        chosen &= kinds == enum("type", "GENERATED")
        if chosen.any():
            kinds[chosen] = enum("type", "KEYFRAME")
            curve.keyframe_points.foreach_set("type", kinds)
            curve.update()
            total += int(chosen.sum())
    return total


def lead_up(shot: Shot) -> int:
    """Have every channel with keys of the animator composed anew, and so led up to them; returns how many have."""
    total = 0
    for channel, curve, written in _keyed(shot):
        if animators(read_marks(curve), written)[0].any():
            write_record(find_action(shot, channel.part), channel, replace(written, made_with=""))
            total += 1
    return total


def clear_edits(shot: Shot, selected: bool) -> int:
    """Take away the animator's keys and clearings, so that composing brings the prediction back; returns how many.

    selected: only selected keys, and frames that lie between the first and the last selected key of their channel.
    """
    total = 0
    for channel, curve, written in _keyed(shot):
        marks = read_marks(curve)
        mine, removed = animators(marks, written)
        let_go, back = mine, np.ones(len(removed), dtype=bool)
        if selected:
            marked = marks.frames[_selected(curve)]
            let_go = mine & _selected(curve)
            back = (removed >= marked.min(initial=np.inf)) & (removed <= marked.max(initial=-np.inf))
        if let_go.any() or back.any():
            total += int(let_go.sum() + back.sum())
            _give_back(shot, channel, curve, written, mine & ~let_go, removed[~back])
    return total


def _give_back(shot: Shot, channel: Channel, curve: bpy.types.FCurve, written: Written, own: np.ndarray,
               removed: np.ndarray) -> None:
    """Keep of a channel's keys only `own` (K,) bool, of its cleared frames only `removed`; it has to be made anew."""
    write_keys(curve, read_keys(curve)[own].claimed())
    action = find_action(shot, channel.part)
    write_record(action, channel, replace(written, values=np.full(len(written.values), np.nan, np.float32),
                                          removed=removed, made_with=""))


def _selected(curve: bpy.types.FCurve) -> np.ndarray:
    """Which keys (K,) bool are selected."""
    chosen = np.empty(len(curve.keyframe_points), dtype=np.bool_)
    curve.keyframe_points.foreach_get("select_control_point", chosen)
    return chosen


def _keyed(shot: Shot) -> Iterator[tuple[Channel, bpy.types.FCurve, Written]]:
    """Every channel that was composed, with its curve and its record."""
    for channel in channels_of(shot):
        found = _channel(shot, channel)
        if found is not None:
            yield found


def _channel(shot: Shot, channel: Channel) -> tuple[Channel, bpy.types.FCurve, Written] | None:
    action = find_action(shot, channel.part)
    written = read_record(action, channel) if action is not None else None
    if written is None:
        return None
    bag = compat.channels(action, owner(shot, channel.part))
    curve = bag.fcurves.find(channel.path, index=channel.index)
    return None if curve is None else (channel, curve, written)
