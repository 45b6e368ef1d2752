"""The pinhole camera of a clip, the face crop, and the pose of a head.

Axes, units and the order of rotations are those of docs/architecture.md ("Space, picture and time").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Camera:
    """A pinhole camera whose principal point is the frame's centre.

    focal_px: focal length, pixels of the full frame.
    width, height: of the full frame, pixels.
    """

    focal_px: float
    width: int
    height: int

    def project(self, points: np.ndarray) -> np.ndarray:
        """Return the pixels (..., 2) of points (..., 3) in camera axes, millimetres; z must be negative."""
        depth = -points[..., 2]
        u = self.width / 2 + self.focal_px * points[..., 0] / depth
        v = self.height / 2 - self.focal_px * points[..., 1] / depth
        return np.stack([u, v], -1)


@dataclass(frozen=True)
class Crop:
    """The face crop: a square of the full frame, in whole pixels. It may extend beyond the frame.

    x, y: left and top; size: side.
    """

    x: int
    y: int
    size: int


def projection_derivative(focal_px: float, positions: np.ndarray) -> np.ndarray:
    """Return pixels per millimetre in camera axes (..., 2, 3) at points (..., 3)."""
    x, y, depth = positions[..., 0], positions[..., 1], -positions[..., 2]
    scale, zero = focal_px / depth, np.zeros_like(depth)
    return np.stack(
        [np.stack([scale, zero, scale * x / depth], -1), np.stack([zero, -scale, -scale * y / depth], -1)], -2
    )


def rotation_matrix(rotation: np.ndarray) -> np.ndarray:
    """Return R (..., 3, 3) = Rz(roll) Ry(yaw) Rx(pitch) for rotation (..., 3): pitch, yaw, roll in radians."""
    x, y, z = (_axis_rotation(rotation[..., k], k) for k in range(3))
    return z @ y @ x


def rotation_and_derivatives(rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return R (..., 3, 3) and dR (..., 3, 3, 3).

    dR[..., k, :, :] is the derivative by pitch, yaw or roll (k = 0, 1, 2), which `scipy.spatial.transform` does not
    compute.
    """
    x, y, z = (_axis_rotation(rotation[..., k], k) for k in range(3))
    dx, dy, dz = (_axis_rotation(rotation[..., k] + np.pi / 2, k, derivative=True) for k in range(3))
    return z @ y @ x, np.stack([z @ y @ dx, z @ dy @ x, dz @ y @ x], -3)


def rotation_angles(matrix: np.ndarray) -> np.ndarray:
    """Return pitch, yaw, roll (..., 3) in radians of R (..., 3, 3), for |yaw| < 90 degrees."""
    yaw = np.arcsin(np.clip(-matrix[..., 2, 0], -1, 1))
    pitch = np.arctan2(matrix[..., 2, 1], matrix[..., 2, 2])
    roll = np.arctan2(matrix[..., 1, 0], matrix[..., 0, 0])
    return np.stack([pitch, yaw, roll], -1)


def pose_vertices(vertices: np.ndarray, rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Return vertices (..., V, 3) in camera axes for vertices (..., V, 3) in model axes.

    rotation: (..., 3) pitch, yaw, roll in radians.
    translation: (..., 3) millimetres.
    """
    return vertices @ np.swapaxes(rotation_matrix(rotation), -1, -2) + translation[..., None, :]


def _axis_rotation(angle: np.ndarray, axis: int, derivative: bool = False) -> np.ndarray:
    """Return the rotation (..., 3, 3) about one axis.

    derivative: zero the axis' own entry; with angle + 90 degrees this gives the derivative.
    """
    a, b = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.zeros((*np.shape(angle), 3, 3))
    matrix[..., axis, axis] = 0 if derivative else 1
    matrix[..., a, a] = matrix[..., b, b] = np.cos(angle)
    matrix[..., a, b], matrix[..., b, a] = -np.sin(angle), np.sin(angle)
    return matrix
