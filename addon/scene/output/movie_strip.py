"""The strip of a rendered movie: it stores the settings the movie was rendered with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy

from ...core.render_settings import RenderSettings
from .. import compat
from ..anim.strips import add_strip
from ..build.shot import Shot

SETTINGS = "headroom_render"
"""Custom property of a movie strip: its RenderSettings as JSON."""


def place_movie(shot: Shot, movie: Path, start_frame: int, settings: RenderSettings) -> None:
    """Add a movie at `start_frame` above all strips; the shot's own strip of that file is replaced."""
    strip = add_strip(shot, "MOVIE", movie, start_frame)
    strip[SETTINGS] = settings.to_json()


def render_settings(strip: Any) -> RenderSettings:
    """Return the settings of a movie strip; raises InputError when they cannot be read."""
    return RenderSettings.from_json(strip[SETTINGS])


@contextmanager
def released(movie: Path) -> Iterator[None]:
    """Close a movie in every strip while the block runs, because Windows replaces no open file.

    Afterwards the strips show the new file.
    """
    editors = [scene.sequence_editor for scene in bpy.data.scenes if scene.sequence_editor is not None]
    strips = [(strip, strip.filepath) for editor in editors for strip in compat.all_strips(editor)
              if strip.type == "MOVIE" and Path(bpy.path.abspath(strip.filepath)).absolute() == movie]
    for strip, _ in strips:
        strip.filepath = ""
    try:
        yield
    finally:
        for strip, path in strips:
            strip.filepath = path
