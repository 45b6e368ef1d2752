"""The sequencer: the speech under the performance, the finished movie above everything that is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ...core.render_settings import RenderSettings
from ...core.timing import frame_count
from .. import compat
from ..build.shot import Shot
from .controls import active_take, head_of

TAG = "headroom_strip"
SETTINGS = "headroom_render"
LAID = "headroom_laid"
"""On strips that the add-on laid; one that an artist laid is never removed."""


@dataclass(frozen=True)
class Placement:
    """Where a speech lies: second 0 at frame `start`, to be heard from frame `first` up to, not including, `end`."""

    start: float
    first: int
    end: int


def placement(shot: Shot, seconds: float) -> Placement:
    """Where a performance of `seconds` lies: with its sound strip while that is followed, as last put otherwise."""
    strip = followed_strip(shot)
    start, sound_end = compat.strip_content(strip) if strip is not None else (float(shot.start_frame), 0.0)
    first, end = round(start), round(start) + frame_count(seconds, shot.fps)
    if strip is not None:  # motion that runs on after the sound is cut only where the sound is
        left, right = compat.strip_span(strip)
        first, end = max(first, left), min(end, right) if right < round(sound_end) else end
    return Placement(start, first, end)


def speech_strip(shot: Shot) -> Any | None:
    """The strip of this shot's speech; None when it was deleted or this Blender has no sound."""
    if shot.speech is None or shot.scene.sequence_editor is None:
        return None
    tag = _tag(shot, "SOUND", shot.speech)
    return next((strip for strip in compat.strips_of(shot.scene) if strip.get(TAG) == tag), None)


def followed_strip(shot: Shot) -> Any | None:
    """The same, where the animation hangs on it."""
    return speech_strip(shot) if head_of(shot.root).follow_strip else None


def sound_strip(scene: bpy.types.Scene, name: str) -> Any | None:
    """The sound strip of that name."""
    if not name or scene.sequence_editor is None:
        return None
    found = compat.strips_of(scene).get(name)
    return found if found is not None and found.type == "SOUND" else None


def strip_speech(strip: Any) -> Path:
    """The file that a sound strip plays."""
    return Path(bpy.path.abspath(strip.sound.filepath)).absolute()


def place_speech(shot: Shot, speech: Path, start_frame: int) -> None:
    """Lay the speech at `start_frame`, or leave it where it is laid already; playback follows the sound.

    The strip of an earlier speech of this shot gives way, and its place is taken.
    """
    earlier = speech_strip(shot)
    if earlier is not None and strip_speech(earlier) != speech.absolute():
        start_frame = round(compat.strip_content(earlier)[0])
    shot.root["headroom_speech"] = str(speech.absolute())
    if not compat.plays_sound():
        return
    if earlier is None or strip_speech(earlier) != speech.absolute():
        _place(shot, "SOUND", speech, start_frame)
    _play_in_sync(shot.scene)


def place_speech_of_take(shot: Shot) -> None:
    """Lay what the active take says in place of another speech, if its file is still there."""
    take = active_take(shot.root)
    said = Path(bpy.path.abspath(take.speech)) if take is not None and take.speech else None
    if said is not None and said != shot.speech and said.is_file():
        place_speech(shot, said, shot.start_frame)


def adopt_strip(shot: Shot, strip: Any) -> None:
    """Make a strip that an artist laid the shot's speech: where it is and how it is trimmed stays."""
    for other in compat.strips_of(shot.scene):
        if other.get(TAG) == _tag(shot, "SOUND", strip_speech(strip)):
            del other[TAG]
    _mark(shot, strip, "SOUND", strip_speech(strip))
    shot.root["headroom_speech"] = str(strip_speech(strip))
    _play_in_sync(shot.scene)


def place_movie(shot: Shot, movie: Path, start_frame: int, settings: RenderSettings) -> None:
    """Lay a finished movie at `start_frame`, over nothing that is there but this shot's own strip of that file.

    The strip keeps what it was rendered with.
    """
    strip = _place(shot, "MOVIE", movie, start_frame)
    strip[SETTINGS] = settings.to_json()


@contextmanager
def let_go_of(movie: Path) -> Iterator[None]:
    """Keep Blender from holding a movie open in the block: Windows replaces no open file. Its strips then show the new
    one.
    """
    editors = [scene.sequence_editor for scene in bpy.data.scenes if scene.sequence_editor is not None]
    playing = [(strip, strip.filepath) for editor in editors for strip in compat.all_strips(editor)
               if strip.type == "MOVIE" and Path(bpy.path.abspath(strip.filepath)).absolute() == movie]
    for strip, _ in playing:
        strip.filepath = ""
    try:
        yield
    finally:
        for strip, path in playing:
            strip.filepath = path


def render_settings(strip: Any) -> RenderSettings:
    """What the movie of a strip was rendered with, where the strip says so."""
    return RenderSettings.from_json(strip[SETTINGS])


def free_channel(scene: bpy.types.Scene, start_frame: int, end_frame: int) -> int:
    """The lowest channel above every strip that overlaps `start_frame`..`end_frame`."""
    channel = 1
    for strip in compat.strips_of(scene):
        first, end = compat.strip_span(strip)
        if first < end_frame and end > start_frame:
            channel = max(channel, strip.channel + 1)
    return channel


def _play_in_sync(scene: bpy.types.Scene) -> None:
    scene.sync_mode = "AUDIO_SYNC"
    scene.use_audio_scrub = True


def _place(shot: Shot, kind: str, path: Path, start_frame: int) -> Any:
    strips = compat.strips_of(shot.scene)
    for strip in [each for each in strips if each.get(TAG) == _tag(shot, kind, path)]:
        if strip.get(LAID):
            strips.remove(strip)
        else:
            del strip[TAG]
    channel = free_channel(shot.scene, start_frame, start_frame + 1_000_000)
    strip = compat.new_strip(shot.scene, kind, f"{shot.root.name} {path.stem}", path, channel, start_frame)
    strip[LAID] = True
    _mark(shot, strip, kind, path)
    return strip


def _tag(shot: Shot, kind: str, path: Path) -> str:
    """What an earlier strip is known by: one speech per shot, one movie per file."""
    return f"{_owner(shot)}|{kind}" + (f"|{path.absolute()}" if kind == "MOVIE" else "")


def _mark(shot: Shot, strip: Any, kind: str, path: Path) -> None:
    shot.root["headroom_name"] = _owner(shot)
    strip[TAG] = _tag(shot, kind, path)


def _owner(shot: Shot) -> str:
    """The name in the tags of a shot's strips: what its root was called then. A copy goes by its own name."""
    name = shot.root.get("headroom_name", shot.root.name)
    other = bpy.data.objects.get(name)
    return name if other is None or other == shot.root else shot.root.name
