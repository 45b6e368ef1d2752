"""Points of the skin: where they are, which way they look, and how both change with the coefficients."""

from __future__ import annotations

import numpy as np

from headroom.face.model import FaceModel

_RIM_MM = 6.0
"""Skin nearer than this to the model's rim is under hair, or blends into what the model does not have."""


class SkinPoints:
    """`count` vertices spread over one person's face; their colours are grey, the mean of the channels.

    expression_basis (N, 6, E), identity_basis (N, 6, I): derivatives of places, mm, and of unit normals, in model axes;
    the normals' are those of the face at rest. albedo_mean (N,), albedo_basis (N, I): display values.
    """

    def __init__(self, model: FaceModel, identity: np.ndarray, count: int):
        away = np.linalg.norm(model.mean - model.mean[_rim(model)][:, None], axis=2).min(0)
        skin = np.flatnonzero(model.skin & (away > _RIM_MM))
        # any regular choice would favour the coarse mesh's own points, which lie along the lips and lids
        self.vertices = np.sort(np.random.default_rng(0).permutation(skin)[:count])
        self._patch = _Patch(model, self.vertices)
        self.identity_basis, self.expression_basis = (
            self._patch.derivatives(model.shape(identity), basis)
            for basis in (model.identity_basis, model.expression_basis)
        )
        self.albedo_mean = model.albedo_mean[self.vertices].mean(1)
        self.albedo_basis = model.albedo_basis[self.vertices].mean(1)

    def albedo(self, texture: np.ndarray) -> np.ndarray:
        """(N,) grey display values."""
        return self.albedo_mean + self.albedo_basis @ texture.astype(np.float32)

    def surface(self, neutral: np.ndarray, expression: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places and unit normals, each (N, 3), of a neutral face (V, 3) with an expression (E,), model axes."""
        return self._patch.surface(neutral, expression)


class _Patch:
    """The part of a mesh that some vertices' normals depend on."""

    def __init__(self, model: FaceModel, chosen: np.ndarray):
        around = model.faces_of_vertex[chosen]
        faces = np.unique(around.indices)
        self.chosen, self.around, self.corners = chosen, around[:, faces], model.faces[faces]
        self.used, within = np.unique(self.corners, return_inverse=True)
        self.within = within.reshape(self.corners.shape)
        self.at = np.searchsorted(self.used, chosen)
        self.moved = model.expression_basis[self.used].reshape(3 * len(self.used), -1).astype(np.float32)

    def surface(self, neutral: np.ndarray, expression: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shape = neutral[self.used] + (self.moved @ expression.astype(np.float32)).reshape(-1, 3)
        a, b, c = (shape[self.within[:, i]] for i in range(3))
        summed = self.around @ _crossed(b - a, c - a)
        return shape[self.at], summed / np.linalg.norm(summed, axis=1, keepdims=True)

    def derivatives(self, shape: np.ndarray, basis: np.ndarray) -> np.ndarray:
        """(N, 6, C): how places and unit normals of a shape (V, 3) change with each mode of a basis (V, 3, C)."""
        a, b, c = (shape[self.corners[:, i]] for i in range(3))
        moved_a, moved_b, moved_c = (basis[self.corners[:, i]].astype(np.float32) for i in range(3))
        across = _crossed(moved_b - moved_a, (c - a)[..., None]) + _crossed((b - a)[..., None], moved_c - moved_a)
        summed = self.around @ np.cross(b - a, c - a)
        length = np.linalg.norm(summed, axis=1)[:, None, None]
        normal = summed[..., None] / length
        turned = (self.around @ across.reshape(len(across), -1)).reshape(len(self.chosen), 3, -1) / length
        turned -= normal * (normal * turned).sum(1, keepdims=True)
        return np.concatenate([basis[self.chosen], turned], axis=1).astype(np.float32)


def _rim(model: FaceModel) -> np.ndarray:
    """Vertices of the skin on edges that belong to one triangle alone."""
    edges = np.sort(np.concatenate([model.faces[:, [0, 1]], model.faces[:, [1, 2]], model.faces[:, [2, 0]]]), axis=1)
    edges, count = np.unique(edges, axis=0, return_counts=True)
    rim = np.unique(edges[count == 1])
    return rim[model.skin[rim]]


def _crossed(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(F, 3, ...) the cross product along the second axis; `np.cross` takes three times as long."""
    return np.stack([a[:, i] * b[:, j] - a[:, j] * b[:, i] for i, j in ((1, 2), (2, 0), (0, 1))], axis=1)
