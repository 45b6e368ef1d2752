"""The regressors' crop, and its camera (Deng et al.'s, which their checkpoint needs).

A face is cropped so that it always has the same size and position. The crop's camera looks straight at the crop's
middle from one metre. Poses are converted between this camera and the clip's.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from headroom.face.camera import Camera, rotation_angles, rotation_matrix

FOCAL = 1015 / 224
"""Focal length of the crop's camera, in sides of the crop."""
DISTANCE_MM = 1000.0
_SIDE = 224 / 102
"""Side of the crop over the length of one decimetre of the face in it."""

REFERENCE = np.array([
    [-0.3115, 0.2904, 0.1338], [0.3098, 0.2897, 0.1318], [0.0033, -0.0462, 0.5524],
    [-0.2522, -0.3813, 0.2241], [0.2485, -0.3813, 0.2224],
])
"""(5, 3) decimetres: right eye, left eye, tip of the nose, corners of the mouth of a standard face."""


@dataclass(frozen=True)
class RegressorCrop:
    """A square of a picture, in its pixels. It may be fractional and extend beyond the picture.

    x, y: left and top; size: side.
    """

    x: float
    y: float
    size: float

    @staticmethod
    def around(points: np.ndarray) -> RegressorCrop:
        """Return the crop of a face with five points (5, 2), pixels, in the order of `REFERENCE`.

        The points are fitted by an affine projection of the reference, as in Deng et al.'s POS algorithm.
        """
        design = np.concatenate([REFERENCE, np.ones((len(REFERENCE), 1))], 1)
        across, down = np.linalg.lstsq(design, np.asarray(points, np.float64), rcond=None)[0].T
        size = _SIDE * (np.linalg.norm(across[:3]) + np.linalg.norm(down[:3])) / 2
        return RegressorCrop(float(across[3] - size / 2), float(down[3] - size / 2), float(size))

    def cut(self, picture: np.ndarray, resolution: int) -> np.ndarray:
        """Return the crop of a picture (H, W, 3) uint8, (resolution, resolution, 3); its edge is repeated outwards."""
        supersampling = max(1, int(np.ceil(self.size / resolution)))
        side = resolution * supersampling
        scale = side / self.size
        matrix = np.array([[scale, 0, -self.x * scale], [0, scale, -self.y * scale]])
        matrix[:, 2] += 0.5 * scale - 0.5  # pixel centres lie at halves
        sampled = cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return cv2.resize(sampled, (resolution, resolution), interpolation=cv2.INTER_AREA)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Return the picture's pixels (..., 2) of points (..., 3) in the crop's camera axes."""
        return np.array([self.x, self.y]) + self.size * Camera(FOCAL, 1, 1).project(points)

    def pose_in(self, camera: Camera, rotation: np.ndarray, translation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Convert rotation and translation (..., 3) from the crop's camera to another camera of the picture."""
        return convert_pose(rotation, translation, self._lens, _lens_of(camera))

    def pose_from(self, camera: Camera, rotation: np.ndarray, translation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Convert rotation and translation (..., 3) to the crop's camera; the inverse of `pose_in`."""
        return convert_pose(rotation, translation, _lens_of(camera), self._lens)

    @property
    def _lens(self) -> np.ndarray:
        return np.array([FOCAL * self.size, self.x + self.size / 2, self.y + self.size / 2])


def convert_pose(
    rotation: np.ndarray, translation: np.ndarray, source: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Convert a pose between two lenses on the same picture.

    The head's origin keeps its pixel, the head its size and its rotation against the line of sight. Only the strength
    of the perspective differs.

    rotation, translation: (..., 3).
    source, target: (..., 3) lenses: focal length, principal point u and v, pixels.
    """
    sight = translation / -translation[..., 2:]
    depth = translation[..., 2:] * (target[..., :1] / source[..., :1])
    pixel = source[..., 1:] + source[..., :1] * sight[..., :2] * [1, -1]
    new_sight = np.concatenate([(pixel - target[..., 1:]) / target[..., :1] * [1, -1], sight[..., 2:]], -1)
    rotated = _rotation_between(sight, new_sight) @ rotation_matrix(rotation)
    return rotation_angles(rotated), new_sight * -depth


def _lens_of(camera: Camera) -> np.ndarray:
    return np.array([camera.focal_px, camera.width / 2, camera.height / 2])


def _rotation_between(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the smallest rotation (..., 3, 3) that takes direction start (..., 3) to direction end (Rodrigues)."""
    a, b = (v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (start, end))
    x, y, z = np.moveaxis(np.cross(a, b), -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([np.stack([zero, -z, y], -1), np.stack([z, zero, -x], -1), np.stack([-y, x, zero], -1)], -2)
    cosine = (a * b).sum(-1)[..., None, None]
    return np.eye(3) + cross + cross @ cross / (1 + cosine)
