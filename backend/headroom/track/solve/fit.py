"""Values that the solvers exchange: a fit of a clip, and further information about its frames' motion."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from headroom.face.camera import Camera
from headroom.face.pose_information import PoseInformation

POSE_SIZE = 6
"""Rotation and translation: the last columns of a frame's state."""


@dataclass(frozen=True)
class Fit:
    """Coefficients of T frames.

    identity: (I,). expression: (T, E). rotation: (T, 3) radians. translation: (T, 3) mm, camera axes.
    error: (T,) mean landmark error in eye distances; NaN where no face was found.
    """

    camera: Camera
    identity: np.ndarray
    expression: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    error: np.ndarray

    @property
    def state(self) -> np.ndarray:
        """(T, E + 6): expression, rotation and translation, the unknowns that every frame has of its own."""
        return np.concatenate([self.expression, self.rotation, self.translation], axis=1)

    def with_state(self, state: np.ndarray) -> Fit:
        """Return the fit with another state (T, E + 6)."""
        return replace(self, expression=state[:, :-6], rotation=state[:, -6:-3], translation=state[:, -3:])

    def at(self, frames: np.ndarray | slice) -> Fit:
        """Return the fit of some of the frames."""
        return replace(self, expression=self.expression[frames], rotation=self.rotation[frames],
                       translation=self.translation[frames], error=self.error[frames])

    def through(self, camera: Camera, identity: np.ndarray) -> Fit:
        """Return the fit with another identity through another camera, at depths that keep the heads' sizes."""
        depth_ratio = np.array([1, 1, camera.focal_px / self.camera.focal_px])
        return replace(self, camera=camera, identity=identity, translation=self.translation * depth_ratio)


@dataclass(frozen=True)
class Information:
    """Gaussian information about each frame's state, as normal equations about a point (an information matrix).

    state: (T, S) the point.
    normal: (T, S, S) JᵀWJ. right: (T, S) JᵀWr at the point.
    """

    state: np.ndarray
    normal: np.ndarray
    right: np.ndarray

    def gradient(self, state: np.ndarray, frames: slice) -> np.ndarray:
        """Return JᵀWr (n, S) of some frames at another state (T, S) of all frames."""
        moved = (state[frames] - self.state[frames])[..., None]
        return self.right[frames] - (self.normal[frames] @ moved)[..., 0]

    def with_poses(self, poses: PoseInformation) -> Information:
        """Return this information and another one about the poses of the same frames."""
        normal, right = self.normal.copy(), self.right.copy()
        moved = (self.state[:, -POSE_SIZE:] - poses.pose)[..., None]
        normal[:, -POSE_SIZE:, -POSE_SIZE:] += poses.normal
        right[:, -POSE_SIZE:] += poses.right - (poses.normal @ moved)[..., 0]
        return Information(self.state, normal, right)
