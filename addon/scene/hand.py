"""The animator's own keys: counted, claimed, and given back to the prediction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import bpy
import numpy as np

from ..core.edits import Written
from . import compat
from .channels import Channel, channels_of, find_action, owner, read_record, write_record
from .compose import animators_keys, compose
from .curves import Keys, enum, read_keys, write_keys
from .shot import Shot


def own_key_count(shot: Shot, channel: Channel) -> int:
    """How many keys of one channel are the animator's; frames they cleared count too."""
    found = _channel(shot, channel)
    if found is None:
        return 0
    own, removed = animators_keys(read_keys(found[1]), found[2])
    return len(own) + len(removed)


def claim_selected(shot: Shot) -> int:
    """Make the selected generated keys the animator's, as if they had been moved; returns how many."""
    total = 0
    for _, curve, _ in _keyed(shot):
        keys = read_keys(curve)
        chosen = keys.fields["select_control_point"] & (keys.fields["type"] == enum("type", "GENERATED"))
        if chosen.any():
            keys.fields["type"][chosen] = enum("type", "KEYFRAME")
            curve.keyframe_points.foreach_set("type", keys.fields["type"])
            curve.update()
            total += int(chosen.sum())
    return total


def lead_up(shot: Shot) -> int:
    """Lead the generated keys up to the animator's now, on every channel that has some; returns how many have."""
    total = 0
    for channel, curve, written in _keyed(shot):
        if len(animators_keys(read_keys(curve), written)[0]):
            write_record(find_action(shot, channel.part), channel, replace(written, made_with=""))
            total += 1
    compose(shot)
    return total


def clear_edits(shot: Shot, selected: bool) -> int:
    """Give the animator's keys and cleared frames back to the prediction; returns how many.

    selected: only selected keys, and frames that lie between the first and the last selected key of their channel.
    """
    total = 0
    for channel, curve, written in _keyed(shot):
        keys = read_keys(curve)
        own, removed = animators_keys(keys, written)
        marked = keys.frames[keys.fields["select_control_point"]]
        let_go, back = np.ones(len(own), dtype=bool), np.ones(len(removed), dtype=bool)
        if selected:
            let_go = own.fields["select_control_point"]
            back = (removed >= marked.min(initial=np.inf)) & (removed <= marked.max(initial=-np.inf))
        if let_go.any() or back.any():
            total += int(let_go.sum() + back.sum())
            _give_back(shot, channel, curve, written, keys, own[~let_go], removed[~back])
    compose(shot)
    return total


def _give_back(shot: Shot, channel: Channel, curve: bpy.types.FCurve, written: Written, keys: Keys, own: Keys,
               removed: np.ndarray) -> None:
    """Keep of a channel's keys only `own`, of its cleared frames only `removed`; it has to be made anew."""
    write_keys(curve, own.claimed(), keys)
    action = find_action(shot, channel.part)
    write_record(action, channel, replace(written, values=np.full(len(written.values), np.nan, np.float32),
                                          removed=removed, made_with=""))


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
