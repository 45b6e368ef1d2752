"""The sequencer: the speech under the performance, the finished movie above everything that is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ..core.render_settings import RenderSettings
from . import compat
from .shot import Shot

TAG = "headroom_strip"
SETTINGS = "headroom_render"


def place_speech(shot: Shot, speech: Path, start_frame: int) -> None:
    """Lay the speech at `start_frame`; playback follows the sound. An earlier speech of this shot gives way."""
    shot.root["headroom_speech"] = str(speech.absolute())
    if compat.plays_sound():
        _place(shot, "SOUND", speech, start_frame)
        shot.scene.sync_mode = "AUDIO_SYNC"


def place_movie(shot: Shot, movie: Path, start_frame: int, settings: RenderSettings) -> None:
    """Lay a finished movie at `start_frame`, over nothing that is there but this shot's own strip of that file.

    The strip keeps what it was rendered with.
    """
    strip = _place(shot, "MOVIE", movie, start_frame)
    strip[SETTINGS] = settings.to_json()


def render_settings(strip: Any) -> RenderSettings | None:
    """What the movie of a strip was rendered with; None for a strip of another origin."""
    text = strip.get(SETTINGS) if strip is not None else None
    return RenderSettings.from_json(text) if text else None


def free_channel(scene: bpy.types.Scene, start_frame: int, end_frame: int) -> int:
    """The lowest channel above every strip that overlaps `start_frame`..`end_frame`."""
    channel = 1
    for strip in compat.strips_of(scene):
        first, end = compat.strip_span(strip)
        if first < end_frame and end > start_frame:
            channel = max(channel, strip.channel + 1)
    return channel


def _place(shot: Shot, kind: str, path: Path, start_frame: int) -> Any:
    strips = compat.strips_of(shot.scene)
    for strip in [each for each in strips if each.get(TAG) == _tag(shot, kind, path)]:
        strips.remove(strip)
    channel = free_channel(shot.scene, start_frame, start_frame + 1_000_000)
    strip = compat.new_strip(shot.scene, kind, f"{shot.root.name} {path.stem}", path, channel, start_frame)
    strip[TAG] = _tag(shot, kind, path)
    return strip


def _tag(shot: Shot, kind: str, path: Path) -> str:
    """What an earlier strip is known by: one speech per shot, one movie per file."""
    return f"{shot.root.name}|{kind}" + (f"|{path.absolute()}" if kind == "MOVIE" else "")
