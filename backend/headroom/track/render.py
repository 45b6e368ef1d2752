"""Renders without Blender: of a track, for training and evaluation, and of the meshes that Blender sends."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

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


class MeshDrawer:
    """Draws meshes with a subject's albedo, camera and light; any thread may call it.

    All drawers share one thread, because what OpenGL holds belongs to the thread that made it.
    """

    _thread = ThreadPoolExecutor(1, "draw meshes")  # its own is started by the first drawing

    def __init__(self, model: FaceModel, track: Track, albedo: np.ndarray, resolution: int):
        """Nothing is drawn or loaded yet.

        albedo: (S, S, 3) uint8 texture.
        resolution: side R of the renders, pixels.
        """
        self.model, self.track, self.albedo, self.resolution = model, track, albedo, resolution

    def draw(self, vertices: np.ndarray) -> np.ndarray:
        """Return the render (R, R, 4) uint8 of vertices (V, 3), millimetres, camera axes."""
        return self._thread.submit(lambda: self._raster.render(vertices)).result()

    @cached_property
    def _raster(self) -> Rasterizer:
        raster = Rasterizer(self.model, self.track.camera, self.track.crop, self.resolution)
        raster.set_appearance(self.albedo, self.track.light)
        return raster
