"""Another person of a shot, to whom the one who performs listens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Side = Literal["left", "right"]
"""Of the picture, seen from the person who listens."""


@dataclass(frozen=True)
class OtherSpeaker:
    """Another person of the shot.

    speech: their own track, which begins with that of the listener.
    side: where they are in the picture, seen from the listener.
    """

    speech: Path
    side: Side
