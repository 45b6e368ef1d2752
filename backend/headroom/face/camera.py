"""The pinhole camera of a clip, the face crop, and the pose of a head before it.

Axes, units and the order of rotations are those of docs/architecture.md ("Space, picture and time").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Camera:
    """focal_px in pixels of a full frame of width x height; the principal point is its centre."""

    focal_px: float
    width: int
    height: int

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels (..., 2) of points (..., 3) in camera axes, millimetres; z must be negative."""
        depth = -points[..., 2]
        u = self.width / 2 + self.focal_px * points[..., 0] / depth
        v = self.height / 2 - self.focal_px * points[..., 1] / depth
        return np.stack([u, v], -1)


@dataclass(frozen=True)
class Crop:
    """A square window of the full frame, in whole pixels; it may reach beyond the frame."""

    x: int
    y: int
    size: int


def rotation_matrix(rotation: np.ndarray) -> np.ndarray:
    """R (..., 3, 3) = Rz(roll) Ry(yaw) Rx(pitch) from rotation (..., 3) = pitch, yaw, roll in radians."""
    return rotation_and_derivatives(rotation)[0]


def rotation_and_derivatives(rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """R (..., 3, 3) and dR (..., 3, 3, 3): dR[..., k, :, :] is the derivative by pitch, yaw or roll (k = 0, 1, 2)."""
    x, y, z = (_axis_rotation(rotation[..., k], k) for k in range(3))
    dx, dy, dz = (_axis_rotation(rotation[..., k] + np.pi / 2, k, derivative=True) for k in range(3))
    return z @ y @ x, np.stack([z @ y @ dx, z @ dy @ x, dz @ y @ x], -3)


def rotation_angles(matrix: np.ndarray) -> np.ndarray:
    """Pitch, yaw, roll (..., 3) in radians of R (..., 3, 3); inverse of `rotation_matrix` for |yaw| < 90 degrees."""
    yaw = np.arcsin(np.clip(-matrix[..., 2, 0], -1, 1))
    pitch = np.arctan2(matrix[..., 2, 1], matrix[..., 2, 2])
    roll = np.arctan2(matrix[..., 1, 0], matrix[..., 0, 0])
    return np.stack([pitch, yaw, roll], -1)


def pose_vertices(vertices: np.ndarray, rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Vertices (..., V, 3) of model axes in camera axes, for rotation (..., 3) and translation (..., 3)."""
    return vertices @ np.swapaxes(rotation_matrix(rotation), -1, -2) + translation[..., None, :]


def _axis_rotation(angle: np.ndarray, axis: int, derivative: bool = False) -> np.ndarray:
    """Rotation about one axis; `derivative` zeroes the axis' own entry, for use with angle + 90 degrees."""
    a, b = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.zeros((*np.shape(angle), 3, 3))
    matrix[..., axis, axis] = 0 if derivative else 1
    matrix[..., a, a] = matrix[..., b, b] = np.cos(angle)
    matrix[..., a, b], matrix[..., b, a] = -np.sin(angle), np.sin(angle)
    return matrix
