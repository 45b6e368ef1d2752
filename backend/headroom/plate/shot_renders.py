"""The renders of a shot with the plates that were matched to its frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headroom.plate.match import PlateMatch


@dataclass(frozen=True)
class ShotRenders:
    """The renders of a shot, or of neighbouring frames of it, and what refines them.

    renders: RGBA PNG files in the order of their frames.
    match: plates and poses of all frames of the shot.
    crops: folder that caches refined crops, so that no frame is painted twice.
    """

    renders: Sequence[Path]
    match: PlateMatch
    crops: Path
