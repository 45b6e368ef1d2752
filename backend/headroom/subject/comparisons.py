"""Pictures of a shot's frames before and after refining."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headroom.common.settings import RefineFramesSettings
from headroom.media.credentials.marks import add_marks
from headroom.media.image import write_picture
from headroom.media.label import open_label
from headroom.subject.folder import Subject
from headroom.subject.provenance import provenance_of
from headroom.subject.shot_refiner import ShotRefiner


def comparison_writer(
    folder: Path, person: Subject, refiner: ShotRefiner, settings: RefineFramesSettings
) -> Callable[[int, NDArray[np.uint8]], None]:
    """Return a function that writes a frame's picture by `ShotRefiner.comparison` into a folder, by its number.

    Raises InputError when the label cannot be drawn at the size of the pictures.
    """
    side = refiner.track.crop.size
    label, provenance = open_label(settings.label, 2 * side, side), provenance_of(person, person.info.name, settings)

    def write(number: int, comparison: NDArray[np.uint8]) -> None:
        picture = folder / f"{number:06d}.png"
        write_picture(picture, label.draw(comparison) if label else comparison)
        add_marks(picture, provenance)

    return write
