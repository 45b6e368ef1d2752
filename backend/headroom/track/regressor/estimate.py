"""What a regressor reads off one picture: all 257 coefficients (paper §3.1) before its window's camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from headroom.face.camera import Camera, pose_vertices
from headroom.face.model import FaceModel
from headroom.track.landmarks.detect import COUNT
from headroom.track.regressor.crop import FOCAL, Deep3DCrop

SIZES = (80, 64, 80, 3, 27, 3)
"""Identity, expression, texture, rotation, light and translation, in the order of the published network's 257."""
COEFFICIENTS = sum(SIZES)

_EYE_CORNERS = ((33, 133), (362, 263))
_NOSE_TIP, _MOUTH_CORNERS = 4, (61, 291)


@dataclass(frozen=True)
class FaceEstimate:
    """identity (80,), expression (64,), texture (80,), light γ (9, 3); rotation (3,) radians and translation (3,) mm
    in the camera of `crop`.
    """

    crop: Deep3DCrop
    identity: np.ndarray
    expression: np.ndarray
    texture: np.ndarray
    rotation: np.ndarray
    light: np.ndarray
    translation: np.ndarray

    @staticmethod
    def of(coefficients: np.ndarray, crop: Deep3DCrop) -> "FaceEstimate":
        """The guess that 257 coefficients of this project's conventions are."""
        parts = np.split(np.asarray(coefficients, np.float32), np.cumsum(SIZES)[:-1])
        identity, expression, texture, rotation, light, translation = parts
        return FaceEstimate(crop, identity, expression, texture, rotation, light.reshape(9, 3), translation)

    @property
    def coefficients(self) -> np.ndarray:
        """(257,) float32; the inverse of `of`."""
        parts = (self.identity, self.expression, self.texture, self.rotation, self.light.ravel(), self.translation)
        return np.concatenate(parts).astype(np.float32)

    def landmarks(self, model: FaceModel) -> np.ndarray:
        """(478, 3) as MediaPipe's: pixels of the picture, z in the same unit; NaN where the model has no landmark."""
        placed = pose_vertices(model.shape(self.identity, self.expression), self.rotation, self.translation)
        placed = placed[model.landmark_vertices]
        pixels_per_mm = FOCAL * self.crop.size / -self.translation[2]
        points = np.full((COUNT, 3), np.nan, np.float32)
        depth = (self.translation[2] - placed[:, 2]) * pixels_per_mm
        points[model.landmark_ids] = np.concatenate([self.crop.project(placed), depth[:, None]], 1)
        return points

    def pose(self, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
        """Rotation (3,) and translation (3,) before the clip's camera."""
        return self.crop.pose_in(camera, self.rotation, self.translation)


class FaceRegressor(Protocol):
    """A network that reads a face."""

    def read(self, picture: np.ndarray, crop: Deep3DCrop) -> FaceEstimate:
        """What it sees in a window of a picture (H, W, 3) uint8."""


def five_points(points: np.ndarray) -> np.ndarray:
    """(..., 5, 2) eyes, tip of the nose and corners of the mouth of MediaPipe's landmarks (..., 478, 3)."""
    eyes = [points[..., corners, :2].mean(-2) for corners in _EYE_CORNERS]
    return np.stack([*eyes, *(points[..., i, :2] for i in (_NOSE_TIP, *_MOUTH_CORNERS))], -2)
