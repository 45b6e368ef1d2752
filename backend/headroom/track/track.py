"""The track of a clip: 257 coefficients a frame, one camera, one crop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from headroom.common.errors import InputError
from headroom.common.files import NPZ_ERRORS, atomic_write
from headroom.face.camera import Camera, Crop, pose_vertices
from headroom.face.model import FaceModel
from headroom.face.performance import Performance

_CROP_MARGIN = 1.25
_ARRAYS = ("identity", "texture", "light", "expression", "rotation", "translation", "confidence")


@dataclass(frozen=True)
class Track:
    """identity (I,), texture (I,), light (9, 3); expression (T, 64), rotation (T, 3) radians, translation (T, 3) mm;
    confidence (T,): 1 where the face was seen well, 0 where the frame was filled in.
    """

    fps: float
    camera: Camera
    crop: Crop
    identity: np.ndarray
    texture: np.ndarray
    light: np.ndarray
    expression: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    confidence: np.ndarray

    def __len__(self) -> int:
        return len(self.expression)

    @property
    def performance(self) -> Performance:
        """The person's own motion."""
        expression, rotation, translation = (
            a.astype(np.float32) for a in (self.expression, self.rotation, self.translation)
        )
        return Performance(self.fps, expression, rotation, translation)

    def placed(self, model: FaceModel, frame: int) -> np.ndarray:
        """Vertices (V, 3) of one frame in camera axes."""
        return pose_vertices(model.shape(self.identity, self.expression[frame]), self.rotation[frame], self.translation[frame])

    def part(self, first: int, end: int) -> "Track":
        """The frames first..end-1, fewer where the track ends before."""
        per_frame = ("expression", "rotation", "translation", "confidence")
        return replace(self, **{name: getattr(self, name)[first:end] for name in per_frame})

    def values(self) -> dict[str, np.ndarray]:
        """Everything as arrays, by name."""
        plain = {
            "fps": np.array(self.fps, np.float64),
            "camera": np.array([self.camera.focal_px, self.camera.width, self.camera.height]),
            "crop": np.array([self.crop.x, self.crop.y, self.crop.size]),
        }
        return plain | {name: np.asarray(getattr(self, name), np.float32) for name in _ARRAYS}

    @staticmethod
    def of_values(data: Mapping[str, np.ndarray]) -> "Track":
        """The track that `values` took apart; KeyError or ValueError where something is missing."""
        focal, width, height = data["camera"]
        return Track(
            float(data["fps"]),
            Camera(float(focal), int(width), int(height)),
            Crop(*(int(v) for v in data["crop"])),
            **{name: data[name] for name in _ARRAYS},
        )

    def save(self, path: Path) -> None:
        with atomic_write(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, **self.values())

    @staticmethod
    def load(path: Path) -> "Track":
        try:
            with np.load(path, allow_pickle=False) as data:
                return Track.of_values(data)
        except NPZ_ERRORS as error:
            raise InputError(f"{path} is not a track; learn the subject again.") from error


def face_crop(
    model: FaceModel, camera: Camera, identity: np.ndarray, rotation: np.ndarray, translation: np.ndarray
) -> Crop:
    """The square window around the neutral face (I,) in all poses (T, 3), with room for jaw, neck and edits."""
    vertices = model.shape(identity)
    pixels = np.concatenate(
        [camera.project(pose_vertices(vertices, r, t)) for r, t in zip(rotation[::3], translation[::3])]
    )
    low, high = pixels.min(0), pixels.max(0)
    size = int(np.ceil(float((high - low).max()) * _CROP_MARGIN / 2)) * 2
    x, y = np.rint((low + high - size) / 2).astype(int)
    return Crop(int(x), int(y) + round(0.02 * size), size)
