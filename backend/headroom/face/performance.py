"""Expression and pose of one face over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from headroom.common.errors import InputError
from headroom.common.stored import FPS, Array, Damaged, read_npz, require_arrays, write_npz
from headroom.face.controls.names import CONTROL_NAMES
from headroom.face.phone_track import PhoneTrack
from headroom.face.word_track import WordTrack

_LAYOUT = {
    "fps": FPS,
    "expression": Array(("samples", 64)),
    "rotation": Array(("samples", 3)),
    "translation": Array(("samples", 3)),
    "controls": Array(("samples", len(CONTROL_NAMES)), optional=True),
    "detail_share": Array((), low=0, high=1, optional=True),
}
_OPTIONAL = ("controls", "detail_share")


@dataclass(frozen=True)
class PoseTrack:
    """The pose of one head at a constant rate; sample i is at i / fps seconds.

    rotation: (T, 3) float32, pitch, yaw, roll in radians.
    translation: (T, 3) float32, millimetres, camera axes.
    """

    fps: float
    rotation: np.ndarray
    translation: np.ndarray

    def __len__(self) -> int:
        return len(self.rotation)


@dataclass(frozen=True)
class Performance:
    """Motion of one face at a constant rate.

    expression: (T, 64) float32, model coefficients.
    rotation: (T, 3) float32, pitch, yaw, roll in radians.
    translation: (T, 3) float32, millimetres, camera axes.
    phones: those of the speech that it was predicted from; None for motion of a clip, and in older files.
    controls: (T, 52) float32, 0..1, the part of the expression that the controls of the subject's rig make; None for
        motion of a clip, and in older files. The rest, expression - controls @ rig.controls, is the detail.
    detail_share: part of the face's motion that is detail, 0..1; None without controls.
    words: those of the speech; None where no transcript was given.
    """

    fps: float
    expression: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    phones: PhoneTrack | None = None
    controls: np.ndarray | None = None
    detail_share: float | None = None
    words: WordTrack | None = None

    def __len__(self) -> int:
        return len(self.expression)

    @property
    def pose(self) -> PoseTrack:
        """The head's pose alone."""
        return PoseTrack(self.fps, self.rotation, self.translation)

    @property
    def pose_vectors(self) -> np.ndarray:
        """Pose (T, 6) float32: pitch, yaw, roll in radians, then x, y, z in millimetres."""
        return np.concatenate([self.rotation, self.translation], 1).astype(np.float32)

    @property
    def seconds(self) -> float:
        """Duration."""
        return len(self) / self.fps

    def resampled(self, fps: float, frames: int | None = None) -> Performance:
        """Return the motion at another rate, interpolated linearly; sample i is at i / fps seconds.

        frames: length of the result; None for the same duration.
        """
        count = frames if frames is not None else max(1, round(self.seconds * fps))
        return replace(
            self,
            fps=fps,
            expression=resample(self.expression, self.fps, fps, count),
            rotation=resample(self.rotation, self.fps, fps, count),
            translation=resample(self.translation, self.fps, fps, count),
            controls=None if self.controls is None else resample(self.controls, self.fps, fps, count),
        )

    def save(self, path: Path) -> None:
        """Write the performance to an .npz file."""
        spoken = {name: values for track in (self.phones, self.words) if track is not None
                  for name, values in track.arrays().items()}
        write_npz(path, {"fps": np.float64(self.fps), "expression": self.expression, "rotation": self.rotation,
                         "translation": self.translation, **spoken,
                         **{name: getattr(self, name) for name in _OPTIONAL if getattr(self, name) is not None}})

    @staticmethod
    def load(path: Path) -> Performance:
        """Read a performance; InputError when the file is not one."""
        try:
            return Performance.of_arrays(read_npz(path))
        except Damaged as error:
            raise InputError(f"{path} is not a performance, because {error}; choose a file that `headroom perform` "
                             "wrote.") from error

    @staticmethod
    def of_arrays(stored: Mapping[str, np.ndarray]) -> Performance:
        """Return the performance in stored arrays; raises Damaged where one is missing or malformed."""
        require_arrays(stored, _LAYOUT | {name: array for track in (PhoneTrack, WordTrack) if track.is_in(stored)
                                          for name, array in track.LAYOUT.items()})
        if "controls" in stored and "detail_share" not in stored:
            raise Damaged("detail_share is missing")
        expression, rotation, translation = (
            stored[name].astype(np.float32) for name in ("expression", "rotation", "translation"))
        has_controls = "controls" in stored
        return Performance(float(stored["fps"]), expression, rotation, translation, PhoneTrack.of_arrays(stored),
                           stored["controls"].astype(np.float32) if has_controls else None,
                           float(stored["detail_share"]) if has_controls else None, WordTrack.of_arrays(stored))


def resample(values: np.ndarray, from_fps: float, to_fps: float, frames: int) -> np.ndarray:
    """Interpolate values (T, C) at `from_fps` linearly to (frames, C) float32 at `to_fps`; the last value is held."""
    position = np.clip(np.arange(frames) * (from_fps / to_fps), 0, len(values) - 1)
    low = np.floor(position).astype(int)
    high = np.minimum(low + 1, len(values) - 1)
    weight = (position - low)[:, None]
    return (values[low] * (1 - weight) + values[high] * weight).astype(np.float32)
