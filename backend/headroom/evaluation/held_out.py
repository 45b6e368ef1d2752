"""The part of a clip that was not learned, with what measuring needs of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headroom.common.errors import InputError
from headroom.common.networks.arcface import EMBEDDING_SIZE, ArcFace
from headroom.common.progress import Progress, no_progress
from headroom.face.camera import pose_vertices
from headroom.face.model import FaceModel
from headroom.face.performance import Performance
from headroom.media.credentials.provenance import opened
from headroom.media.soundtrack import SoundtrackSource
from headroom.media.video import MovieOptions, VideoInfo, VideoWriter, read_frames
from headroom.plate.composite import crop_frame
from headroom.track.landmarks.detect import COUNT, find_landmarks
from headroom.track.regressor.estimate import five_points
from headroom.track.track import Track

SIZE = 256  # pixels, side of the crops for SSIM, landmarks and flicker


@dataclass(frozen=True)
class ClipPart:
    """A clip from `from_seconds` to its end, and the track of that part with the person's face model."""

    clip: Path
    video: VideoInfo
    from_seconds: float
    track: Track
    model: FaceModel

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        """Yield the true frames (H, W, 3)."""
        return read_frames(self.clip, self.from_seconds)

    def writer(self, path: Path, generated: bool = False) -> VideoWriter:
        """Return the writer of a movie with the size, rate and sound of this part."""
        provenance = replace(opened(self.clip, path.stem), kind="generated" if generated else "opened")
        return VideoWriter(path, self.video.fps, self.video.width, self.video.height,
                           sound=SoundtrackSource(self.clip, self.from_seconds),
                           options=MovieOptions(provenance=provenance))

    def face_points(self, motion: Performance) -> NDArray[np.float64]:
        """Return the pixels (T, P, 2) of points on the face's surface that move with the head only."""
        neutral = self.model.shape(self.track.identity)[::23]
        return self.track.camera.project(pose_vertices(neutral, motion.rotation, motion.translation))


@dataclass(frozen=True)
class HeldOutPart:
    """The held-out part with its crops and their landmarks.

    crops: (T, 256, 256, 3) uint8.
    landmarks: (T, 478, 3) in pixels of the crops, NaN where no face was found.
    arcface: network that compares identities; None leaves that out.
    """

    part: ClipPart
    crops: NDArray[np.uint8]
    landmarks: NDArray[np.float32]
    arcface: ArcFace | None = None

    @staticmethod
    def read(part: ClipPart, arcface: ArcFace | None = None, progress: Progress = no_progress) -> HeldOutPart:
        """Read the true frames and find their landmarks."""
        crops = np.stack([crop_frame(frame, part.track.crop, SIZE) for frame in part.frames()])
        return HeldOutPart(part, crops, find_landmarks_or_nan(crops, part.track.fps, progress), arcface)

    @property
    def has_face(self) -> NDArray[np.bool_]:
        """(T,) whether a face was found in the true frame."""
        return np.isfinite(self.landmarks[:, 0, 0])

    def frame_landmarks(self, frame: int) -> NDArray[np.float32]:
        """Return landmarks (478, 2) in pixels of the full true frame; NaN where no face was found."""
        crop = self.part.track.crop
        return self.landmarks[frame, :, :2] * np.float32(crop.size / SIZE) + np.array([crop.x, crop.y], np.float32)

    @cached_property
    def embeddings(self) -> NDArray[np.float32] | None:
        """Identity embeddings (T, D) of the true frames, NaN where no face was found; None without a network."""
        return embeddings(self.arcface, self.crops, self.landmarks)


def find_landmarks_or_nan(
    crops: NDArray[np.uint8], fps: float, progress: Progress = no_progress
) -> NDArray[np.float32]:
    """Return landmarks (T, 478, 3) in pixels of crops (T, S, S, 3); NaN where no face was found, even if in none."""
    try:
        return find_landmarks(crops, fps, progress).points
    except InputError:
        return np.full((len(crops), COUNT, 3), np.nan, np.float32)


def embeddings(
    arcface: ArcFace | None, crops: NDArray[np.uint8], landmarks: NDArray[np.float32]
) -> NDArray[np.float32] | None:
    """Return identity embeddings (T, D) of crops (T, S, S, 3) with landmarks (T, 478, 3), NaN where these are."""
    if arcface is None:
        return None
    vectors = np.full((len(crops), EMBEDDING_SIZE), np.nan, np.float32)
    for vector, crop, points in zip(vectors, crops, landmarks):
        if np.isfinite(points).all():
            vector[:] = arcface.embed(crop, five_points(points))
    return vectors
