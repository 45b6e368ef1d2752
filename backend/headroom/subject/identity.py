"""Identity features of the learned frames (paper, section 3.4), by which the refiner knows whose face it paints."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headroom.common.networks.arcface import ArcFace
from headroom.common.progress import Progress, no_progress
from headroom.face.model import FaceModel
from headroom.track.landmarks.detect import COUNT
from headroom.track.regressor.estimate import five_points
from headroom.track.track import Track


def identity_features(
    model: FaceModel, track: Track, frames: Sequence[NDArray[np.uint8]], arcface: ArcFace | None,
    progress: Progress = no_progress,
) -> NDArray[np.float32]:
    """Return the feature of each of the T frames (H, W, 3).

    With ArcFace these are its embeddings (T, 512), otherwise the face model's coefficients (T, 160), which are the same
    for all frames.
    """
    if arcface is None:
        return np.tile(np.concatenate([track.identity, track.texture]).astype(np.float32), (len(track), 1))
    features = []
    for index, frame in enumerate(frames):
        progress(index / len(frames), f"Recognising the face in frame {index + 1} of {len(frames)}")
        features.append(arcface.embed(frame, face_points(model, track, index)))
    return np.stack(features)


def feature_name(model: FaceModel, arcface: ArcFace | None) -> str:
    """Return what the features are. The coefficients of two face models mean different things."""
    return "ArcFace" if arcface else f"face model {model.digest}"


def face_points(model: FaceModel, track: Track, frame: int) -> NDArray[np.float64]:
    """Return eyes, tip of the nose and corners of the mouth (5, 2) in a frame as tracked, pixels."""
    points = np.full((COUNT, 2), np.nan)
    points[model.landmark_ids] = track.camera.project(track.vertices(model, frame)[model.landmark_vertices])
    return five_points(points)
