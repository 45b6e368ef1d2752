"""Points of the skin: where they are, which way they look, and how both change with the coefficients."""

from __future__ import annotations

import numpy as np

from headroom.face.model import FaceModel

_DEEP = 0.02
"""Points further inside the mouth than this are not skin."""


class SkinPoints:
    """`count` vertices spread over one person's face; their colours are grey, the mean of the channels.

    shape_basis, normal_basis (N, 3, I + E): derivatives of places, mm, and of unit normals, model axes; the normals'
    are those of the face at rest. albedo_mean (N,), albedo_basis (N, I): display values.
    """

    def __init__(self, model: FaceModel, identity: np.ndarray, count: int):
        skin = np.flatnonzero(model.interior < _DEEP)
        # any regular choice would favour the coarse mesh's own points, which lie along the lips and lids
        self.vertices = np.sort(np.random.default_rng(0).permutation(skin)[:count])
        self.shape_basis = _bases(model, self.vertices)
        self.normal_basis = _normal_basis(model, identity, self.vertices)
        self.albedo_mean = model.albedo_mean[self.vertices].mean(1)
        self.albedo_basis = model.albedo_basis[self.vertices].mean(1)

    def albedo(self, texture: np.ndarray) -> np.ndarray:
        """(N,) grey display values."""
        return self.albedo_mean + self.albedo_basis @ texture.astype(np.float32)


def _bases(model: FaceModel, vertices: np.ndarray) -> np.ndarray:
    """(N, 3, I + E) identity and expression side by side."""
    bases = model.identity_basis[vertices], model.expression_basis[vertices]
    return np.concatenate(bases, axis=2).astype(np.float32)


def _normal_basis(model: FaceModel, identity: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """(N, 3, I + E) how the unit normals of the neutral face turn with each coefficient."""
    around = model.faces_of_vertex[vertices]
    faces = np.unique(around.indices)
    around, corners = around[:, faces], model.faces[faces]
    a, b, c = (model.shape(identity)[corners[:, i]] for i in range(3))
    moved_a, moved_b, moved_c = (_bases(model, corners[:, i]) for i in range(3))
    across = _cross(moved_b - moved_a, (c - a)[..., None]) + _cross((b - a)[..., None], moved_c - moved_a)
    summed = around @ np.cross(b - a, c - a)
    length = np.linalg.norm(summed, axis=1)[:, None, None]
    normal = summed[..., None] / length
    turned = (around @ across.reshape(len(faces), -1)).reshape(len(vertices), 3, -1) / length
    return (turned - normal * (normal * turned).sum(1, keepdims=True)).astype(np.float32)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(F, 3, C) the cross product along the middle axis."""
    return np.stack([a[:, i] * b[:, j] - a[:, j] * b[:, i] for i, j in ((1, 2), (2, 0), (0, 1))], axis=1)
