"""Takes: every prediction of a speech, raw, on the head's muted NLA tracks.

A raw action has one key per sample, at frames 0, 1, 2, … whatever the rates are; its strip's start and scale put it in
time. So a take is exact, and neither another scene rate nor a moved speech touches it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import suppress

import bpy
import numpy as np

from ...core.coordinates import scene_from_mm
from ...core.errors import HeadroomError
from ...core.performance import Performance
from ...core.take_settings import TakeSettings
from ...core.tasks import SLICE_SECONDS
from .. import compat
from ..build.shot import Names, Shot, find_shot
from .channels import Channel, channels_of, owner
from .controls import HeadroomTake, head_of
from .curves import points_of, write_curve

PARTS = ("head", "expression")


def keeping_take(names: Names, performance: Performance, asked: TakeSettings) -> Iterator[float]:
    """Add a prediction as a take, the active one, in steps of `SLICE_SECONDS`, each giving the fraction done.

    A take of the same settings is replaced: the subject was learnt anew. Nothing that the head has is touched before
    everything is written, so giving up in between leaves all as it was.
    """
    shot = find_shot(*names)
    label = f"Take {_number(shot, asked)} ({asked})"
    fresh = {part: bpy.data.actions.new(f"{shot.face.name} {label} {part.title()}").name for part in PARTS}
    try:
        channels, until = channels_of(shot), time.monotonic() + SLICE_SECONDS
        for channel in channels:
            if time.monotonic() > until:
                yield channel.number / len(channels)
                shot, until = find_shot(*names), time.monotonic() + SLICE_SECONDS
            _write_raw(shot, _action(fresh[channel.part]), channel, performance)
        _finish(shot, asked, {part: _action(name) for part, name in fresh.items()}, performance)
    except BaseException:
        for name in fresh.values():
            with suppress(HeadroomError):
                bpy.data.actions.remove(_action(name))
        raise


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


def _known(shot: Shot, asked: TakeSettings) -> HeadroomTake | None:
    """The take that was made with the same settings."""
    facts = (str(asked.speech), asked.seed, asked.pose)
    return next((each for each in head_of(shot.root).takes if (each.speech, each.seed, each.pose) == facts), None)


def _number(shot: Shot, asked: TakeSettings) -> int:
    known = _known(shot, asked)
    return known.number if known else 1 + max((each.number for each in head_of(shot.root).takes), default=0)


def _action(name: str) -> bpy.types.Action:
    """An action of a take that is being written."""
    action = bpy.data.actions.get(name)
    if action is None:
        raise HeadroomError("The take was undone while it was written. Perform again.")
    return action


def _write_raw(shot: Shot, action: bpy.types.Action, channel: Channel, performance: Performance) -> None:
    bag = compat.channels(action, owner(shot, channel.part))
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


def _finish(shot: Shot, asked: TakeSettings, actions: dict[str, bpy.types.Action], performance: Performance) -> None:
    """Make the written actions a take, the active one, in place of the one that it repeats."""
    head, number = head_of(shot.root), _number(shot, asked)
    take = _known(shot, asked) or head.takes.add()
    take.name, take.number = f"Take {number} ({asked})", number
    take.speech, take.seed, take.pose = str(asked.speech), asked.seed, asked.pose
    earlier, take.uid = take.uid, uuid.uuid4().hex
    for cut in head.cuts:  # what plays the take goes on playing it
        if earlier and cut.take == earlier:
            cut.take = take.uid
    for part, action in actions.items():
        if getattr(take, part) is not None:
            _drop_raw(shot, part, getattr(take, part))
        setattr(take, part, action)
        action.name = f"{shot.face.name} {take.name} {part.title()}"
        compat.lay_muted(owner(shot, part), action, take.name)
    take.fps, take.samples = performance.fps, len(performance)
    head.active_take = next(index for index, each in enumerate(head.takes) if each.uid == take.uid)


def _drop_raw(shot: Shot, part: str, action: bpy.types.Action) -> None:
    data = owner(shot, part).animation_data
    for track in list(data.nla_tracks) if data is not None else ():
        if any(strip.action == action for strip in track.strips):
            data.nla_tracks.remove(track)
    if action.users <= 1 + int(action.use_fake_user):  # the take's own pointer; a copied head may still play it
        bpy.data.actions.remove(action)
