"""Clips for the motion benchmarks: tracked once, split into a part to learn from and a part to measure on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headroom.common.arrays import correlation
from headroom.common.files import atomic_write
from headroom.evaluation import measures
from headroom.face.camera import Camera, Crop, pose_vertices
from headroom.face.directions import FaceDirections
from headroom.face.model import FaceModel, bundled_model
from headroom.face.performance import Performance
from headroom.media.audio import SAMPLE_RATE
from headroom.media.video import probe, read_frames
from headroom.motion.audio.timing import FRAME_RATE
from headroom.motion.model.model import MotionModel
from headroom.motion.train.config import TrainConfig
from headroom.motion.train.dataset import trim_to_sound
from headroom.motion.train.personal import train_motion
from headroom.motion.train.sound_offset import shift_sound
from headroom.subject.clip import clip_speech
from headroom.track.landmarks.detect import find_landmarks
from headroom.track.solve.landmark_fit import fit_clip, fit_motion
from headroom.track.solve.tracker_input import TrackerInput
from headroom.track.track import face_crop

SIZE = 256  # side of the crop that the mouth distance is measured in, pixels


@dataclass(frozen=True)
class Speaker:
    """One clip: sound (N,) at 16 kHz and motion at 25 Hz of all of it, identity and camera of the learned part."""

    name: str
    sound: np.ndarray
    motion: Performance
    model: FaceModel
    camera: Camera
    crop: Crop
    identity: np.ndarray

    def cut(self, first: int, last: int | None = None) -> tuple[np.ndarray, Performance]:
        """Return sound and motion of the frames first..last-1."""
        last = len(self.motion) if last is None else min(last, len(self.motion))
        step = round(SAMPLE_RATE / FRAME_RATE)
        values = (getattr(self.motion, name)[first:last] for name in ("expression", "rotation", "translation"))
        return self.sound[first * step:last * step], Performance(FRAME_RATE, *values)

    def learn(self, frames: int, initial: MotionModel | None, config: TrainConfig | None = None) -> MotionModel:
        """Learn a motion model from the clip's first frames."""
        return train_motion(*self.cut(0, frames), FaceDirections.of(self.model), config, initial=initial)

    def lips(self, expression: np.ndarray) -> np.ndarray:
        """Return opening, width and protrusion (T, 3) of the lips, millimetres relative to the neutral face."""
        return expression @ FaceDirections.of(self.model).lips

    def lip_correlations(self, truth: Performance, expression: np.ndarray) -> list[float]:
        """Return the correlations of opening, width and protrusion of the lips."""
        return [correlation(a, b) for a, b in zip(self.lips(truth.expression).T, self.lips(expression).T)]

    def lip_correlation(self, truth: Performance, expression: np.ndarray) -> float:
        return self.lip_correlations(truth, expression)[0]

    def mouth_distance(self, truth: Performance, expression: np.ndarray) -> float:
        """Return the landmark distance of the mouth in pixels of a crop of 256, both under the true head pose."""
        both = (self._mouth_landmarks(truth, values) for values in (truth.expression, expression))
        return measures.mouth_distance(*both)

    def _mouth_landmarks(self, truth: Performance, expression: np.ndarray) -> np.ndarray:
        """Return landmarks (T, 478, 2) in pixels of the crop; those outside the mouth are 0."""
        mouth = [self.model.vertex_of(landmark) for landmark in measures.MOUTH]
        neutral = self.model.shape(self.identity)[mouth]
        shapes = neutral + np.einsum("pck,tk->tpc", self.model.expression_basis[mouth], expression)
        points = np.zeros((len(expression), 478, 2))
        for frame, shape in enumerate(shapes):
            posed = pose_vertices(shape, truth.rotation[frame], truth.translation[frame])
            points[frame, list(measures.MOUTH)] = self.camera.project(posed) * (SIZE / self.crop.size)
        return points


def speakers(clips: list[Path], learn_seconds: float, cache: Path) -> Iterator[Speaker]:
    for clip in clips:
        yield speaker(clip, learn_seconds, cache)


def speaker(clip: Path, learn_seconds: float, cache: Path) -> Speaker:
    """Track a clip: identity and camera from the first seconds, motion of all of it. `cache` stores landmarks."""
    info, model = probe(clip), bundled_model()
    points = landmarks(clip, info.fps, cache)
    count = min(len(points), round(learn_seconds * info.fps))
    fit = fit_clip(model, TrackerInput((), points[:count], info.fps), (info.width, info.height))
    whole = fit_motion(model, TrackerInput((), points, info.fps), fit.camera, fit.identity)
    motion = Performance(info.fps, *(v.astype(np.float32) for v in (whole.expression, whole.rotation,
                                                                    whole.translation)))
    sound = clip_speech(clip, info, (0.0, len(points) / info.fps))
    crop = face_crop(model, fit.camera, fit.identity, fit.rotation, fit.translation)
    return Speaker(clip.stem, sound, trim_to_sound(sound, motion), model, fit.camera, crop, fit.identity)


def landmarks(clip: Path, fps: float, cache: Path) -> np.ndarray:
    """Return the landmarks (T, 478, 3) of a clip, from the cache if they are there."""
    path = cache / f"{clip.stem}.npz"
    if not path.is_file():
        points = find_landmarks(list(read_frames(clip)), fps).points
        with atomic_write(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, points=points)
    with np.load(path) as data:
        return data["points"]


def synchronised(sound: np.ndarray, model: MotionModel) -> np.ndarray:
    """Return the sound moved by the offset that learning found, so that predictions match the lips."""
    return shift_sound(sound, model.audio_offset_seconds)
