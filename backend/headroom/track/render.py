"""Renders without Blender: what the refiner is taught with and what evaluation looks at."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headroom.common.progress import Progress, no_progress
from headroom.face.model import FaceModel
from headroom.face.raster import Rasterizer
from headroom.track.track import Track


def render_track(
    model: FaceModel, track: Track, albedo: np.ndarray, resolution: int, progress: Progress = no_progress
) -> Iterator[np.ndarray]:
    """Renders (R, R, 4) uint8 of every frame of a track, by the rasteriser."""
    raster = Rasterizer(model, track.camera, track.crop, resolution)
    raster.set_look(albedo, track.light)
    for frame in range(len(track)):
        progress(frame / len(track), f"Drawing frame {frame + 1} of {len(track)}")
        yield raster.render(track.placed(model, frame))
