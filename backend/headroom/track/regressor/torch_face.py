"""The face model in torch: differentiable landmarks and skin colours of predicted coefficients."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from headroom.face.light import BASIS_CONSTANTS, MIN_SHADING
from headroom.face.model import FaceModel
from headroom.track.regressor.crop import FOCAL
from headroom.track.regressor.estimate import SIZES

_SKIN_POINTS = 1500
_MIN_COSINE = 0.3


class TorchFace(nn.Module):
    """One face model in the camera of the regressor's crop. Projections are in sides of the crop from its middle."""

    def __init__(self, model: FaceModel):
        super().__init__()
        skin = np.flatnonzero(model.skin)
        skin = skin[:: max(1, len(skin) // _SKIN_POINTS)]
        self.landmarks = _Points(model, model.landmark_vertices)
        self.skin = _Points(model, skin)
        self.surface = _Points(model, np.arange(len(model.mean)))
        self.faces = nn.Buffer(torch.from_numpy(model.faces.astype(np.int64)))

    def project_landmarks(self, coefficients: Tensor) -> Tensor:
        """Return the landmarks' projections (B, L, 2) for coefficients (B, 257)."""
        return project(self.landmarks(coefficients))

    def shade_skin(self, coefficients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return projections (B, K, 2), colours (B, K, 3) in 0..1 and view weights (B, K) of skin points."""
        points, colours, normals = self._shaded(self.skin, coefficients)
        towards = -functional.normalize(points.detach(), dim=2)
        return project(points), colours, ((normals.detach() * towards).sum(2) - _MIN_COSINE).clamp(min=0)

    def shade(self, coefficients: Tensor) -> tuple[Tensor, Tensor]:
        """Return vertices (B, V, 3), mm, camera axes, and their colours (B, V, 3) in 0..1."""
        return self._shaded(self.surface, coefficients)[:2]

    def _shaded(self, points: _Points, coefficients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return positions, colours and normals of points, each (B, N, 3), in camera axes.

        The normals have a gradient by the rotation only. So the shape learns from where colours are, not from how its
        normals shade it.
        """
        parts = coefficients.split(SIZES, 1)
        texture, light = parts[2], parts[4].unflatten(1, (9, 3))
        normals = self._normals(coefficients.detach())[:, points.vertices] @ rotation_matrices(parts[3]).transpose(1, 2)
        albedo = points.albedo_mean + torch.einsum("kci,bi->bkc", points.albedo_basis, texture)
        return points(coefficients), albedo * (harmonics(normals) @ light).clamp(min=MIN_SHADING), normals

    @torch.no_grad()
    def _normals(self, coefficients: Tensor) -> Tensor:
        """Return unit normals (B, V, 3) in model axes."""
        vertices = self.surface.shape(coefficients)
        a, b, c = (vertices[:, self.faces[:, i]] for i in range(3))
        face_normals = torch.cross(b - a, c - a, dim=2)
        summed = torch.zeros_like(vertices)
        for corner in range(3):
            summed.index_add_(1, self.faces[:, corner], face_normals)
        return functional.normalize(summed, dim=2)


class _Points(nn.Module):
    """Some vertices of the face model."""

    def __init__(self, model: FaceModel, vertices: np.ndarray):
        super().__init__()
        bases = np.concatenate([model.identity_basis[vertices], model.expression_basis[vertices]], 2)
        self.vertices = nn.Buffer(torch.from_numpy(vertices.astype(np.int64)))
        self.mean = nn.Buffer(torch.from_numpy(model.mean[vertices]))
        self.albedo_mean = nn.Buffer(torch.from_numpy(model.albedo_mean[vertices]))
        self.albedo_basis = nn.Buffer(torch.from_numpy(model.albedo_basis[vertices]))
        self.basis = nn.Buffer(torch.from_numpy(bases.reshape(-1, bases.shape[2]).T.copy()))

    def shape(self, coefficients: Tensor) -> Tensor:
        """Return positions (B, N, 3), mm, model axes."""
        offsets = coefficients[:, : SIZES[0] + SIZES[1]] @ self.basis
        return self.mean + offsets.unflatten(1, self.mean.shape)

    def forward(self, coefficients: Tensor) -> Tensor:
        """Return positions (B, N, 3), mm, camera axes."""
        _, _, _, rotation, _, translation = coefficients.split(SIZES, 1)
        return self.shape(coefficients) @ rotation_matrices(rotation).transpose(1, 2) + translation[:, None]


def rotation_matrices(angles: Tensor) -> Tensor:
    """Return R (B, 3, 3) = Rz(roll) Ry(yaw) Rx(pitch) for angles (B, 3), as `headroom.face.camera.rotation_matrix`."""
    x, y, z = (_axis_rotations(angles[:, axis], axis) for axis in range(3))
    return z @ y @ x


def harmonics(normals: Tensor) -> Tensor:
    """Return Φ (..., 9) at unit normals (..., 3), as `headroom.face.light.harmonics`."""
    x, y, z = normals.unbind(-1)
    terms = (torch.ones_like(x), y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y)
    return torch.stack([c * term for c, term in zip(BASIS_CONSTANTS, terms)], -1)


def project(points: Tensor) -> Tensor:
    """Return projections (..., 2), sides of the crop from its middle, v down, of points (..., 3) in camera axes."""
    return FOCAL * points[..., :2] / -points[..., 2:] * points.new_tensor([1, -1])


def _axis_rotations(angles: Tensor, axis: int) -> Tensor:
    cos, sin, one, zero = angles.cos(), angles.sin(), torch.ones_like(angles), torch.zeros_like(angles)
    a, b = (axis + 1) % 3, (axis + 2) % 3
    entries = {(axis, axis): one, (a, a): cos, (b, b): cos, (a, b): -sin, (b, a): sin}
    rows = [torch.stack([entries.get((i, j), zero) for j in range(3)], 1) for i in range(3)]
    return torch.stack(rows, 1)
