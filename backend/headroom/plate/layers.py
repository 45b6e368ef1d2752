"""What lies under the face in a frame of a shot: a plate with its head moved to the wanted pose."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headroom.common.progress import Progress, no_progress
from headroom.face.camera import Camera
from headroom.media.image import read_picture, write_picture
from headroom.plate.background import find_background
from headroom.plate.head_surface import HeadSurface, Pose
from headroom.plate.matte import find_mattes, load_mattes, save_mattes
from headroom.plate.plates import Plates
from headroom.plate.warp import Backdrop, warp_plate

PLATES, MATTES, BACKGROUND = "plates.mp4", "mattes.npz", "background.png"
FULL_MATTE = np.full((9, 16), 255, np.uint8)
"""The matte of a plate whose background is not known: all of it follows the head, less the further away."""


class BackgroundLayers:
    """A subject's plates with what is behind the person in them; use as a context manager.

    A clip whose background moves or is never seen has neither mattes nor a background picture: there the
    surroundings of the head bend.
    """

    def __init__(self, folder: Path, camera: Camera, surface: HeadSurface):
        self.camera, self.surface = camera, surface
        self._plates = Plates(folder / PLATES, camera.width, camera.height)
        known = (folder / BACKGROUND).is_file()
        self._background = read_picture(folder / BACKGROUND) if known else None
        self._mattes = load_mattes(folder / MATTES) if known else None

    def __enter__(self) -> "BackgroundLayers":
        self._plates.__enter__()
        return self

    def __exit__(self, *exception) -> None:
        self._plates.__exit__(*exception)

    def under(self, number: int, filmed: Pose, wanted: Pose) -> NDArray[np.uint8]:
        """Plate `number` (H, W, 3) uint8, in which the head is in the pose `filmed`, with the head in the other one."""
        plate = self._plates[number]
        if self._mattes is None or self._background is None:
            backdrop = Backdrop(FULL_MATTE, plate)
        else:
            backdrop = Backdrop(self._mattes[number], self._background)
        return warp_plate(plate, backdrop, self.camera, filmed, wanted, self.surface)


def write_background(folder: Path, frames: list[NDArray[np.uint8]], progress: Progress = no_progress) -> list[str]:
    """Write mattes and background picture of the learnt frames (H, W, 3), and say what the user should know."""
    mattes = find_mattes(frames, progress)
    background = find_background(frames, mattes)
    if isinstance(background, str):
        return [background]
    save_mattes(folder / MATTES, mattes)
    write_picture(folder / BACKGROUND, background)
    return []
