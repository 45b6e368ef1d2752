"""The posed surface in a picture: its vertices, how frontally the camera sees them, and colours there."""

from __future__ import annotations

import cv2
import numpy as np

from headroom.face.camera import Camera, pose_vertices
from headroom.face.model import FaceModel
from headroom.track.solve.fit import Fit

_MIN_COSINE = 0.25
_ROW = 1024
"""Width of the sampled image, because `cv2.remap` takes images of at most 32,767 columns."""


def posed_surface(model: FaceModel, fit: Fit, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Return vertices and normals, each (V, 3), of one frame in camera axes."""
    shape = model.shape(fit.identity, fit.expression[frame])
    vertices = pose_vertices(shape, fit.rotation[frame], fit.translation[frame]).astype(np.float32)
    return vertices, model.normals(vertices)


def view_weight(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Return weights (N,): 1 for points that are seen frontally, 0 from 75 degrees on.

    points, normals: (N, 3) in camera axes.
    """
    cosine = -(points * normals).sum(1) / np.linalg.norm(points, axis=1)
    return np.clip((cosine - _MIN_COSINE) / (1 - _MIN_COSINE), 0, 1) ** 2


def sample_colours(picture: np.ndarray, camera: Camera, points: np.ndarray) -> np.ndarray:
    """Return a picture's colours (N, 3), 0..1, at the projections of points (N, 3) in camera axes."""
    pixels = np.zeros((-(-len(points) // _ROW), _ROW, 2), np.float32)
    pixels.reshape(-1, 2)[: len(points)] = camera.project(points) - 0.5
    colours = cv2.remap(picture, pixels[..., 0], pixels[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return colours.reshape(-1, 3)[: len(points)].astype(np.float32) / 255
