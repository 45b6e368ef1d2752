"""The speech that the panel names: a file, or a sound strip that an artist has laid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy

from ..scene import compat
from ..scene.anim.strips import strip_speech
from .paths import absolute
from .properties import settings


@dataclass(frozen=True)
class ChosenSpeech:
    """A sound file; `strip` is the name of the strip that plays it already, "" where none does."""

    path: Path
    strip: str = ""


def lacking(context: bpy.types.Context) -> str:
    """Why there is no speech to perform; empty when there is one."""
    chosen = settings(context)
    if chosen.speech_source == "STRIP" and compat.selected_sound(context) is None:
        return "Select a sound strip in the sequencer"
    if chosen.speech_source == "FILE" and not chosen.speech:
        return "Choose a speech file"
    return ""


def chosen_speech(context: bpy.types.Context) -> ChosenSpeech:
    """What Perform performs, where nothing is lacking."""
    chosen = settings(context)
    if chosen.speech_source == "FILE":
        return ChosenSpeech(absolute(chosen.speech))
    strip = compat.selected_sound(context)
    return ChosenSpeech(strip_speech(strip), strip.name)
