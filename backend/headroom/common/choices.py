"""The values that settings can take. Kept apart from `common/settings.py`, so that --help does not load pydantic."""

from __future__ import annotations

from typing import Literal

Preset = Literal["draft", "standard", "paper"]
Albedo = Literal["low", "frame", "clip"]
Resolution = Literal[256, 512]
ChosenResolution = Literal["auto", 256, 512]
"""The side of the face crop as a user chooses it; auto goes by the size of the face."""
HeadPose = Literal["predicted", "replayed"]
Engine = Literal["auto", "eevee", "fast"]
Device = Literal["auto", "cpu", "cuda", "mps"]
TrainingMethod = Literal["general", "paper"]
"""Headroom's own networks and losses, or the paper's."""
PERFORMANCE_SUFFIXES = (".npz", ".csv", ".json")
"""Endings of the files that a performance can be read from."""
WRITTEN_SUFFIXES = (*PERFORMANCE_SUFFIXES, ".vrma")
"""Endings of the files that a performance can be written to."""
Layer = Literal["frame", "face"]
"""What a movie of a shot shows: the finished frame, or the refined face alone with alpha, for compositing."""
MovieEnding = Literal[".mp4", ".mov", ".mkv", ".webm", ".png"]
"""The kinds of movies; .png is a sequence of pictures."""
