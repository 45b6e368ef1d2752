"""A regressor's prediction for one picture: all 257 coefficients (paper §3.1), in the camera of the crop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from headroom.face.camera import Camera, pose_vertices
from headroom.face.model import FaceModel
from headroom.face.topology import EYE_CORNERS, MOUTH_CORNERS
from headroom.track.landmarks.detect import COUNT
from headroom.track.regressor.crop import FOCAL, RegressorCrop

SIZES = (80, 64, 80, 3, 27, 3)
"""Numbers of identity, expression, texture, rotation, light and translation coefficients, in the published order."""
COEFFICIENTS = sum(SIZES)

_NOSE_TIP = 4


@dataclass(frozen=True)
class FaceEstimate:
    """The coefficients of one face.

    identity: (80,). expression: (64,). texture: (80,). light: (9, 3) coefficients γ.
    rotation: (3,) radians and translation: (3,) mm, in the camera of `crop`.
    """

    crop: RegressorCrop
    identity: np.ndarray
    expression: np.ndarray
    texture: np.ndarray
    rotation: np.ndarray
    light: np.ndarray
    translation: np.ndarray

    @staticmethod
    def of(coefficients: np.ndarray, crop: RegressorCrop) -> FaceEstimate:
        """Split coefficients (257,) in Headroom's units and axes."""
        parts = np.split(np.asarray(coefficients, np.float32), np.cumsum(SIZES)[:-1])
        identity, expression, texture, rotation, light, translation = parts
        return FaceEstimate(crop, identity, expression, texture, rotation, light.reshape(9, 3), translation)

    @property
    def coefficients(self) -> np.ndarray:
        """(257,) float32; the inverse of `of`."""
        parts = (self.identity, self.expression, self.texture, self.rotation, self.light.ravel(), self.translation)
        return np.concatenate(parts).astype(np.float32)

    def landmarks(self, model: FaceModel) -> np.ndarray:
        """Return landmarks (478, 3) as MediaPipe's: pixels of the picture, z in the same unit.

        Landmarks that the model lacks are NaN.
        """
        vertices = pose_vertices(model.shape(self.identity, self.expression), self.rotation, self.translation)
        vertices = vertices[model.landmark_vertices]
        pixels_per_mm = FOCAL * self.crop.size / -self.translation[2]
        points = np.full((COUNT, 3), np.nan, np.float32)
        depth = (self.translation[2] - vertices[:, 2]) * pixels_per_mm
        points[model.landmark_ids] = np.concatenate([self.crop.project(vertices), depth[:, None]], 1)
        return points

    def pose(self, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
        """Return rotation (3,) and translation (3,) in the clip's camera."""
        return self.crop.pose_in(camera, self.rotation, self.translation)


class FaceRegressor(Protocol):
    """A network that predicts a face's coefficients from a picture."""

    def predict(self, picture: np.ndarray, crop: RegressorCrop) -> FaceEstimate:
        """Return the estimate for a crop of a picture (H, W, 3) uint8."""


def five_points(points: np.ndarray) -> np.ndarray:
    """Return eyes, tip of the nose and corners of the mouth (..., 5, 2) of MediaPipe's landmarks (..., 478, 3)."""
    eyes = [points[..., corners, :2].mean(-2) for corners in EYE_CORNERS]
    return np.stack([*eyes, *(points[..., i, :2] for i in (_NOSE_TIP, *MOUTH_CORNERS))], -2)
