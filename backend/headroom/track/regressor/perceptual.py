"""The perceptual loss of Deng et al. (CVPRW 2019): ArcFace compares the predicted face with the photographed one.

The predicted face is drawn over its picture. The rasteriser determines which triangle a pixel shows, without gradient;
the pixel's colour depends on the coefficients through texture, light, and the positions of the triangle's corners.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from headroom.common.networks.arcface import RESOLUTION, STANDARD_POINTS, ArcFace, similarity_transform
from headroom.face.model import FaceModel
from headroom.face.raster import TriangleMap
from headroom.track.landmarks.detect import COUNT
from headroom.track.regressor.crop import FOCAL
from headroom.track.regressor.estimate import five_points
from headroom.track.regressor.torch_face import TorchFace, project


class PerceptualLoss:
    """Compares faces of one model at one resolution of the crop."""

    def __init__(self, model: FaceModel, arcface: ArcFace, resolution: int):
        self.arcface = arcface.eval().requires_grad_(False)
        self.resolution = resolution
        self.landmark_ids = model.landmark_ids
        self.triangles = TriangleMap(model, FOCAL, resolution)

    def __call__(self, face: TorchFace, coefficients: Tensor, pictures: Tensor, landmarks: Tensor) -> Tensor:
        """Return the cosines (B,) between the embeddings of pictures without and with the predicted faces over them.

        coefficients: (B, 257). pictures: (B, 3, R, R). landmarks: (B, L, 2) in sides of the crop from its middle.
        """
        drawn, covered = self.draw(face, coefficients)
        composite = torch.where(covered, drawn, pictures)
        grid = self._alignment_grid(landmarks)
        with torch.no_grad():
            target = self.arcface(_aligned(pictures, grid))
        return (self.arcface(_aligned(composite, grid)) * target).sum(1)

    def draw(self, face: TorchFace, coefficients: Tensor) -> tuple[Tensor, Tensor]:
        """Return the faces' pictures (B, 3, R, R) in 0..1 and their masks (B, 1, R, R) bool."""
        vertices, colours = face.shade(coefficients)
        pictures, masks = zip(*(self._draw_one(face, *one) for one in zip(vertices, colours)))
        return torch.stack(pictures), torch.stack(masks)

    def _draw_one(self, face: TorchFace, vertices: Tensor, colours: Tensor) -> tuple[Tensor, Tensor]:
        triangle = torch.from_numpy(self.triangles.draw(vertices.detach().numpy()))
        rows, columns = torch.nonzero(triangle >= 0, as_tuple=True)
        corners = face.faces[triangle[rows, columns]]
        pixels = (torch.stack([columns, rows], 1) + 0.5) / self.resolution - 0.5
        weights = _barycentric(pixels, project(vertices)[corners])
        picture = colours.new_zeros(self.resolution, self.resolution, 3)
        picture = picture.index_put((rows, columns), (weights[..., None] * colours[corners]).sum(1))
        return picture.permute(2, 0, 1).clamp(0, 1), (triangle >= 0)[None]

    def _alignment_grid(self, landmarks: Tensor) -> Tensor:
        """Return the grids (B, 112, 112, 2) for `grid_sample` that align each face for ArcFace."""
        points = np.full((len(landmarks), COUNT, 2), np.nan)
        points[:, self.landmark_ids] = landmarks.numpy()
        rows, columns = np.indices((RESOLUTION, RESOLUTION))
        pixels = np.stack([columns, rows, np.ones_like(rows)], -1)
        to_crop = [similarity_transform(STANDARD_POINTS, five) for five in five_points(points)]
        return torch.from_numpy(np.stack([2 * pixels @ matrix.T for matrix in to_crop])).float()


def _aligned(pictures: Tensor, grid: Tensor) -> Tensor:
    return functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)


def _barycentric(points: Tensor, corners: Tensor) -> Tensor:
    """Return barycentric weights (P, 3) of points (P, 2) in triangles (P, 3, 2)."""
    a, b, c = corners.unbind(1)
    area = _cross(b - a, c - a)
    area = torch.where(area.abs() < 1e-12, torch.full_like(area, 1e-12), area)
    second, third = _cross(points - a, c - a) / area, _cross(b - a, points - a) / area
    return torch.stack([1 - second - third, second, third], 1)


def _cross(a: Tensor, b: Tensor) -> Tensor:
    """Return the cross products (P,) of vectors (P, 2)."""
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
