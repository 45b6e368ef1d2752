"""Renders of a track without Blender, for the refiner's training and for evaluation."""

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
    """Yield the render (R, R, 4) uint8 of every frame of a track.

    albedo: (S, S, 3) uint8 texture.
    resolution: side R of the renders, pixels.
    """
    raster = Rasterizer(model, track.camera, track.crop, resolution)
    raster.set_appearance(albedo, track.light)
    for frame in range(len(track)):
        progress(frame / len(track), f"Drawing frame {frame + 1} of {len(track)}")
        yield raster.render(track.vertices(model, frame))
