"""The turns of a conversation: what a person says is in the sound strips of one channel of the sequencer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy

from ...core.errors import InputError
from ...core.files import atomic_write
from ...core.messages import message
from .. import compat
from ..build.shot import Shot, ShotRef, find_shot
from .controls import head_of
from .strips import speech_strip


def turns_channel(shot: Shot) -> int:
    """Return the channel with what a head says, otherwise that of its speech strip; 0 for a head that only listens."""
    channel, strip = head_of(shot.root).channel, speech_strip(shot)
    return channel or (strip.channel if strip is not None else 0)


def place_turn(shot: Shot, speech: Path, channel: int, start_frame: int) -> None:
    """Add a sound strip with what a head says, in a channel that becomes its own."""
    if not compat.plays_sound():
        raise InputError("This Blender has no sound. Use another build of Blender.")
    compat.new_strip(shot.scene, "SOUND", f"{shot.root.name} {speech.stem}", speech, channel, start_frame)
    head_of(shot.root).channel = channel


def turn_strips(shot: Shot) -> list[Any]:
    """Return the sound strips with what a head says; muted ones are not said."""
    channel = turns_channel(shot)
    if not channel or shot.scene.sequence_editor is None:
        return []
    return [strip for strip in compat.strips_of(shot.scene)
            if strip.type == "SOUND" and strip.channel == channel and not strip.mute]


def conversation_span(shots: Sequence[Shot]) -> tuple[int, int]:
    """Return the first frame of the turns of all heads and the one after the last.

    Raises InputError where nobody says anything, or two heads have the same channel.
    """
    channels = [channel for channel in map(turns_channel, shots) if channel]
    for channel in channels:
        if channels.count(channel) > 1:
            raise InputError(message("Channel {channel} is that of several heads. Give each a channel of its own.",
                                     channel=channel))
    spans = [compat.strip_span(strip) for shot in shots for strip in turn_strips(shot)]
    if not spans:
        raise InputError("No head has sound strips in its channel. Set the channel of each head under Conversation.")
    return min(first for first, _ in spans), max(end for _, end in spans)


def write_track(ref: ShotRef, first: int, end: int, path: Path) -> Iterator[None]:
    """Write what a head says from frame `first` to `end` - 1 as a WAV file, with silence between its turns.

    Yields while Blender mixes it. Volume, trimming, fades and everything else of the strips is heard in it.
    """
    with atomic_write(path) as temporary, _only_heard(find_shot(ref)):
        try:
            yield from compat.mix_down(find_shot(ref).scene, first, end, temporary)
        except RuntimeError as error:
            raise InputError(message("Blender cannot mix the turns of {shot}: {error}. Check the strips in its "
                                     "channel.", shot=ref.root, error=str(error).strip())) from error


@contextmanager
def _only_heard(shot: Shot) -> Iterator[None]:
    """Mute all strips but a head's turns, and no channel, until the block ends; an undo step may lie between."""
    scene, turns = shot.scene.name, turn_strips(shot)
    muted = [{each.name: each.mute for each in group} for group in _mutable(shot.scene)]
    channels, strips = _mutable(shot.scene)
    for channel in channels:
        channel.mute = False
    for strip in strips:
        strip.mute = strip not in turns
    try:
        yield
    finally:
        if scene in bpy.data.scenes:
            for before, group in zip(muted, _mutable(bpy.data.scenes[scene])):
                for each in group:
                    each.mute = before.get(each.name, each.mute)


def _mutable(scene: bpy.types.Scene) -> tuple[list[Any], list[Any]]:
    """Return the channels and the strips of a scene."""
    editor: Any = scene.sequence_editor
    return list(editor.channels), list(compat.strips_of(scene))
