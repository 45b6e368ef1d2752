"""The identity feature of each learnt frame (paper §3.4), which the refiner is told whose face it paints by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headroom.common.networks.arcface import ArcFace
from headroom.common.progress import Progress, no_progress
from headroom.face.model import FaceModel
from headroom.track.landmarks.detect import COUNT
from headroom.track.regressor.estimate import five_points
from headroom.track.track import Track


def identity_features(
    model: FaceModel, track: Track, frames: Sequence[np.ndarray], arcface: ArcFace | None, progress: Progress = no_progress
) -> np.ndarray:
    """The feature of each frame (H, W, 3) uint8: ArcFace's (T, 512), or the face model's own coefficients (T, 160),
    which are the same for all.
    """
    if arcface is None:
        return np.tile(np.concatenate([track.identity, track.texture]).astype(np.float32), (len(track), 1))
    features = []
    for index, frame in enumerate(frames):
        progress(index / len(frames), f"Recognising the face in frame {index + 1} of {len(frames)}")
        features.append(arcface.embed(frame, face_points(model, track, index)))
    return np.stack(features)


def feature_name(model: FaceModel, arcface: ArcFace | None) -> str:
    """What the features are; the coefficients of two face models do not mean the same."""
    return "ArcFace" if arcface else f"face model {model.digest}"


def face_points(model: FaceModel, track: Track, frame: int) -> np.ndarray:
    """(5, 2) px: eyes, tip of the nose and corners of the mouth in a frame, as tracked."""
    points = np.full((COUNT, 2), np.nan)
    points[model.landmark_ids] = track.camera.project(track.vertices(model, frame)[model.landmark_vertices])
    return five_points(points)
