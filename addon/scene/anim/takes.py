"""Takes: every prediction of a speech, stored raw on muted NLA tracks of the head.

A raw action has one key per sample at frames 0, 1, 2, …, whatever the rates are; start and scale of its strip put it
in time. So neither another scene rate nor a moved speech changes a take.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...core.coordinates import scene_from_mm
from ...core.errors import HeadroomError
from ...core.performance import Performance
from ...core.phones import text_of_phones
from ...core.take_settings import TakeSettings
from ...core.tasks import SLICE_SECONDS
from ...core.words import Word
from .. import compat
from ..build.shot import Shot, ShotRef, find_shot
from .channels import TARGETS, Channel, Source, Target, animated_id, channels_of
from .controls import HeadroomTake, head_of
from .curves import find_curve, points_of, write_curve

TRANSCRIPT = "Transcript"
"""The name of the text with what a head says."""


def add_take(ref: ShotRef, performance: Performance, settings: TakeSettings) -> Iterator[float]:
    """Add a prediction as a take and make it active, in steps of `SLICE_SECONDS`; yields the fraction done.

    A take of the same settings is replaced, because the subject was learned again. Nothing of the head changes before
    everything is written, so closing the iterator leaves all as it was.
    """
    shot = find_shot(ref)
    label = f"Take {_number(shot, settings)} ({settings})"
    names = {target: bpy.data.actions.new(f"{shot.face.name} {label} {target.title()}").name for target in TARGETS}
    try:
        channels, slice_end = channels_of(shot), time.monotonic() + SLICE_SECONDS
        values = _values_of(shot, performance)
        for number, channel in enumerate(channels):
            if time.monotonic() > slice_end:
                yield number / len(channels)
                shot, slice_end = find_shot(ref), time.monotonic() + SLICE_SECONDS
            _write_raw(shot, _new_action(names[channel.target]), channel, values[channel.source][:, channel.index])
        _add_entry(shot, settings, {target: _new_action(name) for target, name in names.items()}, performance)
    except BaseException:
        for name in names.values():
            with suppress(HeadroomError):
                bpy.data.actions.remove(_new_action(name))
        raise


def find_take(root: bpy.types.Object, uid: str) -> HeadroomTake | None:
    """Return the take of that identifier."""
    return next((take for take in head_of(root).takes if take.uid == uid), None)


def raw_values(shot: Shot, take: HeadroomTake, channel: Channel) -> np.ndarray | None:
    """Return the prediction of a channel, (T,) float32 in the unit of its property; None when it was deleted."""
    action = getattr(take, channel.target)
    if action is None:
        return None
    curve = find_curve(compat.channels(action, animated_id(shot, channel.target)), channel.curve)
    if curve is None or len(curve.keyframe_points) == 0:
        return None
    return points_of(curve, "co")[:, 1]


def remove_take(shot: Shot, index: int) -> None:
    """Remove a take, its raw motion and its cuts; the next take becomes active, or the one before."""
    head = head_of(shot.root)
    take = head.takes[index]
    for number in reversed(range(len(head.cuts))):
        if head.cuts[number].take == take.uid:
            head.cuts.remove(number)
    for target in TARGETS:
        if getattr(take, target) is not None:
            _remove_raw(shot, target, getattr(take, target))
    head.takes.remove(index)
    active = head.active_take - (1 if index < head.active_take else 0)
    head.active_take = max(0, min(active, len(head.takes) - 1))


def align_raw_strips(shot: Shot, start: float) -> None:
    """Move the raw NLA strips to the speech's start and scale them to the scene's rate, for comparing takes."""
    for target in TARGETS:
        data = animated_id(shot, target).animation_data
        rates = {getattr(take, target): take.fps for take in head_of(shot.root).takes}
        for strip in (strip for track in data.nla_tracks for strip in track.strips if strip.action in rates):
            scale = shot.fps / rates[strip.action]
            if abs(strip.scale - scale) > 1e-6:
                strip.scale = scale
            if abs(strip.frame_start - start) > 1e-4:
                strip.frame_start_ui = start


def _take_of(shot: Shot, settings: TakeSettings) -> HeadroomTake | None:
    """Return the take of the same settings."""
    values = _stored(settings)
    return next((each for each in head_of(shot.root).takes
                 if all(getattr(each, name) == value for name, value in values.items())), None)


def _stored(settings: TakeSettings) -> dict[str, Any]:
    """Return the properties of the take of these settings."""
    return {"speech": str(settings.speech or ""), "seed": settings.seed, "pose": settings.pose,
            "imported": settings.imported, "mirrored": settings.mirrored}


def _number(shot: Shot, settings: TakeSettings) -> int:
    take = _take_of(shot, settings)
    return take.number if take else 1 + max((each.number for each in head_of(shot.root).takes), default=0)


def _new_action(name: str) -> bpy.types.Action:
    """Return an action that is being written, by name, because undo in between makes references stale."""
    action = bpy.data.actions.get(name)
    if action is None:
        raise HeadroomError("The take was undone while it was written. Perform again.")
    return action


def _values_of(shot: Shot, performance: Performance) -> dict[Source, np.ndarray]:
    """Return the arrays (T, C) of a performance from which the channels of a head take their columns."""
    controls, detail = performance.divided(shot.control_directions)
    return {"rotation": performance.rotation, "translation": scene_from_mm(performance.translation),
            "controls": controls, "detail": detail / np.array(shot.root["headroom_key_units"], dtype=np.float32)}


def _write_raw(shot: Shot, action: bpy.types.Action, channel: Channel, values: np.ndarray) -> None:
    bag = compat.channels(action, animated_id(shot, channel.target))
    write_curve(bag, channel.curve, np.arange(len(values)), values)


def _add_entry(shot: Shot, settings: TakeSettings, actions: Mapping[Target, bpy.types.Action],
               performance: Performance) -> None:
    """Add the written actions as a take, the active one, in place of a take of the same settings."""
    head, number = head_of(shot.root), _number(shot, settings)
    take = _take_of(shot, settings) or head.takes.add()
    take.name, take.number = f"Take {number} ({settings})", number
    for name, value in _stored(settings).items():
        setattr(take, name, value)
    old_uid, take.uid = take.uid, uuid.uuid4().hex
    for cut in head.cuts:
        if old_uid and cut.take == old_uid:
            cut.take = take.uid
    for target, action in actions.items():
        if getattr(take, target) is not None:
            _remove_raw(shot, target, getattr(take, target))
        setattr(take, target, action)
        action.name = f"{shot.face.name} {take.name} {target.title()}"
        compat.add_muted_track(animated_id(shot, target), action, take.name)
    take.fps, take.samples = performance.fps, len(performance)
    take.phones = text_of_phones(performance.phones)
    set_words(take, performance.words or _known_words(head.takes, take))
    take.detail_share = performance.detail_share if len(shot.root["headroom_control_keys"]) else 1.0
    head.active_take = next(index for index, each in enumerate(head.takes) if each.uid == take.uid)


def set_words(take: HeadroomTake, words: Sequence[Word]) -> None:
    """Store the words of a take's speech."""
    take.words.clear()
    for word in words:
        stored = take.words.add()
        stored.name, stored.first_seconds, stored.last_seconds, stored.confidence = word


