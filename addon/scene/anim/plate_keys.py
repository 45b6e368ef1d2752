"""Keys that choose the matched plate of every scene frame, on the camera's background image and on the backdrop."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from .. import compat
from ..build import backdrop
from ..build.shot import Shot
from .curves import CurvePath, write_curve

OFFSET_PATH = "background_images[0].image_user.frame_offset"
BEFORE_ANY_FRAME = -1_000_000


def key_plates(shot: Shot, frames: np.ndarray, plates: np.ndarray) -> None:
    """Show plate `plates[i]` (counted from 0) at scene frame `frames[i]`, both (T,) int."""
    camera = shot.camera
    if camera.data.background_images:
        _show_single_frames(camera.data.background_images[0].image_user)
        _key(camera.data, OFFSET_PATH, camera.name, frames, plates)
    if shot.backdrop is not None:
        tree = backdrop.image_tree(shot.backdrop)
        _show_single_frames(tree.nodes[backdrop.NODE].image_user)
        _key(tree, backdrop.OFFSET_PATH, shot.backdrop.name, frames, plates)


def _show_single_frames(user: bpy.types.ImageUser) -> None:
    """Make the frame offset alone choose the plate.

    Blender first takes the scene's frame, limited to the movie's length, and adds the offset to it. With a length of
    one frame a shot may be longer than the clip, and the clip may be a single picture.
    """
    user.use_cyclic, user.frame_start, user.frame_duration = False, BEFORE_ANY_FRAME, 1


def _key(owner: Any, path: str, name: str, frames: np.ndarray, plates: np.ndarray) -> None:
    action = compat.new_action(owner, f"{name} Plates")
    write_curve(compat.channels(action, owner), CurvePath(path, group="Plates"), frames, plates, "CONSTANT")
