"""Maps of a face's surface: values given per vertex, drawn as pictures of numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headroom.face.camera import Camera, Crop
from headroom.face.model import FaceModel

MIN_DEPTH_MM = 20.0
"""Triangles with a vertex nearer than this to the camera are not drawn."""


class SurfaceMap:
    """Draws maps of a face model with one camera and crop; any thread may use it."""

    def __init__(self, model: FaceModel, camera: Camera, crop: Crop, resolution: int):
        """resolution: R, side of the maps, pixels."""
        self.camera, self.crop, self.resolution = camera, crop, resolution
        self._triangles = np.ascontiguousarray(model.faces, np.int32)

    def draw(self, vertices: NDArray[np.floating], values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return N maps (N, R, R, C), row 0 on top, of values (N, V, C).

        Pixels without the face are 0 in every channel. Values are interpolated over each triangle; there is no
        antialiasing, so every pixel shows one point of the surface.

        vertices: (V, 3), camera axes, millimetres.
        """
        from headroom.face.surface_kernels import find_triangles, interpolate  # loads numba

        side, points = self.resolution, self._points(vertices)
        shown, nearness = np.full((side, side), -1, np.int32), np.zeros((side, side), np.float32)
        find_triangles(points, self._triangles, shown, nearness)
        maps = np.zeros((len(values), side, side, values.shape[2]), np.float32)
        interpolate(points, self._triangles, shown, np.ascontiguousarray(values, np.float32), maps)
        return maps

    def _points(self, vertices: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return column and row (V, 3) in pixels of the map, and the reciprocal depth, 0 where it is too near."""
        depth = np.maximum(-vertices[:, 2], MIN_DEPTH_MM)
        scale = self.resolution / self.crop.size
        shift = np.array([self.camera.width / 2 - self.crop.x, self.camera.height / 2 - self.crop.y])
        places = vertices[:, :2] * (self.camera.focal_px / depth)[:, None] * (1, -1) + shift
        return np.column_stack([places * scale, np.where(depth > MIN_DEPTH_MM, 1 / depth, 0)]).astype(np.float32)
