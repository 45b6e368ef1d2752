"""Whether a guessed face looks like the photographed person: the perceptual term of Deng et al. (CVPRW 2019).

The face is drawn over its picture from the guessed coefficients, and ArcFace compares the two. Which triangle a pixel
shows is taken as it is; what colour that triangle has there follows the coefficients: through texture and light, and
through the place of its corners.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from headroom.common.networks.arcface import POINTS, SIDE, ArcFace, similarity
from headroom.face.model import FaceModel
from headroom.face.raster import TriangleMap
from headroom.track.landmarks.detect import COUNT
from headroom.track.regressor.crop import FOCAL
from headroom.track.regressor.estimate import five_points
from headroom.track.regressor.torch_face import TorchFace, project


class PerceptualLoss:
    """Compares faces of one model at one resolution of the window."""

    def __init__(self, model: FaceModel, arcface: ArcFace, resolution: int):
        self.arcface = arcface.eval().requires_grad_(False)
        self.resolution = resolution
        self.landmark_ids = model.landmark_ids
        self.triangles = TriangleMap(model, FOCAL, resolution)

    def __call__(self, surface: TorchFace, coefficients: Tensor, pictures: Tensor, landmarks: Tensor) -> Tensor:
        """Cosines (B,) between the identity features of pictures (B, 3, R, R) and of the same with the face of
        coefficients (B, 257) drawn over them; landmarks (B, L, 2) in sides of the window from its middle.
        """
        drawn, covered = self.draw(surface, coefficients)
        over = torch.where(covered, drawn, pictures)
        places = self._places(landmarks)
        with torch.no_grad():
            wanted = self.arcface(_placed(pictures, places))
        return (self.arcface(_placed(over, places)) * wanted).sum(1)

    def draw(self, surface: TorchFace, coefficients: Tensor) -> tuple[Tensor, Tensor]:
        """The faces (B, 3, R, R) in 0..1 and where they are (B, 1, R, R) bool."""
        vertices, colours = surface.shade(coefficients)
        pictures, masks = zip(*(self._draw(surface, *face) for face in zip(vertices, colours)))
        return torch.stack(pictures), torch.stack(masks)

    def _draw(self, surface: TorchFace, vertices: Tensor, colours: Tensor) -> tuple[Tensor, Tensor]:
        which = torch.from_numpy(self.triangles.draw(vertices.detach().numpy()))
        rows, columns = torch.nonzero(which >= 0, as_tuple=True)
        corners = surface.faces[which[rows, columns]]
        at = (torch.stack([columns, rows], 1) + 0.5) / self.resolution - 0.5
        shares = _barycentric(at, project(vertices)[corners])
        picture = colours.new_zeros(self.resolution, self.resolution, 3)
        picture = picture.index_put((rows, columns), (shares[..., None] * colours[corners]).sum(1))
        return picture.permute(2, 0, 1).clamp(0, 1), (which >= 0)[None]

    def _places(self, landmarks: Tensor) -> Tensor:
        """(B, 112, 112, 2) where ArcFace's picture of each face is read, as `grid_sample` wants it."""
        points = np.full((len(landmarks), COUNT, 2), np.nan)
        points[:, self.landmark_ids] = landmarks.numpy()
        rows, columns = np.indices((SIDE, SIDE))
        wanted = np.stack([columns, rows, np.ones_like(rows)], -1)
        back = [similarity(POINTS, five) for five in five_points(points)]
        return torch.from_numpy(np.stack([2 * wanted @ matrix.T for matrix in back])).float()


def _placed(pictures: Tensor, places: Tensor) -> Tensor:
    return functional.grid_sample(pictures, places, padding_mode="border", align_corners=False)


def _barycentric(points: Tensor, corners: Tensor) -> Tensor:
    """(P, 3) shares of triangles' corners (P, 3, 2) in points (P, 2)."""
    a, b, c = corners.unbind(1)
    whole = _across(b - a, c - a)
    whole = torch.where(whole.abs() < 1e-12, torch.full_like(whole, 1e-12), whole)
    second, third = _across(points - a, c - a) / whole, _across(b - a, points - a) / whole
    return torch.stack([1 - second - third, second, third], 1)


def _across(a: Tensor, b: Tensor) -> Tensor:
    """(P,) twice the signed area between vectors (P, 2)."""
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
