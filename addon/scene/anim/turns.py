"""The turns of a conversation: what a person says is in the sound strips of one channel of the sequencer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
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

MIX = "headroom_mix"
"""The custom property of a copy of a scene from which turns are mixed."""


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


def mix_turns(ref: ShotRef, first: int, end: int, path: Path) -> Iterator[None]:
    """Write what a head says from frame `first` to `end` - 1 as a WAV file, with silence between its turns.

    Yields while Blender mixes it. Volume, trimming, fades and everything else of the strips is heard in it.
    """
    with atomic_write(path) as temporary, _only_heard(find_shot(ref), first, end) as scene:
        try:
            yield from compat.mix_down(scene, temporary)
        except RuntimeError as error:
            raise InputError(message("Blender cannot mix the turns of {shot}: {error}. Check the strips in its "
                                     "channel.", shot=ref.root, error=str(error).strip())) from error


@contextmanager
def _only_heard(shot: Shot, first: int, end: int) -> Iterator[bpy.types.Scene]:
    """Return a copy of a shot's scene without objects, in which a head's turns alone are heard, until the block ends.

    The artist may save, render or change the scene meanwhile.
    """
    heard = {strip.name for strip in turn_strips(shot)}
    scene = shot.scene.copy()
    scene[MIX], name = True, scene.name
    for shown in (scene.collection.objects, scene.collection.children):
        for each in list(shown):
            shown.unlink(each)
    scene.frame_start, scene.frame_end = first, end - 1
    for strip in compat.strips_of(scene):
        strip.mute = strip.name not in heard
    for channel in scene.sequence_editor.channels:
        channel.mute = False
    is_mixed = False
    try:
        yield scene
        is_mixed = True
    finally:
        if is_mixed or bpy.app.background:
            _remove_scene(name)
        else:  # Blender's thread may still read it
            bpy.app.timers.register(partial(_remove_scene, name), first_interval=compat.MIX_SECONDS)


def _remove_scene(name: str) -> None:
    """Remove a scene unless undo has."""
    if (scene := bpy.data.scenes.get(name)) is not None:
        bpy.data.scenes.remove(scene)


def remove_mixes() -> None:
    """Remove the copies of scenes in a file that was saved, or an undo step that was made, while turns were mixed."""
    for scene in [each for each in bpy.data.scenes if each.get(MIX)]:
        bpy.data.scenes.remove(scene)
