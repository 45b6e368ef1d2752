"""The layers under the face in a frame of a shot: the plate, warped to the wanted head pose, and its background."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headroom.common.progress import Progress, no_progress
from headroom.common.subject_files import BACKGROUND, MATTES, PLATES
from headroom.face.camera import Camera
from headroom.media.image import read_picture, write_picture
from headroom.plate.background import UnknownBackground, find_background
from headroom.plate.head_surface import HeadSurface, Pose
from headroom.plate.matte import find_mattes, load_mattes, save_mattes
from headroom.plate.plates import Plates
from headroom.plate.warp import Background, warp_plate

ALL_PERSON = np.full((9, 16), 255, np.uint8)
"""The matte of a plate without a known background: everything moves with the head, less with growing distance."""


class BackgroundLayers:
    """A subject's plates, with mattes and the background behind the person; close it, or use it as a context manager.

    A clip whose background moves or is never visible has neither mattes nor a background picture. Its plates bend
    around the head when they are warped.
    """

    def __init__(self, folder: Path, camera: Camera, surface: HeadSurface):
        """Open the plates of the subject in `folder`, of which `camera` and `surface` are the camera and the head."""
        self._camera, self._surface = camera, surface
        known = (folder / BACKGROUND).is_file()
        self._background = read_picture(folder / BACKGROUND) if known else None
        self._mattes = load_mattes(folder / MATTES) if known else None
        self._plates = Plates(folder / PLATES, camera.width, camera.height)

    def __enter__(self) -> BackgroundLayers:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the plates."""
        self._plates.close()

    def warped_plate(self, number: int, plate_pose: Pose, wanted_pose: Pose) -> NDArray[np.uint8]:
        """Return plate `number` (H, W, 3) uint8 with its head moved from `plate_pose` to `wanted_pose`."""
        plate = self._plates[number]
        if self._mattes is None or self._background is None:
            background = Background(ALL_PERSON, plate)
        else:
            background = Background(self._mattes[number], self._background)
        return warp_plate(plate, background, self._camera, plate_pose, wanted_pose, self._surface)


def write_background(folder: Path, frames: list[NDArray[np.uint8]], progress: Progress = no_progress) -> list[str]:
    """Write mattes and background picture of the learned frames (H, W, 3); return what the user should know."""
    mattes = find_mattes(frames, progress)
    try:
        background = find_background(frames, mattes)
    except UnknownBackground as reason:
        return [str(reason)]
    save_mattes(folder / MATTES, mattes)
    write_picture(folder / BACKGROUND, background)
    return []
