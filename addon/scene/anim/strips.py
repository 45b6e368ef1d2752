"""The sequencer strips of a shot: its speech strip, and where the performance lies because of it.

A strip is known by the custom property `headroom_strip`: whose it is, its type and, for a movie, its file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import bpy

from ...core.timing import frame_count
from .. import compat
from ..build.scene_setup import keeps_scene
from ..build.shot import Shot
from .controls import active_take, head_of

StripKind = Literal["SOUND", "MOVIE"]
TAG = "headroom_strip"
ADDED = "headroom_added"
"""Custom property of strips that the add-on added; a strip that an artist added is never removed."""
OWNER = "headroom_strip_owner"
"""Custom property of a root: its name in the tags of its strips, which stays when the root is renamed."""
FREE_FRAMES = 1_000_000
"""A new strip goes above every strip in this many frames, because its length is unknown before it is added."""


@dataclass(frozen=True)
class Placement:
    """The timing of a speech: second 0 is at frame `start`, the frames `first` to `end` - 1 are played.

    The field names are part of what a .blend stores (`Plan.composed_from`).
    """

    start: float
    first: int
    end: int


def placement(shot: Shot, seconds: float) -> Placement:
    """Return the timing of a performance of `seconds`: the sound strip's while it is followed, else the last one."""
    strip = followed_strip(shot)
    start, sound_end = compat.strip_content(strip) if strip is not None else (float(shot.start_frame), 0.0)
    first, end = round(start), round(start) + frame_count(seconds, shot.fps)
    if strip is not None:  # motion beyond the end of the sound stays, unless the strip is trimmed there
        left, right = compat.strip_span(strip)
        first, end = max(first, left), min(end, right) if right < round(sound_end) else end
    return Placement(start, first, end)


def speech_strip(shot: Shot) -> Any | None:
    """Return the strip of the shot's speech; None when it was deleted or this Blender has no sound."""
    if shot.speech is None or shot.scene.sequence_editor is None:
        return None
    tag = _tag(shot, "SOUND", shot.speech)
    return next((strip for strip in compat.strips_of(shot.scene) if strip.get(TAG) == tag), None)


def followed_strip(shot: Shot) -> Any | None:
    """Return the speech strip where the animation follows it."""
    return speech_strip(shot) if head_of(shot.root).follow_strip else None


def sound_strip(scene: bpy.types.Scene, name: str) -> Any | None:
    """Return the sound strip of that name."""
    if not name or scene.sequence_editor is None:
        return None
    strip = compat.strips_of(scene).get(name)
    return strip if strip is not None and strip.type == "SOUND" else None


def strip_speech(strip: Any) -> Path:
    """Return the file that a sound strip plays."""
    return Path(bpy.path.abspath(strip.sound.filepath)).absolute()


def place_speech(shot: Shot, speech: Path, start_frame: int) -> None:
    """Make `speech` the shot's speech, with a strip at `start_frame` unless it has one; playback follows the sound.

    The strip of an earlier speech is replaced, and the new one starts where that started.
    """
    earlier = speech_strip(shot)
    if earlier is not None and strip_speech(earlier) != speech.absolute():
        start_frame = round(compat.strip_content(earlier)[0])
    shot.root["headroom_speech"] = str(speech.absolute())
    if not compat.plays_sound():
        return
    if earlier is None or strip_speech(earlier) != speech.absolute():
        add_strip(shot, "SOUND", speech, start_frame)
    _play_in_sync(shot.scene)


def use_speech_without_strip(shot: Shot, speech: Path, start_frame: int) -> None:
    """Make `speech` the shot's speech where the sequencer plays it in other strips; an earlier speech strip stays."""
    earlier = speech_strip(shot)
    if earlier is not None:
        for name in (TAG, ADDED):
            if name in earlier:
                del earlier[name]
    shot.root["headroom_speech"] = str(speech.absolute())
    shot.root["headroom_start_frame"] = int(start_frame)


def take_speeches(root: bpy.types.Object) -> list[Path]:
    """Return the speech files of a head's takes."""
    return [Path(bpy.path.abspath(take.speech)) for take in head_of(root).takes if take.speech]


def place_speech_of_take(shot: Shot) -> None:
    """Make the active take's speech the shot's speech, if its file still exists."""
    take = active_take(shot.root)
    speech = Path(bpy.path.abspath(take.speech)) if take is not None and take.speech else None
    if speech is not None and speech != shot.speech and speech.is_file():
        place_speech(shot, speech, shot.start_frame)


def adopt_strip(shot: Shot, strip: Any) -> None:
    """Make an artist's sound strip the shot's speech strip; its position and trimming stay."""
    for other in compat.strips_of(shot.scene):
        if other.get(TAG) == _tag(shot, "SOUND", strip_speech(strip)):
            del other[TAG]
    _set_tag(shot, strip, "SOUND", strip_speech(strip))
    shot.root["headroom_speech"] = str(strip_speech(strip))
    _play_in_sync(shot.scene)


def add_strip(shot: Shot, kind: StripKind, path: Path, start_frame: int) -> Any:
    """Add a strip of a file above all others, in place of the shot's own strip of that kind or file."""
    strips = compat.strips_of(shot.scene)
    for strip in [each for each in strips if each.get(TAG) == _tag(shot, kind, path)]:
        if strip.get(ADDED):
            strips.remove(strip)
        else:
            del strip[TAG]
    channel = free_channel(shot.scene, start_frame, start_frame + FREE_FRAMES)
    strip = compat.new_strip(shot.scene, kind, f"{shot.root.name} {path.stem}", path, channel, start_frame)
    strip[ADDED] = True
    _set_tag(shot, strip, kind, path)
    return strip


def free_channel(scene: bpy.types.Scene, start_frame: int, end_frame: int) -> int:
    """Return the lowest channel above every strip that overlaps `start_frame`..`end_frame`."""
    channel = 1
    for strip in compat.strips_of(scene):
        first, end = compat.strip_span(strip)
        if first < end_frame and end > start_frame:
            channel = max(channel, strip.channel + 1)
    return channel


def _play_in_sync(scene: bpy.types.Scene) -> None:
    if keeps_scene(scene):
        return
    scene.sync_mode = "AUDIO_SYNC"
    scene.use_audio_scrub = True


def _tag(shot: Shot, kind: StripKind, path: Path) -> str:
    """Return the tag of a shot's strip: one speech per shot, one movie per file."""
    return f"{strip_owner(shot)}|{kind}" + (f"|{path.absolute()}" if kind == "MOVIE" else "")


def _set_tag(shot: Shot, strip: Any, kind: StripKind, path: Path) -> None:
    shot.root[OWNER] = strip_owner(shot)
    strip[TAG] = _tag(shot, kind, path)


def strip_owner(shot: Shot) -> str:
    """Return the name in the tags of the shot's strips; a copied shot gets its own."""
    name = shot.root.get(OWNER, shot.root.name)
    other = bpy.data.objects.get(name)
    return name if other is None or other == shot.root else shot.root.name
