"""The face's surface in a picture: where it is, how squarely it is seen, and its colours there."""

from __future__ import annotations

import cv2
import numpy as np

from headroom.face.camera import Camera, pose_vertices
from headroom.face.model import FaceModel
from headroom.track.solve.fit import Fit


def posed_surface(model: FaceModel, fit: Fit, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) and their normals (V, 3) of one frame in camera axes."""
    shape = model.shape(fit.identity, fit.expression[frame])
    vertices = pose_vertices(shape, fit.rotation[frame], fit.translation[frame]).astype(np.float32)
    return vertices, model.normals(vertices)


def view_weight(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """(N,) how squarely points (N, 3) look at the camera, 0 from 75 degrees on."""
    towards = -(points * normals).sum(1) / np.linalg.norm(points, axis=1)
    return np.clip((towards - 0.25) / 0.75, 0, 1) ** 2


def sample_colours(picture: np.ndarray, camera: Camera, points: np.ndarray) -> np.ndarray:
    """Colours (N, 3) in 0..1 of the picture where points (N, 3) in camera axes project to."""
    pixels = np.zeros((-(-len(points) // _ROW), _ROW, 2), np.float32)  # OpenCV's pictures have at most 32,767 columns
    pixels.reshape(-1, 2)[: len(points)] = camera.project(points) - 0.5
    colours = cv2.remap(picture, pixels[..., 0], pixels[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return colours.reshape(-1, 3)[: len(points)].astype(np.float32) / 255


_ROW = 1024
