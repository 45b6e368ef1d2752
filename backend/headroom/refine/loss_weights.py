"""Weights of pixels in the refiner's losses: mouth and eyes count up to four times as much as the rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from headroom.face import topology
from headroom.face.light import AMBIENT
from headroom.face.model import FaceModel
from headroom.face.raster import Rasterizer
from headroom.face.texture import unwrap

UNIT_WEIGHT, MAX_WEIGHT = 64, 255
"""The uint8 values of weight 1 and, rounded, of weight 4."""
FALLOFF_MM = 7.0  # distance from lips and eyelids at which the additional weight falls to 1/e
TEXTURE_SIZE = 256  # pixels, of the texture that carries the weights


def loss_weight_maps(raster: Rasterizer, frames: Sequence[np.ndarray]) -> np.ndarray:
    """Return the weight of each pixel of each frame in the refiner's losses.

    frames: vertices (V, 3) in camera axes of each of T frames, of the model that `raster` draws.

    Returns (T, R, R) uint8: highest in the mouth and at the eyelids, `UNIT_WEIGHT` outside the face.
    """
    model, side = raster.model, raster.resolution
    weights = vertex_weights(model)
    texture, covered = unwrap(model, np.repeat(weights[:, None], 3, 1), TEXTURE_SIZE)
    texture[~covered] = UNIT_WEIGHT
    raster.set_appearance(np.rint(texture).astype(np.uint8), AMBIENT)
    maps = np.full((len(frames), side, side), UNIT_WEIGHT, np.uint8)
    for weight_map, vertices in zip(maps, frames):
        render = raster.render(vertices)
        np.copyto(weight_map, render[..., 0], where=render[..., 3] > 127)
    return maps


def vertex_weights(model: FaceModel) -> np.ndarray:
    """Return weights (V,), `UNIT_WEIGHT` to `MAX_WEIGHT`, that fall off with the distance from lips and eyelids."""
    from mediapipe.python.solutions import face_mesh_connections as connections

    edges = connections.FACEMESH_LIPS | connections.FACEMESH_LEFT_EYE | connections.FACEMESH_RIGHT_EYE
    landmarks = {*topology.points_of(edges)} | {topology.RIGHT_IRIS, topology.LEFT_IRIS}
    vertices = [model.vertex_of(landmark) for landmark in sorted(landmarks)]
    distance, _ = cKDTree(model.mean[vertices]).query(model.mean)
    falloff = np.exp(-((distance / FALLOFF_MM) ** 2))
    detail = np.maximum.reduce([falloff, np.clip(model.interior * 3, 0, 1), model.eyes])
    return UNIT_WEIGHT + (MAX_WEIGHT - UNIT_WEIGHT) * detail
