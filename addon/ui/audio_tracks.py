"""How many audio tracks a chosen file has.

Drawing a panel waits for no disk: it shows what a timer found. This module owns that, `_known`, and the fields whose
files the timer looks at next, `_waiting`; both are changed on the main thread only.
"""

from __future__ import annotations

import importlib
import os
import time
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import bpy

from ..scene import compat
from .properties import HeadroomSettings
from .view import redraw_sidebars

NO_TRACK = 10_000
"""The index of a track that no file has."""
KNOWN_SECONDS = 2.0
"""How long what was found holds: the file may be replaced."""


class Known(NamedTuple):
    """Whether a field's file may have several tracks, and when that was found, of time.monotonic()."""

    several: bool = False
    found_at: float = float("-inf")


_known: dict[str, Known] = {}
_waiting: set[str] = set()


def shows_several_tracks(value: str) -> bool:
    """Return for a panel whether the file in a field has more than one audio track; False until it is known."""
    if bpy.app.background:  # where timers do not run
        return may_have_several_tracks(value)
    known = _known.get(value, Known())
    if value and time.monotonic() > known.found_at + KNOWN_SECONDS:
        _waiting.add(value)
        if not bpy.app.timers.is_registered(update_known):
            bpy.app.timers.register(update_known, first_interval=0.0)
    return known.several


def update_known() -> None:
    """Look at the files that panels wait for, and draw the panels where one has changed; called by the timer."""
    before = {value: _known.get(value, Known()).several for value in _waiting}
    _known.update({value: Known(may_have_several_tracks(value), time.monotonic()) for value in _waiting})
    _waiting.clear()
    if any(_known[value].several != several for value, several in before.items()):
        redraw_sidebars()


def unregister() -> None:
    """Stop the timer and forget what was found."""
    if bpy.app.timers.is_registered(update_known):
        bpy.app.timers.unregister(update_known)
    _known.clear()
    _waiting.clear()


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
