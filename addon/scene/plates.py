"""The clip's pictures behind the face in the camera view."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np

from . import compat
from .curves import write_curve

OFFSET_PATH = "background_images[0].image_user.frame_offset"


def show_plates(camera: bpy.types.Object, movie: Path, start_frame: int) -> None:
    """Show `movie` in the camera view; until plates are matched it runs on from the scene's first frame."""
    image = bpy.data.images.load(str(movie), check_existing=True)
    image.source = "MOVIE"
    background = camera.data.background_images.new()
    background.image = image
    background.frame_method = "FIT"
    background.alpha = 1.0
    background.display_depth = "BACK"
    user = background.image_user
    user.frame_duration = max(1, image.frame_duration)
    user.frame_start = start_frame
    user.use_cyclic = True
    user.use_auto_refresh = True
    camera.data.show_background_images = True


def key_plates(camera: bpy.types.Object, frames: np.ndarray, plates: np.ndarray) -> None:
    """Show plate `plates[i]` (counted from 0) at scene frame `frames[i]`, both (T,) int."""
    if not camera.data.background_images:
        return
    user = camera.data.background_images[0].image_user
    user.use_cyclic = False
    action = compat.new_action(camera.data, f"{camera.name} Plates")
    offsets = np.asarray(plates) - (np.asarray(frames) - user.frame_start)
    write_curve(compat.channels(action, camera.data), OFFSET_PATH, frames, offsets, group="Plates",
                interpolation="CONSTANT")
