"""Clips of data sets for the motion benchmarks: tracked once, grouped by person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headroom.common.arrays import correlation
from headroom.face.directions import FaceDirections
from headroom.face.model import bundled_model
from headroom.face.performance import Performance
from headroom.motion.audio.features import utterance_stats
from headroom.motion.model.model import MotionModel
from headroom.motion.model.network import EXPRESSION
from headroom.motion.predict import predict_motion
from headroom.motion.train.dataset import trim_to_sound
from headroom.motion.train.sound_offset import SoundOffset, find_offset, shift_sound
from headroom.training.corpus import CorpusClip, find_clips
from headroom.training.track_cache import TrackCache, TrackedClip

DIRECTIONS = FaceDirections.of(bundled_model())


@dataclass(frozen=True)
class Clip:
    """A tracked clip with sound (N,) at 16 kHz and motion at 25 Hz.

    person: name, that of the clip where its data set names none.
    """

    source: CorpusClip
    track: Path
    person: str

    def load(self) -> tuple[np.ndarray, Performance]:
        tracked = TrackedClip.load(self.track)
        return tracked.sound, trim_to_sound(tracked.sound, tracked.track.performance)


def tracked_clips(datasets: list[Path], cache: Path, min_frames: int) -> list[Clip]:
    """Return the clips that can be used and have at least `min_frames` frames."""
    folder, clips = TrackCache(cache, bundled_model()), []
    for source in find_clips(datasets):
        folder.add(source)
        track = folder.find(source)
        if isinstance(track, Path) and not TrackedClip.load(track).no_sound_reason:
            clip = Clip(source, track, source.person or source.name)
            if len(clip.load()[1]) >= min_frames:
                clips.append(clip)
    return clips


def offset_of(model: MotionModel, sound: np.ndarray, motion: Performance) -> SoundOffset:
    return find_offset(sound, motion.expression, DIRECTIONS, model.config.features, model)


def lip_correlations(model: MotionModel, sound: np.ndarray, motion: Performance) -> np.ndarray:
    """Return the correlations (3,) of predicted opening, width and protrusion with the tracked ones."""
    stats = utterance_stats(sound, model.config.features)
    predicted = predict_motion(model, sound, len(motion), stats)[:, :EXPRESSION] * model.style.expression_deviation
    lips = (expression @ DIRECTIONS.lips for expression in (predicted, motion.expression))
    return np.array([correlation(*columns) for columns in zip(*(values.T for values in lips))])


def synchronised_clips(model: MotionModel, clips: list[Clip]) -> Iterator[tuple[Clip, np.ndarray, Performance]]:
    """Yield clips with their sound moved by the offset that the model finds."""
    for clip in clips:
        sound, motion = clip.load()
        yield clip, shift_sound(sound, offset_of(model, sound, motion).seconds), motion
