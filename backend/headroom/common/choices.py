"""The values that settings can take. Kept apart from `common/settings.py`, so that --help does not load pydantic."""

from __future__ import annotations

from typing import Literal

Preset = Literal["draft", "standard", "paper"]
Albedo = Literal["low", "frame", "clip"]
Resolution = Literal[256, 512]
HeadPose = Literal["predicted", "replayed"]
