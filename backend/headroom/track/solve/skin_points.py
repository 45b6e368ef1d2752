"""Points on the skin with their normals, and the derivatives of both by the coefficients."""

from __future__ import annotations

import numpy as np

from headroom.face.mesh import boundary_edges
from headroom.face.model import FaceModel

_RIM_MM = 6.0
"""Skin closer than this to the model's rim is left out, because hair covers it or it blends into what the model lacks.
"""


class SkinPoints:
    """`count` vertices sampled from one person's skin, with grey albedo (the mean of the channels).

    expression_basis: (N, 6, E), identity_basis: (N, 6, I): derivatives of positions, mm, and of unit normals, in model
        axes; the normals' are those at the neutral face.
    albedo_mean: (N,), albedo_basis: (N, I): display values.
    """

    def __init__(self, model: FaceModel, identity: np.ndarray, count: int):
        distance = np.linalg.norm(model.mean - model.mean[_rim(model)][:, None], axis=2).min(0)
        skin = np.flatnonzero(model.skin & (distance > _RIM_MM))
        # at random, because a regular stride favours the control points, which lie along lips and lids
        self.vertices = np.sort(np.random.default_rng(0).permutation(skin)[:count])
        self._submesh = _Submesh(model, self.vertices)
        self.identity_basis, self.expression_basis = (
            self._submesh.derivatives(model.shape(identity), basis)
            for basis in (model.identity_basis, model.expression_basis)
        )
        self.albedo_mean = model.albedo_mean[self.vertices].mean(1)
        self.albedo_basis = model.albedo_basis[self.vertices].mean(1)

    def albedo(self, texture: np.ndarray) -> np.ndarray:
        """Return grey albedo (N,), display values, for texture coefficients (I,)."""
        return self.albedo_mean + self.albedo_basis @ texture.astype(np.float32)

    def surface(self, neutral: np.ndarray, expression: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return positions and unit normals, each (N, 3), model axes.

        neutral: (V, 3) the person's neutral face. expression: (E,).
        """
        return self._submesh.surface(neutral, expression)


class _Submesh:
    """The triangles around some vertices of a model, which these vertices' normals depend on."""

    def __init__(self, model: FaceModel, vertices: np.ndarray):
        adjacent = model.faces_of_vertex[vertices]
        faces = np.unique(adjacent.indices)
        self.vertices, self.adjacent, self.corners = vertices, adjacent[:, faces], model.faces[faces]
        self.used, index = np.unique(self.corners, return_inverse=True)
        self.local_corners = index.reshape(self.corners.shape)
        self.local_vertices = np.searchsorted(self.used, vertices)
        self.expression_basis = model.expression_basis[self.used].reshape(3 * len(self.used), -1).astype(np.float32)

    def surface(self, neutral: np.ndarray, expression: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shape = neutral[self.used] + (self.expression_basis @ expression.astype(np.float32)).reshape(-1, 3)
        a, b, c = (shape[self.local_corners[:, i]] for i in range(3))
        summed = self.adjacent @ _cross(b - a, c - a)
        return shape[self.local_vertices], summed / np.linalg.norm(summed, axis=1, keepdims=True)

    def derivatives(self, shape: np.ndarray, basis: np.ndarray) -> np.ndarray:
        """Return derivatives (N, 6, C) of positions and unit normals of a shape (V, 3) by a basis (V, 3, C)."""
        a, b, c = (shape[self.corners[:, i]] for i in range(3))
        basis_a, basis_b, basis_c = (basis[self.corners[:, i]].astype(np.float32) for i in range(3))
        by_mode = _cross(basis_b - basis_a, (c - a)[..., None]) + _cross((b - a)[..., None], basis_c - basis_a)
        summed = self.adjacent @ np.cross(b - a, c - a)
        length = np.linalg.norm(summed, axis=1)[:, None, None]
        normal = summed[..., None] / length
        by_normal = (self.adjacent @ by_mode.reshape(len(by_mode), -1)).reshape(len(self.vertices), 3, -1) / length
        by_normal -= normal * (normal * by_normal).sum(1, keepdims=True)
        return np.concatenate([basis[self.vertices], by_normal], axis=1).astype(np.float32)


def _rim(model: FaceModel) -> np.ndarray:
    """Return the skin's vertices on boundary edges."""
    rim = np.unique(boundary_edges(model.faces))
    return rim[model.skin[rim]]


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the cross product (F, 3, ...) along the second axis; `np.cross` takes three times as long."""
    return np.stack([a[:, i] * b[:, j] - a[:, j] * b[:, i] for i, j in ((1, 2), (2, 0), (0, 1))], axis=1)
