"""Plates for the refiner's training: for each frame one of another moment, reprojected as in a shot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headroom.common.progress import Progress, no_progress
from headroom.face.model import FaceModel
from headroom.plate.composite import crop_frame
from headroom.plate.layers import BackgroundLayers
from headroom.plate.match import pose_vectors
from headroom.plate.source_choice import WantedFace
from headroom.subject.track_plates import head_surface, plates_of_track
from headroom.track.track import Track

EXCLUDED_SECONDS = 0.5
"""Plates this near in time are too like the frame: a shot has none so like."""
RUN_FRAMES = 8
"""Frames in a row whose plates are the nearest; as many others follow whose plates are any of the nearer ones."""
NEARER = 0.3
"""Fraction of the plates that count as nearer."""


def training_plates(
    model: FaceModel, track: Track, frames: Sequence[NDArray[np.uint8]], resolution: int,
    progress: Progress = no_progress,
) -> NDArray[np.uint8]:
    """Return a plate (R, R, 3) and where it is valid for each of T frames (H, W, 3): (T, R, R, 4) uint8.

    A clip shorter than the time around a frame that is left out gives plates of its other end, a photo its own picture.
    """
    layers = BackgroundLayers(frames, track.camera, head_surface(model, track))
    plates = plates_of_track(model, track, layers, resolution)
    poses = pose_vectors(track.performance.pose)
    random, out = np.random.default_rng(0), np.zeros((len(track), resolution, resolution, 4), np.uint8)
    for frame in np.flatnonzero(track.confidence > 0):
        progress(frame / len(track), "Reprojecting plates")
        allowed = _other_moments(track, frame)
        distance = np.where(allowed, np.linalg.norm(poses - poses[frame], axis=1), np.inf)
        rank = 0
        if frame // RUN_FRAMES % 2:
            rank = int(random.integers(max(round(NEARER * allowed.sum()), 1)))
        number = int(np.argsort(distance, kind="stable")[rank])
        wanted = WantedFace(plates.faces.vertices(frame), plates.faces.pose(frame))
        plate = plates.reprojected(number, wanted, allowed)
        out[frame, ..., :3] = crop_frame(plate.picture, track.crop, resolution)
        out[frame, ..., 3] = plate.valid
    return out


def _other_moments(track: Track, frame: int) -> NDArray[np.bool_]:
    """Return (T,) whether a frame shows a face, and another moment than `frame`; the frame alone where none does."""
    radius = min(EXCLUDED_SECONDS * track.fps, (len(track) - 1) / 4)
    numbers = np.arange(len(track))
    others = (np.abs(numbers - frame) > radius) & (track.confidence > 0)
    return np.asarray(others if others.any() else numbers == frame)
