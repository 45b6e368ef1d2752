"""A made-up person whose coefficients are known."""

from dataclasses import dataclass

import numpy as np

from headroom.face.camera import Camera, pose_vertices
from headroom.face.model import FaceModel


@dataclass
class Known:
    model: FaceModel
    camera: Camera
    identity: np.ndarray
    expression: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    fps: float = 25.0

    def vertices(self, frame):
        return pose_vertices(self.model.shape(self.identity, self.expression[frame]), self.rotation[frame],
                     self.translation[frame])

    def landmarks(self):
        """(T, 478, 3) as the landmark network would give them, without its errors."""
        points = np.zeros((len(self.expression), 478, 3), np.float32)
        for frame in range(len(points)):
            vertices = self.vertices(frame)[self.model.landmark_vertices]
            pixels = self.camera.project(vertices)
            depth = (self.translation[frame, 2] - vertices[:, 2]) * self.camera.focal_px / -self.translation[frame, 2]
            points[frame, self.model.landmark_ids] = np.concatenate([pixels, depth[:, None]], 1)
        return points


def smooth_noise(rng, frames, channels, seconds, fps=25.0):
    keys = rng.normal(size=(int(frames / fps / seconds) + 3, channels))
    at = np.arange(frames) / fps / seconds
    return np.stack([np.interp(at, np.arange(len(keys)), keys[:, c]) for c in range(channels)], 1)
