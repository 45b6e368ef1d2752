"""How many audio tracks a chosen file has, and whether it has sound."""

from __future__ import annotations

import importlib
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import bpy

from ..scene import compat
from .found_files import Found
from .properties import HeadroomSettings

NO_TRACK = 10_000
"""The index of a track that no file has."""


def shows_several_tracks(value: str) -> bool:
    """Return for a panel whether the file in a field has more than one audio track; False until it is known."""
    return bool(value) and _several.shown(value)


def may_have_several_tracks(value: str) -> bool:
    """Return whether the file in a field has more than one audio track, or Blender cannot tell."""
    paths: Any = bpy.path  # whose stubs lack the endings of pictures
    path = bpy.path.abspath(value)
    if not value or os.path.splitext(path)[1].lower() in paths.extensions_image:
        return False
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return False
    return not compat.plays_sound() or _has_second_track(path, found.st_size, found.st_mtime_ns) is not False


def has_sound(path: Path) -> bool:
    """Return whether Blender finds sound in a file; True where this Blender cannot tell."""
    return not compat.plays_sound() or _can_open(str(path), 0)


def clip_audio_track(chosen: HeadroomSettings) -> int:
    """Return the number of the track to learn from; 0 for the first with sound."""
    return chosen.clip_audio_track if may_have_several_tracks(chosen.clip) else 0


def speech_audio_track(chosen: HeadroomSettings) -> int:
    """Return the number of the track to perform; 0 for the first with sound."""
    return chosen.audio_track if may_have_several_tracks(chosen.speech) else 0


@lru_cache(maxsize=64)
def _has_second_track(path: str, size: int, modified: int) -> bool | None:
    """Return whether Blender's sound library can open a second track; size and time tell versions of a file apart.

    None where it cannot open the first, because the backend reads files that Blender does not. Of files that cannot
    have several, such as WAV, the library gives the only track whatever the number.
    """
    if not _can_open(path, 0):
        return None
    return _can_open(path, 1) and not _can_open(path, NO_TRACK)


def _can_open(path: str, index: int) -> bool:
    aud: Any = importlib.import_module("aud")  # whose stubs are incomplete

    try:
        return aud.Sound(path, index).specs[1] > 0
    except aud.error:
        return False


_several = Found(may_have_several_tracks, unknown=False)
