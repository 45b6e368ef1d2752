"""What a take is predicted from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PREDICTED, REPLAYED = "predicted", "replayed"
POSES = (PREDICTED, REPLAYED)
"""Where the head's motion comes from: the speech, or the clip as it was filmed."""


@dataclass(frozen=True)
class TakeSettings:
    """The same settings give the same take."""

    speech: Path
    seed: int = 0
    pose: str = PREDICTED

    def __str__(self) -> str:
        return f"seed {self.seed}" + (", replayed head" if self.pose == REPLAYED else "")
