"""What a take is predicted from, or imported from, and whom the person listens to."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

HeadPose = Literal["predicted", "replayed"]
"""Where the head's motion comes from: the speech, or the clip."""
POSES: tuple[HeadPose, ...] = get_args(HeadPose)
PREDICTED, REPLAYED = POSES


@dataclass(frozen=True)
class TakeSettings:
    """The settings of one take; equal settings give equal takes.

    speech: None for an imported take without sound.
    imported: path of the performance that the take was imported from; empty for a prediction.
    transcript: what the speech says, at whose B, M and P lips close; empty where that is unknown. It makes no other
        take: a prediction with it replaces one without.
    audio_track: number of the speech file's audio track, from 1; 0 for the first with sound.
    mirrored: whether the imported performance was mirrored.
    """

    speech: Path | None
    seed: int = 0
    pose: HeadPose = PREDICTED
    imported: str = ""
    transcript: str = field(default="", compare=False)
    audio_track: int = 0
    mirrored: bool = False

    def __str__(self) -> str:
        if self.imported:
            return Path(self.imported).name + (", mirrored" if self.mirrored else "")
        return f"seed {self.seed}" + (", replayed head" if self.pose == REPLAYED else "")


@dataclass(frozen=True)
class OtherSpeaker:
    """Another person of the shot, to whom the one who performs listens.

    speech: their own track, which begins with that of the listener.
    side: "left" or "right" in the picture, seen from the listener.
    """

    speech: Path
    side: str
