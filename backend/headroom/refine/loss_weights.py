"""Loss weights of the refiner: pixels of the mouth and the eyes count up to four times as much as others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from headroom.face import topology as top
from headroom.face.light import AMBIENT
from headroom.face.model import FaceModel
from headroom.face.raster import Rasterizer
from headroom.face.texture import unwrap

ONE = 64
"""The value that stands for weight 1; 255 stands for four."""
_REACH_MM = 7.0


def loss_weight_maps(raster: Rasterizer, frames: Sequence[np.ndarray]) -> np.ndarray:
    """How much each pixel of each frame counts in the refiner's losses.

    frames: vertices (V, 3) in camera axes of each of T frames, of the model that `raster` draws.

    Returns (T, R, R) uint8: highest in the mouth and at the eyelids, `ONE` outside the face.
    """
    model, side = raster.model, raster.resolution
    weights = vertex_weights(model)
    texture, covered = unwrap(model, np.repeat(weights[:, None], 3, 1), 256)
    texture[~covered] = ONE
    raster.set_appearance(np.rint(texture).astype(np.uint8), AMBIENT)
    maps = np.full((len(frames), side, side), ONE, np.uint8)
    for map_, vertices in zip(maps, frames):
        drawn = raster.render(vertices)
        np.copyto(map_, drawn[..., 0], where=drawn[..., 3] > 127)
    return maps


def vertex_weights(model: FaceModel) -> np.ndarray:
    """(V,) from `ONE` to 255, falling off with the distance on the mean face from lips and lids."""
    from mediapipe.python.solutions import face_mesh_connections as connections

    edges = connections.FACEMESH_LIPS | connections.FACEMESH_LEFT_EYE | connections.FACEMESH_RIGHT_EYE
    wanted = {*top.points_of(edges)} | {top.RIGHT_IRIS, top.LEFT_IRIS}
    vertices = [model.vertex_of(landmark) for landmark in sorted(wanted)]
    away, _ = cKDTree(model.mean[vertices]).query(model.mean)
    near = np.exp(-((away / _REACH_MM) ** 2))
    return ONE + (255 - ONE) * np.maximum.reduce([near, np.clip(model.interior * 3, 0, 1), model.eyes])
