"""The clip's pictures behind the face: in the camera view, and in Blender's own renders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np

from .. import compat
from ..anim.curves import write_curve
from . import backdrop

OFFSET_PATH = "background_images[0].image_user.frame_offset"
BEFORE_ANY_FRAME = -1_000_000


def load_plates(movie: Path) -> bpy.types.Image:
    image = bpy.data.images.load(str(movie), check_existing=True)
    image.source = "MOVIE"
    return image


def show_plates(camera: bpy.types.Object, image: bpy.types.Image, start_frame: int) -> None:
    """Show a movie in the camera view; until plates are matched it runs on from the scene's first frame."""
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


def key_plates(camera: bpy.types.Object, wall: bpy.types.Object | None, frames: np.ndarray, plates: np.ndarray
               ) -> None:
    """Show plate `plates[i]` (counted from 0) at scene frame `frames[i]`, both (T,) int, on camera and backdrop."""
    if camera.data.background_images:
        _key(camera.data, OFFSET_PATH, camera.data.background_images[0].image_user, camera.name, frames, plates)
    if wall is not None:
        tree = backdrop.image_tree(wall)
        _key(tree, backdrop.OFFSET_PATH, tree.nodes[backdrop.NODE].image_user, wall.name, frames, plates)


def _key(owner: Any, path: str, user: bpy.types.ImageUser, name: str, frames: np.ndarray, plates: np.ndarray) -> None:
    """The offset alone says which plate is seen.

    Blender first takes the scene's frame, no further than the movie is long, and adds the offset to that: with a movie
    said to be one frame long, shots may be longer than the clip, and the clip a single picture.
    """
    user.use_cyclic, user.frame_start, user.frame_duration = False, BEFORE_ANY_FRAME, 1
    action = compat.new_action(owner, f"{name} Plates")
    write_curve(compat.channels(action, owner), path, frames, plates, group="Plates", interpolation="CONSTANT")
