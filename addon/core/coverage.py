"""What the clip has shown of a person: head poses near a plate, and frames where tracking was sure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import UNREADABLE, InputError

DEGREES_PER_MM = 0.1
"""How much a shift counts beside a turn, as in the backend's plate matching: 10 mm as one degree."""
SURE = 0.5
"""Tracking confidence below this is worth a look; it is 1 where the face was seen well."""
POSES = 1500
"""Of a longer clip so many poses are compared; neighbours differ by less than anybody sees."""
JOIN_FRAMES = 3


@dataclass(frozen=True)
class Clip:
    """The track of a subject's clip at `fps`: rotation (S, 3) radians, translation (S, 3) mm, confidence (S,)."""

    fps: float
    rotation: np.ndarray
    translation: np.ndarray
    confidence: np.ndarray

    @staticmethod
    def load(path: Path) -> "Clip":
        try:
            with np.load(path, allow_pickle=False) as data:
                arrays = (np.asarray(data[name], dtype=np.float32)
                          for name in ("rotation", "translation", "confidence"))
                return Clip(float(data["fps"]), *arrays)
        except UNREADABLE as error:
            raise InputError(f"{path} cannot be read as a track. Learn the subject again.") from error


@dataclass(frozen=True)
class Span:
    """Frames `first` to `last`, both included, and the worst value among them."""

    first: int
    last: int
    worst: float


def pose_distance(rotation: np.ndarray, translation: np.ndarray, clip: Clip) -> np.ndarray:
    """Degrees (T,) from each head pose to the clip's nearest one; rotation (T, 3) radians, translation (T, 3) mm."""
    step = max(1, len(clip.rotation) // POSES)
    seen = _pose_vector(clip.rotation, clip.translation)[::step]
    centre = seen.mean(axis=0)  # squares of small numbers keep their digits
    seen, wanted = seen - centre, _pose_vector(rotation, translation) - centre
    lengths = (seen**2).sum(axis=1)
    nearest = [(lengths - 2 * block @ seen.T).min(axis=1) + (block**2).sum(axis=1)
               for block in np.array_split(wanted, len(wanted) // 512 + 1)]
    return np.sqrt(np.maximum(np.concatenate(nearest), 0.0)).astype(np.float32)


def spans_above(frames: np.ndarray, values: np.ndarray, limit: float, join: int = JOIN_FRAMES) -> list[Span]:
    """Where `values` (T,) at `frames` (T,), ascending, exceed `limit`; spans up to `join` frames apart are one."""
    frames, values = np.asarray(frames), np.asarray(values)
    over = np.flatnonzero(values > limit)
    if len(over) == 0:
        return []
    breaks = np.flatnonzero(np.diff(frames[over]) > join + 1) + 1
    return [Span(int(frames[part[0]]), int(frames[part[-1]]), float(values[part].max()))
            for part in np.split(over, breaks)]


def _pose_vector(rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Poses (T, 6) in one unit, degrees."""
    return np.hstack([np.degrees(rotation), np.asarray(translation, dtype=np.float64) * DEGREES_PER_MM])
