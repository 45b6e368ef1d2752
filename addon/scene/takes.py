"""Takes: every prediction of a speech, raw, on the head's muted NLA tracks.

A raw action has one key per sample, at frames 0, 1, 2, … whatever the rates are; its strip's start and scale put it in
time. So a take is exact, and neither another scene rate nor a moved speech touches it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import bpy
import numpy as np

from ..core.coordinates import scene_from_mm
from ..core.performance import Performance
from ..core.take_settings import TakeSettings
from ..core.tasks import SLICE_SECONDS
from . import compat
from .channels import Channel, channels_of, owner
from .controls import HeadroomTake, head_of
from .curves import points_of, write_curve
from .shot import Names, Shot, find_shot

PARTS = ("head", "expression")


def keeping_take(names: Names, performance: Performance, asked: TakeSettings) -> Iterator[float]:
    """Add a prediction as a take, the active one, in steps of `SLICE_SECONDS`, each giving the fraction done.

    A take of the same settings is replaced: the subject was learnt anew.
    """
    shot = find_shot(*names)
    uid = _begin(shot, asked)
    channels, until = channels_of(shot), time.monotonic() + SLICE_SECONDS
    for channel in channels:
        if time.monotonic() > until:
            yield channel.number / len(channels)
            shot, until = find_shot(*names), time.monotonic() + SLICE_SECONDS
        _write_raw(shot, find_take(shot.root, uid), channel, performance)
    _finish(shot, uid, performance)


def find_take(root: bpy.types.Object, uid: str) -> HeadroomTake | None:
    return next((take for take in head_of(root).takes if take.uid == uid), None)


def raw_values(shot: Shot, take: HeadroomTake, channel: Channel) -> np.ndarray | None:
    """What was predicted for a channel, (T,) float32 in the unit of its property; None when that was deleted."""
    action = getattr(take, channel.part)
    if action is None:
        return None
    curve = compat.channels(action, owner(shot, channel.part)).fcurves.find(channel.path, index=channel.index)
    if curve is None or len(curve.keyframe_points) == 0:
        return None
    return points_of(curve, "co")[:, 1]


def remove_take(shot: Shot, index: int) -> None:
    """Forget a take, its raw motion and its cuts; the one after it becomes active, or the one before."""
    head = head_of(shot.root)
    take = head.takes[index]
    for number in reversed(range(len(head.cuts))):
        if head.cuts[number].take == take.uid:
            head.cuts.remove(number)
    for part in PARTS:
        if getattr(take, part) is not None:
            _drop_raw(shot, part, getattr(take, part))
    head.takes.remove(index)
    active = head.active_take - (1 if index < head.active_take else 0)
    head.active_take = max(0, min(active, len(head.takes) - 1))


def place_raw(shot: Shot, start: float) -> None:
    """Lay the raw strips where the speech begins, at the scene's rate, so that they can be compared by eye."""
    for part in PARTS:
        data = owner(shot, part).animation_data
        rates = {getattr(take, part): take.fps for take in head_of(shot.root).takes}
        for strip in (strip for track in data.nla_tracks for strip in track.strips if strip.action in rates):
            scale = shot.fps / rates[strip.action]
            if abs(strip.scale - scale) > 1e-6:
                strip.scale = scale
            if abs(strip.frame_start - start) > 1e-4:
                strip.frame_start_ui = start


def _begin(shot: Shot, asked: TakeSettings) -> str:
    """An unfinished take, as which it has no samples."""
    takes, facts = head_of(shot.root).takes, (str(asked.speech), asked.seed, asked.pose)
    take = next((each for each in takes if (each.speech, each.seed, each.pose) == facts), None)
    if take is None:
        number = 1 + max((each.number for each in takes), default=0)
        take = takes.add()
        take.name, take.number = f"Take {number} ({asked})", number
        take.speech, take.seed, take.pose = facts
    earlier, take.uid, take.samples = take.uid, uuid.uuid4().hex, 0
    for cut in head_of(shot.root).cuts:  # what plays the take goes on playing it
        if cut.take == earlier:
            cut.take = take.uid
    for part in PARTS:
        if getattr(take, part) is not None:
            _drop_raw(shot, part, getattr(take, part))
        setattr(take, part, bpy.data.actions.new(f"{shot.face.name} {take.name} {part.title()}"))
    return take.uid


def _write_raw(shot: Shot, take: Any, channel: Channel, performance: Performance) -> None:
    bag = compat.channels(getattr(take, channel.part), owner(shot, channel.part))
    values = _predicted(shot, channel, performance)
    write_curve(bag, channel.path, np.arange(len(values)), values, channel.index, channel.group)


def _predicted(shot: Shot, channel: Channel, performance: Performance) -> np.ndarray:
    """One channel of a performance (T,) in the unit of its property."""
    if channel.path == "rotation_euler":
        return performance.rotation[:, channel.index]
    if channel.path == "location":
        return scene_from_mm(performance.translation[:, channel.index])
    unit = np.float32(shot.root["headroom_key_units"][channel.mode])
    return performance.expression[:, channel.mode] / unit


def _finish(shot: Shot, uid: str, performance: Performance) -> None:
    head = head_of(shot.root)
    index = next(number for number, take in enumerate(head.takes) if take.uid == uid)
    take = head.takes[index]
    for part in PARTS:
        compat.lay_muted(owner(shot, part), getattr(take, part), take.name)
    take.fps, take.samples = performance.fps, len(performance)
    head.active_take = index


def _drop_raw(shot: Shot, part: str, action: bpy.types.Action) -> None:
    data = owner(shot, part).animation_data
    for track in list(data.nla_tracks) if data is not None else ():
        if any(strip.action == action for strip in track.strips):
            data.nla_tracks.remove(track)
    if action.users <= 1 + int(action.use_fake_user):  # the take's own pointer; a copied head may still play it
        bpy.data.actions.remove(action)
