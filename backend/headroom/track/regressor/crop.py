"""The window that a regressor looks at, and the camera it thinks in (Deng et al.'s, which their checkpoint needs).

A face is cut out so that it always has one size and place; its camera looks straight at the window's middle from one
metre. Poses go from that camera to the clip's and back.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from headroom.face.camera import Camera, rotation_angles, rotation_matrix

FOCAL = 1015 / 224
"""Focal length of the window's camera, in sides of the window."""
DISTANCE_MM = 1000.0
_SIDE = 224 / 102
"""Side of the window over the length of one decimetre of the face in it."""

REFERENCE = np.array([
    [-0.3115, 0.2904, 0.1338], [0.3098, 0.2897, 0.1318], [0.0033, -0.0462, 0.5524],
    [-0.2522, -0.3813, 0.2241], [0.2485, -0.3813, 0.2224],
])
"""(5, 3) decimetres: the right and the left eye, the tip of the nose, the corners of the mouth, of a standard face."""


@dataclass(frozen=True)
class Deep3DCrop:
    """A square window of a picture, in its pixels; may be fractional and reach beyond the picture."""

    x: float
    y: float
    size: float

    @staticmethod
    def around(points: np.ndarray) -> "Deep3DCrop":
        """The window around a face whose five points (5, 2) px belong to `REFERENCE`.

        The points are explained by a scaled parallel projection, whose two rows are free of each other (POS).
        """
        known = np.concatenate([REFERENCE, np.ones((len(REFERENCE), 1))], 1)
        across, down = np.linalg.lstsq(known, np.asarray(points, np.float64), rcond=None)[0].T
        size = _SIDE * (np.linalg.norm(across[:3]) + np.linalg.norm(down[:3])) / 2
        return Deep3DCrop(float(across[3] - size / 2), float(down[3] - size / 2), float(size))

    def cut(self, picture: np.ndarray, resolution: int) -> np.ndarray:
        """The window of a picture (H, W, 3) uint8, resolution squared; edge pixels are repeated beyond the picture."""
        finer = max(1, int(np.ceil(self.size / resolution)))
        scale = resolution * finer / self.size
        matrix = np.array([[scale, 0, -self.x * scale], [0, scale, -self.y * scale]])
        matrix[:, 2] += 0.5 * scale - 0.5  # pixel centres lie at halves
        sampled = cv2.warpAffine(picture, matrix, (resolution * finer, resolution * finer),
                                 flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return cv2.resize(sampled, (resolution, resolution), interpolation=cv2.INTER_AREA)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels (..., 2) of the picture from points (..., 3) in the window's camera."""
        return np.array([self.x, self.y]) + self.size * Camera(FOCAL, 1, 1).project(points)

    def pose_in(self, camera: Camera, rotation: np.ndarray, translation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rotation and translation (..., 3) before `camera` that look like those given before the window's camera."""
        return transfer(rotation, translation, self._lens, _lens_of(camera))

    def pose_from(self, camera: Camera, rotation: np.ndarray, translation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The inverse of `pose_in`."""
        return transfer(rotation, translation, _lens_of(camera), self._lens)

    @property
    def _lens(self) -> np.ndarray:
        return np.array([FOCAL * self.size, self.x + self.size / 2, self.y + self.size / 2])


def transfer(
    rotation: np.ndarray, translation: np.ndarray, lens: np.ndarray, other: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The pose (..., 3), (..., 3) before one lens as it looks through another on the same picture.

    A lens (..., 3) is focal length and principal point u, v in pixels. The head's origin keeps its pixel, the head its
    size, and its turn against the line of sight; only the strength of the perspective differs.
    """
    sight = translation / -translation[..., 2:]
    depth = translation[..., 2:] * (other[..., :1] / lens[..., :1])
    pixel = lens[..., 1:] + lens[..., :1] * sight[..., :2] * [1, -1]
    new_sight = np.concatenate([(pixel - other[..., 1:]) / other[..., :1] * [1, -1], sight[..., 2:]], -1)
    turned = _shortest_turn(sight, new_sight) @ rotation_matrix(rotation)
    return rotation_angles(turned), new_sight * -depth


def _lens_of(camera: Camera) -> np.ndarray:
    return np.array([camera.focal_px, camera.width / 2, camera.height / 2])


def _shortest_turn(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Rotation (..., 3, 3) of direction start (..., 3) into direction end."""
    a, b = (v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (start, end))
    x, y, z = np.moveaxis(np.cross(a, b), -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([np.stack([zero, -z, y], -1), np.stack([z, zero, -x], -1), np.stack([-y, x, zero], -1)], -2)
    cosine = (a * b).sum(-1)[..., None, None]
    return np.eye(3) + cross + cross @ cross / (1 + cosine)
