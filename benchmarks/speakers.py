"""Clips for the motion benchmarks: tracked once, cut into what is learnt and what is measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headroom.common.files import atomic_write
from headroom.evaluation import measures
from headroom.face.directions import FaceDirections
from headroom.face.camera import Camera, Crop, pose_vertices
from headroom.face.model import FaceModel, bundled_model
from headroom.face.performance import Performance
from headroom.media.audio import SAMPLE_RATE
from headroom.media.video import probe, read_frames
from headroom.motion.audio.features import FRAME_RATE
from headroom.motion.audio.lag_search import correlation, shifted
from headroom.motion.model.model import MotionModel
from headroom.motion.train.dataset import trim_to_sound
from headroom.motion.train.personal import TrainConfig, train_motion
from headroom.subject.clip import clip_speech
from headroom.track.landmarks.detect import find_landmarks
from headroom.track.solve.fit import fit_clip, fit_motion
from headroom.track.track import face_crop

SIZE = 256  # pixels of the crop that the mouth's distance is measured in


@dataclass(frozen=True)
class Speaker:
    """sound (N,) at 16 kHz and motion at 25 Hz of a whole clip; identity and camera are of its learnt part."""

    name: str
    sound: np.ndarray
    motion: Performance
    model: FaceModel
    camera: Camera
    crop: Crop
    identity: np.ndarray

    def part(self, first: int, last: int | None = None) -> tuple[np.ndarray, Performance]:
        """Sound and motion of the frames first..last-1."""
        last = len(self.motion) if last is None else min(last, len(self.motion))
        step = round(SAMPLE_RATE / FRAME_RATE)
        values = (getattr(self.motion, name)[first:last] for name in ("expression", "rotation", "translation"))
        return self.sound[first * step:last * step], Performance(FRAME_RATE, *values)

    def learnt(self, frames: int, initial: MotionModel | None, config: TrainConfig | None = None) -> MotionModel:
        """The motion model of the clip's first frames."""
        directions = FaceDirections.of(self.model)
        return train_motion(*self.part(0, frames), config, initial=initial, lip_opening=directions.lip_opening,
                            lid_opening=directions.lid_opening, importance=directions.vertex_motion,
                            gaze_modes=directions.gaze_modes)

    def lip_correlation(self, truth: Performance, expression: np.ndarray) -> float:
        lips = FaceDirections.of(self.model).lip_opening
        return correlation(truth.expression @ lips, expression @ lips)

    def mouth_distance(self, truth: Performance, expression: np.ndarray) -> float:
        """Landmark distance of the mouth in pixels of a crop of 256, both under the true head pose."""
        return measures.mouth_distance(*(self._mouths(truth, values) for values in (truth.expression, expression)))

    def _mouths(self, truth: Performance, expression: np.ndarray) -> np.ndarray:
        """Landmarks (T, 478, 2) in pixels of the crop; those of the mouth, the others 0."""
        mouth = [self.model.vertex_of(landmark) for landmark in measures.MOUTH]
        still = self.model.shape(self.identity)[mouth]
        shapes = still + np.einsum("pck,tk->tpc", self.model.expression_basis[mouth], expression)
        points = np.zeros((len(expression), 478, 2))
        for frame, shape in enumerate(shapes):
            placed = pose_vertices(shape, truth.rotation[frame], truth.translation[frame])
            points[frame, list(measures.MOUTH)] = self.camera.project(placed) * (SIZE / self.crop.size)
        return points


def speakers(clips: list[Path], learnt_seconds: float, cache: Path) -> Iterator[Speaker]:
    for clip in clips:
        yield speaker(clip, learnt_seconds, cache)


def speaker(clip: Path, learnt_seconds: float, cache: Path) -> Speaker:
    """Track a clip: identity and camera from the first seconds, motion of all of it. Landmarks stay in `cache`."""
    info, model = probe(clip), bundled_model()
    points = landmarks(clip, info.fps, cache)
    count = min(len(points), round(learnt_seconds * info.fps))
    fit = fit_clip(model, points[:count], info.fps, info.width, info.height)
    whole = fit_motion(model, points, info.fps, fit.camera, fit.identity)
    motion = Performance(info.fps, *(v.astype(np.float32) for v in (whole.expression, whole.rotation,
                                                                    whole.translation)))
    sound = clip_speech(clip, info, 0.0, len(points) / info.fps)
    crop = face_crop(model, fit.camera, fit.identity, fit.rotation, fit.translation)
    return Speaker(clip.stem, sound, trim_to_sound(sound, motion), model, fit.camera, crop, fit.identity)


def landmarks(clip: Path, fps: float, cache: Path) -> np.ndarray:
    """Landmarks (T, 478, 3) of a clip, found once."""
    path = cache / f"{clip.stem}.npz"
    if not path.is_file():
        points = find_landmarks(list(read_frames(clip)), fps).points
        with atomic_write(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, points=points)
    with np.load(path) as data:
        return data["points"]


def in_step(sound: np.ndarray, model: MotionModel) -> np.ndarray:
    """The sound moved by the offset that learning found, so that predictions fall on the lips."""
    return shifted(sound, model.audio_offset_seconds)
