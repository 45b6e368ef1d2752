"""The track of a clip: coefficients of every frame, one identity, one camera, one crop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from headroom.common.errors import InputError
from headroom.common.stored import FPS, Array, Damaged, format_number, read_npz, require_arrays, write_npz
from headroom.face.camera import Camera, Crop, pose_vertices
from headroom.face.head_depth import HeadDepth
from headroom.face.model import FaceModel
from headroom.face.performance import Performance

FORMAT = 2
"""Format of a track's arrays, stored as `track_format`. Format 1 has the same arrays and no format number."""

_CROP_MARGIN = 1.25
_ARRAYS = {
    "identity": Array(("identity modes",)),
    "texture": Array(("texture modes",), least=0),
    "light": Array((9, 3)),
    "expression": Array(("frames", 64)),
    "rotation": Array(("frames", 3)),
    "translation": Array(("frames", 3)),
    "confidence": Array(("frames",), low=0, high=1),
}
_HEAD_DEPTH = {
    "head_depth": Array(("rows", "columns"), optional=True),
    "head_depth_origin": Array((2,), optional=True),
}
_LAYOUT = {"fps": FPS, "camera": Array((3,), low=1), "crop": Array((3,)), **_ARRAYS, **_HEAD_DEPTH}


@dataclass(frozen=True)
class Track:
    """Coefficients of a clip's T frames (paper §3.1).

    identity, texture: (I,). light: (9, 3) coefficients γ.
    expression: (T, 64). rotation: (T, 3) radians. translation: (T, 3) mm, camera axes.
    confidence: (T,) 1 for a well fitted frame, 0 for a frame without a face.
    head_depth: where the head beyond the face lies; None where it is not measured, as in photos.
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
    head_depth: HeadDepth | None = None

    def __len__(self) -> int:
        return len(self.expression)

    @property
    def performance(self) -> Performance:
        """The person's own motion."""
        expression, rotation, translation = (
            a.astype(np.float32) for a in (self.expression, self.rotation, self.translation)
        )
        return Performance(self.fps, expression, rotation, translation)

    def vertices(self, model: FaceModel, frame: int) -> np.ndarray:
        """Return the vertices (V, 3), mm, of one frame in camera axes."""
        shape = model.shape(self.identity, self.expression[frame])
        return pose_vertices(shape, self.rotation[frame], self.translation[frame])

    def slice(self, first: int, end: int) -> Track:
        """Return the track of frames first..end-1, or fewer where the track is shorter."""
        per_frame = ("expression", "rotation", "translation", "confidence")
        return replace(self, **{name: getattr(self, name)[first:end] for name in per_frame})

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the track as arrays by name, with the format number."""
        header = {
            "track_format": np.array(FORMAT),
            "fps": np.array(self.fps, np.float64),
            "camera": np.array([self.camera.focal_px, self.camera.width, self.camera.height]),
            "crop": np.array([self.crop.x, self.crop.y, self.crop.size]),
        }
        depth = () if self.head_depth is None else (self.head_depth.offset, self.head_depth.origin)
        arrays = {name: np.asarray(getattr(self, name), np.float32) for name in _ARRAYS}
        return header | arrays | dict(zip(_HEAD_DEPTH, depth))

    @staticmethod
    def from_arrays(data: Mapping[str, np.ndarray]) -> Track:
        """Return the track in arrays of this or an older format; other arrays are ignored.

        Raises Damaged where an array is missing or malformed.
        """
        arrays = upgrade(data)
        require_arrays(arrays, _LAYOUT)
        if arrays["crop"][2] < 1:
            raise Damaged("the crop is empty")
        if len({name in arrays for name in _HEAD_DEPTH}) > 1:
            raise Damaged("the head's depth lacks its values or its place")
        focal, width, height = arrays["camera"]
        return Track(
            float(arrays["fps"]),
            Camera(float(focal), int(width), int(height)),
            Crop(*(int(v) for v in arrays["crop"])),
            **{name: arrays[name] for name in _ARRAYS},
            head_depth=HeadDepth(*(arrays[name].astype(np.float32) for name in _HEAD_DEPTH))
            if "head_depth" in arrays else None,
        )

    def save(self, path: Path) -> None:
        """Write the track to an .npz file."""
        write_npz(path, self.to_arrays())

    @staticmethod
    def load(path: Path) -> Track:
        """Read a track; InputError when the file is not one, or of a newer format."""
        try:
            return Track.from_arrays(read_npz(path))
        except Damaged as error:
            raise InputError(f"{path} is not a track, because {error}; learn the subject again.") from error


def upgrade(data: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return a track's arrays in the current format, without the format number.

    Raises InputError when the arrays are of a newer format.
    """
    number = format_number(data, "track_format")
    if number > FORMAT:
        raise InputError("This track was written by a newer version of Headroom; update Headroom.")
    return {name: data[name] for name in _LAYOUT if name in data}  # formats 1 and 2 have the same arrays


def face_crop(
    model: FaceModel, camera: Camera, identity: np.ndarray, rotation: np.ndarray, translation: np.ndarray
) -> Crop:
    """Return the crop around the neutral face in all poses, with a margin for the jaw, the neck and edits.

    identity: (I,). rotation, translation: (T, 3).
    """
    vertices = model.shape(identity)
    pixels = np.concatenate(
        [camera.project(pose_vertices(vertices, r, t)) for r, t in zip(rotation[::3], translation[::3])]
    )
    low, high = pixels.min(0), pixels.max(0)
    size = int(np.ceil(float((high - low).max()) * _CROP_MARGIN / 2)) * 2
    x, y = np.rint((low + high - size) / 2).astype(int)
    return Crop(int(x), int(y) + round(0.02 * size), size)
