"""Coverage of head poses by the clip: how far a pose is from the nearest plate, and where tracking was unreliable."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import InputError
from .messages import message
from .stored import FPS, Array, Damaged, read_npz, require_arrays

DEGREES_PER_MM = 0.1
"""Weight of translation beside rotation, as in the backend's plate matching: 10 mm count as one degree."""
MIN_CONFIDENCE = 0.5
"""Tracking confidence below this is listed; it is 1 where the face was seen well."""
MAX_POSES = 1500
"""Poses of a longer clip are thinned out to fewer than twice as many, because neighbours differ too little to see."""
JOIN_FRAMES = 3
_LAYOUT = {"fps": FPS, "rotation": Array(("frames", 3)), "translation": Array(("frames", 3)),
           "confidence": Array(("frames",), low=0, high=1)}


@dataclass(frozen=True)
class ClipTrack:
    """The tracked clip at `fps`: rotation (S, 3) radians, translation (S, 3) mm, confidence (S,)."""

    fps: float
    rotation: np.ndarray
    translation: np.ndarray
    confidence: np.ndarray

    @staticmethod
    def load(path: Path) -> ClipTrack:
        """Read these arrays of a track.npz; raises InputError for any other file."""
        try:
            stored = read_npz(path)
            require_arrays(stored, _LAYOUT)
        except Damaged as error:
            raise InputError(
                message("{path} cannot be read as a track. Learn the subject again.", path=path)) from error
        arrays = (stored[name].astype(np.float32) for name in ("rotation", "translation", "confidence"))
        return ClipTrack(float(stored["fps"]), *arrays)


@dataclass(frozen=True)
class Span:
    """Frames `first` to `last`, both included, and the largest value among them."""

    first: int
    last: int
    peak: float


def pose_distance(rotation: np.ndarray, translation: np.ndarray, track: ClipTrack) -> np.ndarray:
    """Return the distance (T,) in degrees from each head pose to the clip's nearest one.

    rotation: (T, 3) radians.
    translation: (T, 3) millimetres.
    """
    step = max(1, len(track.rotation) // MAX_POSES)
    clip_poses = _pose_vector(track.rotation, track.translation)[::step]
    centre = clip_poses.mean(axis=0)  # centred values are small, so their squares keep more digits
    clip_poses, poses = clip_poses - centre, _pose_vector(rotation, translation) - centre
    squares = (clip_poses**2).sum(axis=1)
    nearest = [(squares - 2 * block @ clip_poses.T).min(axis=1) + (block**2).sum(axis=1)
               for block in np.array_split(poses, len(poses) // 512 + 1)]
    return np.sqrt(np.maximum(np.concatenate(nearest), 0.0)).astype(np.float32)


def spans_above(frames: np.ndarray, values: np.ndarray, limit: float, join: int = JOIN_FRAMES) -> list[Span]:
    """Return the spans in which `values` (T,) at ascending `frames` (T,) exceed `limit`.

    Spans that are up to `join` frames apart are joined.
    """
    frames, values = np.asarray(frames), np.asarray(values)
    above = np.flatnonzero(values > limit)
    if len(above) == 0:
        return []
    breaks = np.flatnonzero(np.diff(frames[above]) > join + 1) + 1
    return [Span(int(frames[indices[0]]), int(frames[indices[-1]]), float(values[indices].max()))
            for indices in np.split(above, breaks)]


def _pose_vector(rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Return poses (T, 6) in one unit, degrees."""
    return np.hstack([np.degrees(rotation), np.asarray(translation, dtype=np.float64) * DEGREES_PER_MM])
