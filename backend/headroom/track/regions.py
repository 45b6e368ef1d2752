"""Where mouth and eyes are in the crop, so that the refiner can be taught them harder."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from headroom.face import topology as top
from headroom.face.light import FRONTAL
from headroom.face.model import FaceModel
from headroom.face.raster import Rasterizer
from headroom.face.texture import unwrap
from headroom.track.track import Track

ONE = 64
"""The value that stands for weight 1; 255 stands for four."""
_REACH_MM = 7.0


def region_maps(model: FaceModel, track: Track, resolution: int) -> np.ndarray:
    """(T, R, R) uint8: how much each pixel counts, most in the mouth and at the lids, `ONE` outside of the face."""
    weights = vertex_weights(model)
    texture, covered = unwrap(model, np.repeat(weights[:, None], 3, 1), 256)
    texture[~covered] = ONE
    raster = Rasterizer(model, track.camera, track.crop, resolution)
    raster.set_look(np.rint(texture).astype(np.uint8), FRONTAL)
    maps = np.full((len(track), resolution, resolution), ONE, np.uint8)
    for frame in range(len(track)):
        drawn = raster.render(track.placed(model, frame))
        np.copyto(maps[frame], drawn[..., 0], where=drawn[..., 3] > 127)
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
