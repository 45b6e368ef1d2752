"""The plates as the camera's background image."""

from __future__ import annotations

from pathlib import Path

import bpy


def load_plates(movie: Path) -> bpy.types.Image:
    """Return the plates as a movie image; one that is loaded already is used again."""
    image = bpy.data.images.load(str(movie), check_existing=True)
    image.source = "MOVIE"
    return image


def show_plates(camera: bpy.types.Object, image: bpy.types.Image, start_frame: int) -> None:
    """Show a movie in the camera view. Until plates are matched it plays from `start_frame` on."""
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