def words_of(take: HeadroomTake) -> list[Word]:
    """Return the words of a take's speech; none before a transcript was aligned."""
    return [Word(word.name, word.first_seconds, word.last_seconds, word.confidence) for word in take.words]


def set_transcript(shot: Shot, transcript: str) -> None:
    """Store what the head says as the text of the panel."""
    head = head_of(shot.root)
    head.transcript = head.transcript or bpy.data.texts.new(TRANSCRIPT)
    head.transcript.from_string(transcript)


def transcript_of(shot: Shot, speech: Path) -> str:
    """Return the head's transcript where a take of this speech has its words; otherwise an empty text."""
    head = head_of(shot.root)
    of_speech = any(take.words and take.speech and Path(bpy.path.abspath(take.speech)) == speech for take in head.takes)
    return head.transcript.as_string() if head.transcript is not None and of_speech else ""


def _known_words(takes: Iterable[HeadroomTake], take: HeadroomTake) -> list[Word]:
    """Return the words that another take of the same speech has."""
    return next((words_of(other) for other in takes if other.words and take.speech and other.speech == take.speech), [])


def _remove_raw(shot: Shot, target: Target, action: bpy.types.Action) -> None:
    """Remove a raw action and its NLA track."""
    data = animated_id(shot, target).animation_data
    for track in list(data.nla_tracks) if data is not None else ():
        if any(strip.action == action for strip in track.strips):
            data.nla_tracks.remove(track)
    if action.users <= 1 + int(action.use_fake_user):  # only the take's own pointer: no copied head plays it
        bpy.data.actions.remove(action)
