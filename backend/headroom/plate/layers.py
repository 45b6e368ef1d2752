"""The layers under the face in a frame of a shot: the plate, warped to the wanted head pose, and its background."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.common.progress import Progress, no_progress
from headroom.common.subject_files import BACKGROUND, MATTES, PLATES
from headroom.face.camera import Camera, Crop
from headroom.media.image import read_picture, write_picture
from headroom.plate.background import UnknownBackground, find_background
from headroom.plate.head_surface import HeadSurface
from headroom.plate.matte import (
    find_mattes,
    load_mattes,
    matte_picture,
    own_matte,
    person_alpha,
    save_mattes,
)
from headroom.plate.matte_correction import corrected_mattes
from headroom.plate.plates import Frames, Plates
from headroom.plate.warp import Background, HeadMotion, warp_plate

ALL_PERSON = np.full((9, 16), 255, np.uint8)
"""The matte of a plate without a known background: everything moves with the head, less with growing distance."""


class BackgroundLayers:
    """Plates with what is behind the person in them.

    A clip whose background moves or is never visible has neither mattes nor a background picture. Its plates bend
    around the head when they are warped.
    """

    def __init__(
        self, plates: Frames, camera: Camera, surface: HeadSurface,
        mattes: NDArray[np.uint8] | None = None, background: NDArray[np.uint8] | None = None,
    ):
        """Take T plates (H, W, 3) of the clip whose camera and head are given.

        mattes: (T, h, w). background: (H, W, 3), the background without the person.
        """
        self.plates, self.camera, self.surface = plates, camera, surface
        self._mattes, self._background = mattes, background

    @staticmethod
    def open(folder: Path, camera: Camera, surface: HeadSurface) -> BackgroundLayers:
        """Open the plates of the subject in `folder`; close them after use."""
        plates = Plates(folder / PLATES, camera.width, camera.height)
        if not (folder / BACKGROUND).is_file():
            return BackgroundLayers(plates, camera, surface)
        return BackgroundLayers(plates, camera, surface, load_mattes(folder / MATTES),
                                read_picture(folder / BACKGROUND))

    def close(self) -> None:
        """Release the plates."""
        if isinstance(self.plates, Plates):
            self.plates.close()

    def area(self, number: int, rows: slice, columns: slice) -> NDArray[np.uint8]:
        """Return some rows and columns (h, w, 3) of plate `number`."""
        if isinstance(self.plates, Plates):
            return self.plates.area(number, rows, columns)
        return self.plates[number][rows, columns]

    def warped(
        self, number: int, plate: NDArray[np.uint8], motion: HeadMotion, hidden: NDArray[np.bool_] | None = None
    ) -> NDArray[np.uint8]:
        """Return a copy of `plate` (H, W, 3) uint8, which is plate `number`, with its head moved.

        hidden: (H, W) pixels that do not matter.
        """
        if self._mattes is None or self._background is None:
            background = Background(ALL_PERSON, plate)
        else:
            background = Background(self._mattes[number], self._background)
        return warp_plate(plate, background, self.camera, motion, self.surface, hidden)

    @property
    def background(self) -> NDArray[np.uint8] | None:
        """The frame without the person (H, W, 3); None where the background moves or is never visible."""
        return None if self._mattes is None else self._background

    def person_alpha(self, number: int, motion: HeadMotion, crop: Crop) -> NDArray[np.float32]:
        """Return where (H, W), 0..1, plate `number` shows the person around `crop` once its head is moved.

        It has the matte's coarse outline. Only a person with a `background` has mattes.
        """
        assert self._mattes is not None
        size = (self.camera.width, self.camera.height)
        matte = own_matte(self._mattes[number], crop, size[::-1])
        picture = np.repeat(cv2.resize(matte, size, interpolation=cv2.INTER_CUBIC)[..., None], 3, axis=2)
        moved = warp_plate(picture, Background(matte, np.zeros_like(picture)), self.camera, motion, self.surface)
        return person_alpha(moved[..., 0])


def write_background(
    folder: Path, frames: Sequence[NDArray[np.uint8]], progress: Progress = no_progress
) -> tuple[NDArray[np.uint8], list[str]]:
    """Write mattes and background picture of T learned frames (H, W, 3).

    Returns the mattes (T, h, w), also where the background is not known and nothing is written, and what the user
    should know.
    """
    pictures = np.stack([matte_picture(frame) for frame in frames])
    mattes = find_mattes(pictures, progress)
    try:
        seen = find_background(frames, mattes)
    except UnknownBackground as reason:
        return mattes, [str(reason)]
    mattes = corrected_mattes(mattes, pictures, seen)
    with suppress(UnknownBackground):  # then the first pass was as good as it gets
        seen = find_background(frames, mattes)  # better mattes show more of it
        mattes = corrected_mattes(mattes, pictures, seen)
    save_mattes(folder / MATTES, mattes)
    write_picture(folder / BACKGROUND, seen.completed)
    return mattes, []
