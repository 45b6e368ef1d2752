"""The eyeballs of the bundled face model: spheres that turn behind the lids, with texture of their own.

A vertex moves along the sphere's tangent as the eye turns, so that gaze is linear like every other expression. At 20
degrees this enlarges the sphere by 6 %, which the lids hide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headroom.face.topology import IRISES

RADIUS_MM = 12.0
IRIS_RADIANS = 0.5
"""Angle from the middle of the iris to its rim; an adult's iris has a radius of 5.9 mm."""
TEXTURE_CENTRES, TEXTURE_RADIUS = ((0.11, 0.11), (0.89, 0.11)), 0.1
"""Discs of the right and the left eyeball in texture space: the pole in the middle, the equator on the circle. The
skin leaves these corners free.
"""
WHITE = 0.6
"""Display value of the white of an eye in the texture model."""

_RINGS, _SPOKES = 12, 24
_IRIS_EDGE_RADIANS = 0.1
"""Width of the blend from the iris's colour to the white."""


@dataclass(frozen=True)
class Eyeball:
    """The vertices of one sphere except its pole, which is the iris's control point.

    directions: (N, 3) unit vectors from the sphere's centre, model axes.
    faces: (F, 3) counter-clockwise from outside; 0 is the pole, i + 1 is vertex i.
    polar: (N,) radians from the pole.
    """

    directions: np.ndarray
    faces: np.ndarray
    polar: np.ndarray

    @staticmethod
    def front_half() -> Eyeball:
        """Return the hemisphere that can be visible."""
        polar = np.repeat(np.linspace(0, np.pi / 2, _RINGS + 1)[1:], _SPOKES)
        azimuth = np.tile(np.linspace(0, 2 * np.pi, _SPOKES, endpoint=False), _RINGS)
        directions = [np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)]
        ring = np.arange(_SPOKES)
        following = (ring + 1) % _SPOKES
        faces = [np.stack([0 * ring, 1 + ring, 1 + following], 1)]
        for inner in range(1, 1 + (_RINGS - 1) * _SPOKES, _SPOKES):
            outer = inner + _SPOKES
            faces += [np.stack([inner + ring, outer + ring, outer + following], 1),
                      np.stack([inner + ring, outer + following, inner + following], 1)]
        return Eyeball(np.stack(directions, 1), np.concatenate(faces).astype(np.int32), polar)

    def positions(self, irises: np.ndarray) -> np.ndarray:
        """Return the vertices (2 N, 3) mm of both eyes, whose poles are the irises (2, 3)."""
        return (irises[:, None] + RADIUS_MM * (self.directions - [0, 0, 1])).reshape(-1, 3)

    def translation_basis(self, iris_basis: np.ndarray) -> np.ndarray:
        """Return a basis (2 N, 3, C) that moves each whole sphere as a basis (2, 3, C) moves its iris."""
        return np.repeat(iris_basis, len(self.directions), axis=0)

    def rotation_basis(self, iris_basis: np.ndarray) -> np.ndarray:
        """Return a basis (2 N, 3, C) that turns each sphere about its centre as (2, 3, C) moves its iris in x and y."""
        x, y, z = (self.directions[:, axis, None] for axis in range(3))
        sideways, up = iris_basis[:, None, 0], iris_basis[:, None, 1]
        moved = np.stack([z * sideways, z * up, -x * sideways - y * up], axis=2)
        return moved.reshape(-1, *iris_basis.shape[1:])

    def blend_to_white(self, irises: np.ndarray, whites: np.ndarray) -> np.ndarray:
        """Return vertex values (2 N, ...): the irises' (2, ...) within the iris, the whites' (2, ...) outside of it."""
        weight = np.clip((self.polar - IRIS_RADIANS) / _IRIS_EDGE_RADIANS, 0, 1)
        weight = weight.reshape(-1, *[1] * (irises.ndim - 1))
        return ((1 - weight) * irises[:, None] + weight * whites[:, None]).reshape(-1, *irises.shape[1:])

    def texture_coordinates(self) -> np.ndarray:
        """Return the texture coordinates (2 N, 2) of both eyes: polar angle as radius, azimuth as angle."""
        in_plane = self.directions[:, :2]
        scale = self.polar / (np.pi / 2) * TEXTURE_RADIUS / np.maximum(np.linalg.norm(in_plane, axis=1), 1e-9)
        offsets = in_plane * scale[:, None]
        return np.concatenate([centre + offsets for centre in np.array(TEXTURE_CENTRES)])

    def joined_faces(self, skin_faces: np.ndarray, skin_vertices: int) -> np.ndarray:
        """Return the triangles (F, 3) of the skin and of both eyeballs, whose vertices follow the skin's."""
        number = len(self.directions)
        firsts = [skin_vertices + eye * number for eye in range(2)]
        balls = [np.where(self.faces == 0, iris, self.faces - 1 + first) for iris, first in zip(IRISES, firsts)]
        return np.concatenate([skin_faces, *balls]).astype(np.int32)
