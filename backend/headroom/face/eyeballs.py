"""The eyeballs of the bundled face model: spheres that turn behind the lids, with texture of their own.

A point of the sphere moves along it as the eye begins to turn, so that gaze is linear like every other expression; at
20 degrees the sphere has grown by 6 %, which the lids hide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headroom.face.topology import IRISES

RADIUS_MM = 12.0
IRIS_RADIANS = 0.5
"""From the middle of the iris to its rim, of an adult's 5.9 mm."""
TEXTURE_CENTRES, TEXTURE_RADIUS = ((0.11, 0.11), (0.89, 0.11)), 0.1
"""Where in texture space the right and the left eyeball are: the pole in the middle, the equator around; the face
leaves these corners free.
"""
WHITE = 0.6
"""Display value of the white of an eye in the texture model."""

_RINGS, _SPOKES = 12, 24


@dataclass(frozen=True)
class Eyeball:
    """One sphere's points but the pole, which is the iris's own vertex: (N, 3) unit vectors, model axes; faces (F, 3)
    counter-clockwise from outside, in which 0 is the pole and the points follow; polar (N,): radians from the pole.
    """

    points: np.ndarray
    faces: np.ndarray
    polar: np.ndarray

    @staticmethod
    def half() -> "Eyeball":
        """The half that can be seen."""
        polar = np.repeat(np.linspace(0, np.pi / 2, _RINGS + 1)[1:], _SPOKES)
        around = np.tile(np.linspace(0, 2 * np.pi, _SPOKES, endpoint=False), _RINGS)
        points = np.stack([np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], 1)
        ring = np.arange(_SPOKES)
        following = (ring + 1) % _SPOKES
        faces = [np.stack([0 * ring, 1 + ring, 1 + following], 1)]
        for inner in range(1, 1 + (_RINGS - 1) * _SPOKES, _SPOKES):
            outer = inner + _SPOKES
            faces += [np.stack([inner + ring, outer + ring, outer + following], 1),
                      np.stack([inner + ring, outer + following, inner + following], 1)]
        return Eyeball(points, np.concatenate(faces).astype(np.int32), polar)

    def placed(self, irises: np.ndarray) -> np.ndarray:
        """(2 N, 3) mm of both eyes, whose irises (2, 3) are the spheres' poles."""
        return (irises[:, None] + RADIUS_MM * (self.points - [0, 0, 1])).reshape(-1, 3)

    def carried(self, moves: np.ndarray) -> np.ndarray:
        """(2 N, 3, C): moves (2, 3, C) of both irises as moves of the whole sphere."""
        return np.repeat(moves, len(self.points), axis=0)

    def turned(self, moves: np.ndarray) -> np.ndarray:
        """(2 N, 3, C): moves (2, 3, C) of both irises, across, as turns of the sphere about its middle."""
        x, y, z = (self.points[:, axis, None] for axis in range(3))
        across, up = moves[:, None, 0], moves[:, None, 1]
        return np.stack([z * across, z * up, -x * across - y * up], axis=2).reshape(-1, *moves.shape[1:])

    def coloured(self, irises: np.ndarray, whites: np.ndarray) -> np.ndarray:
        """(2 N, ...): the irises' values (2, ...), and further out the whites' (2, ...)."""
        share = np.clip((self.polar - IRIS_RADIANS) / 0.1, 0, 1).reshape(-1, *[1] * (irises.ndim - 1))
        return ((1 - share) * irises[:, None] + share * whites[:, None]).reshape(-1, *irises.shape[1:])

    def texture_coordinates(self) -> np.ndarray:
        """(2 N, 2)."""
        away = self.polar / (np.pi / 2) * TEXTURE_RADIUS / np.maximum(np.linalg.norm(self.points[:, :2], axis=1), 1e-9)
        around = self.points[:, :2] * away[:, None]
        return np.concatenate([centre + around for centre in np.array(TEXTURE_CENTRES)])

    def joined(self, skin_faces: np.ndarray, count: int) -> np.ndarray:
        """Triangles of the skin, whose vertices are `count`, and of both eyeballs behind them."""
        number = len(self.points)
        firsts = [count + eye * number for eye in range(2)]
        balls = [np.where(self.faces == 0, iris, self.faces - 1 + first) for iris, first in zip(IRISES, firsts)]
        return np.concatenate([skin_faces, *balls]).astype(np.int32)
