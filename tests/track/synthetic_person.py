"""A synthetic person: random coefficients, and the landmarks that follow from them."""

from dataclasses import dataclass

import numpy as np

from headroom.face.camera import Camera, pose_vertices
from headroom.face.model import FaceModel
from headroom.track.solve.tracker_input import TrackerInput


@dataclass
class SyntheticPerson:
    """identity (I,); expression (T, E), rotation (T, 3), translation (T, 3) of T frames."""

    model: FaceModel
    camera: Camera
    identity: np.ndarray
    expression: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    fps: float = 25.0

    @property
    def size(self):
        return self.camera.width, self.camera.height

    def vertices(self, frame):
        shape = self.model.shape(self.identity, self.expression[frame])
        return pose_vertices(shape, self.rotation[frame], self.translation[frame])

    def landmarks(self):
        """(T, 478, 3) as the landmark network would find them, without its errors."""
        points = np.zeros((len(self.expression), 478, 3), np.float32)
        for frame in range(len(points)):
            vertices = self.vertices(frame)[self.model.landmark_vertices]
            pixels = self.camera.project(vertices)
            depth = (self.translation[frame, 2] - vertices[:, 2]) * self.camera.focal_px / -self.translation[frame, 2]
            points[frame, self.model.landmark_ids] = np.concatenate([pixels, depth[:, None]], 1)
        return points

    def clip(self, points=None, frames=()):
        """The solvers' input, with exact landmarks unless others (T, 478, 3) are given."""
        return TrackerInput(frames, self.landmarks() if points is None else points, self.fps)


def smooth_noise(rng, frames, channels, seconds, fps=25.0):
    """(T, C) linear interpolation between random keys that are `seconds` apart."""
    keys = rng.normal(size=(int(frames / fps / seconds) + 3, channels))
    times = np.arange(frames) / fps / seconds
    return np.stack([np.interp(times, np.arange(len(keys)), keys[:, c]) for c in range(channels)], 1)
