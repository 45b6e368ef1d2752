"""The speech chosen in the panel: a file, or the selected sound strip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy

from ..core.messages import message
from ..scene import compat
from ..scene.anim.strips import strip_speech
from .audio_tracks import speech_audio_track
from .paths import absolute
from .properties import settings


@dataclass(frozen=True)
class ChosenSpeech:
    """A sound file.

    strip: the name of the sound strip that plays it; empty when there is none.
    audio_track: number of the file's audio track, from 1; 0 for the first with sound.
    """

    path: Path
    strip: str = ""
    audio_track: int = 0


def missing_speech(context: bpy.types.Context) -> str:
    """Return why no speech is chosen; empty when one is."""
    chosen = settings(context)
    if chosen.speech_source == "STRIP" and compat.selected_sound(context) is None:
        return message("No sound strip selected in the sequencer")
    if chosen.speech_source == "FILE" and not chosen.speech:
        return message("No speech file")
    return ""


def chosen_speech(context: bpy.types.Context) -> ChosenSpeech:
    """Return the chosen speech; call it when none is missing."""
    chosen = settings(context)
    if chosen.speech_source == "FILE":
        return ChosenSpeech(absolute(chosen.speech), audio_track=speech_audio_track(chosen))
    strip = compat.selected_sound(context)
    return ChosenSpeech(strip_speech(strip), strip.name)
