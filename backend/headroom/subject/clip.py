"""A clip as the source of a person: which part is used, its sound, and how motion and refiner are trained from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headroom.common.errors import InputError
from headroom.common.files import file_digest
from headroom.common.progress import Progress, TrainingMonitor, no_progress, subprogress
from headroom.common.settings import Albedo, LearnSettings
from headroom.face.directions import FaceDirections
from headroom.face.model import FaceModel
from headroom.media.audio import SAMPLE_RATE, is_silent, read_audio
from headroom.media.changes import changes_note
from headroom.media.sound_plan import sound_plan
from headroom.media.video import VideoInfo, frame_span, probe, read_frames
from headroom.subject.clip_person import MIN_SECONDS, find_in_clip
from headroom.subject.info import ClipInfo
from headroom.subject.networks import LearningNetworks
from headroom.subject.refiner_training import TrackedFrames, chosen_resolution, train_personal_refiner, training_pairs
from headroom.track.track import Track
from headroom.track.tracker import TrackingOptions, TrackingResult, track_clip

if TYPE_CHECKING:
    from headroom.motion.model.model import MotionModel
    from headroom.refine.refiner import Refiner
    from headroom.subject.folder import Subject

MAX_DEFAULT_SECONDS = 30.0
"""A person is learned from at most this much of a clip unless the user chooses the part."""
VISIBLE_OFFSET_SECONDS = 0.06
"""Viewers notice sound that is further than this from the lips."""
MAX_PIXELS = 2.2e9
"""Pixels held in memory while learning: 6.6 GB, which is more than 30 s of 1080p at 30 frames per second."""


@dataclass(frozen=True)
class ClipSource:
    """The part of a clip that a person is learned from.

    movie: the file to read the frames from.
    info: what the subject records of the clip.
    parts: starts and ends in `movie`; None is the end of the movie.
    sound: (N,) float32 at 16 kHz, the person's own voice.
    notes: what the user should know.
    colours: (48,) of the person among others; None where nobody else is seen.
    stored: the subject that stores the frames as plates already, and the sound.
    """

    movie: Path
    info: ClipInfo
    parts: tuple[tuple[float, float | None], ...]
    sound: NDArray[np.float32]
    notes: tuple[str, ...] = ()
    colours: NDArray[np.float64] | None = None
    stored: Subject | None = None

    @staticmethod
    def open(clip: Path, settings: LearnSettings) -> ClipSource:
        """Read the sound of the part to learn from; InputError when no person can be learned from it."""
        video = probe(clip)
        start, end, notes = clip_range(video, settings.from_seconds, settings.to_seconds)
        info = ClipInfo(file=clip.name, sha256=file_digest(clip), kind="video", width=video.width,
                        height=video.height, fps=video.fps, from_seconds=start, to_seconds=end)
        clip_speech(clip, video, (start, end), settings.audio_track)
        person = find_in_clip(clip, (start, end), settings.face)
        sound = np.concatenate([_sound_of(clip, video, part, settings.audio_track) for part in person.parts])
        notes += changes_note(clip.name, [*video.changes, *sound_plan(clip, settings.audio_track).changes])
        return ClipSource(clip, info, person.parts, sound, (*notes, *person.notes), person.colours)

    @cached_property
    def frames(self) -> list[NDArray[np.uint8]]:
        """The frames (H, W, 3). They are cropped to the clip's size, because plates of odd sizes have one row more."""
        height, width = self.info.height, self.info.width
        return [frame[:height, :width] for part in self.parts for frame in read_frames(self.movie, *part)]

    def albedo_kind(self, wanted: Albedo) -> Albedo:
        """Return the kind of albedo that this source gives."""
        return wanted

    def track(
        self, model: FaceModel, options: TrackingOptions, progress: Progress = no_progress
    ) -> TrackingResult:
        """Track the frames, and of several people the one who is learned."""
        options = replace(options, colours=self.colours)
        tracked: TrackingResult = track_clip(self.frames, self.info.fps, model, options, progress)
        return tracked

    def learn_motion(
        self, model: FaceModel, track: Track, progress: Progress = no_progress
    ) -> tuple[MotionModel, list[str]]:
        """Train the personal motion model; return it with what the user should know."""
        motion = train_personal_motion(model, track, self.sound, progress)
        return motion, motion_notes(motion)

    def train_refiner(
        self, model: FaceModel, tracked: TrackingResult, settings: LearnSettings, networks: LearningNetworks,
        progress: Progress = no_progress, monitor: TrainingMonitor | None = None,
    ) -> tuple[Refiner, list[str]]:
        """Train the personal refiner; return it with what the user should know."""
        from headroom.refine.train_config import personal_training

        frames = TrackedFrames(tracked.track, tracked.appearance.albedo, self.frames)
        config = personal_training(settings.preset, settings.budget_minutes)
        resolution, notes = chosen_resolution(settings.resolution, tracked.track)
        pairs = training_pairs(model, frames, resolution, with_plates=config.generator.plate_term,
                               arcface=networks.arcface, progress=subprogress(progress, 0, 0.1))
        refiner, training_notes = train_personal_refiner(
            pairs, config, networks.spatial, subprogress(progress, 0.1, 1), monitor)
        return refiner, [*notes, *training_notes]


def clip_range(
    video: VideoInfo, from_seconds: float | None, to_seconds: float | None
) -> tuple[float, float, list[str]]:
    """Return start and end of the part of a clip to learn from, seconds, and what the user should know about it."""
    start, end = learned_part(video, from_seconds, to_seconds)
    if end - start < MIN_SECONDS:
        raise InputError(
            f"Only {max(0.0, end - start):.1f} s of the clip to learn from; choose a part of at least "
            f"{MIN_SECONDS:.0f} s, better 12 s."
        )
    chosen_end = video.seconds if to_seconds is None else min(video.seconds, to_seconds)
    if end < chosen_end:
        return start, end, [f"Learned from {start:.1f} to {end:.1f} s of the clip's {video.seconds:.1f} s."]
    return start, end, []


def learned_part(video: VideoInfo, from_seconds: float | None, to_seconds: float | None) -> tuple[float, float]:
    """Return start and end, seconds, of what is used of a chosen part, which may be too short to learn from."""
    start = max(0.0, from_seconds or 0.0)
    end = video.seconds if to_seconds is None else min(video.seconds, to_seconds)
    limit = max_seconds(video)
    if to_seconds is None:
        limit = min(limit, MAX_DEFAULT_SECONDS)
    return start, (start + limit if end - start > limit + 1e-6 else end)


def max_seconds(video: VideoInfo) -> float:
    """Return the length of the longest part of a clip whose frames fit into memory."""
    return MAX_PIXELS / (video.width * video.height * video.fps)


def clip_speech(
    clip: Path, video: VideoInfo, seconds: tuple[float, float], track: int | None = None
) -> NDArray[np.float32]:
    """Return the sound (N,) at 16 kHz of a part of a clip; InputError where the person is not heard.

    track: number of the audio track, from 1; None for the first with sound.
    """
    if not video.has_audio:
        raise InputError(f"{clip.name} has no sound; choose a clip in which the person is heard speaking.")
    samples = read_audio(clip, SAMPLE_RATE, *seconds, track)
    if is_silent(samples):
        raise InputError(f"The sound of {clip.name} is silent; choose a clip in which the person is heard speaking.")
    return samples


def _sound_of(
    clip: Path, video: VideoInfo, part: tuple[float, float], track: int | None
) -> NDArray[np.float32]:
    """Return the sound (N,) at 16 kHz of exactly the frames of a part, silent where the file's sound is shorter."""
    span = frame_span(video.seconds, video.fps, *part)
    samples, length = read_audio(clip, SAMPLE_RATE, *part, track), round(len(span) / video.fps * SAMPLE_RATE)
    return np.pad(samples, (0, max(0, length - len(samples))))[:length]


def train_personal_motion(
    model: FaceModel, track: Track, speech: NDArray[np.float32], progress: Progress = no_progress
) -> MotionModel:
    """Train the personal motion model on a track and its sound (N,) at 16 kHz, from the general one."""
    from headroom.motion.retarget import general_model_for
    from headroom.motion.train.personal import train_motion

    return train_motion(speech, track.performance, FaceDirections.of(model), progress=progress,
                        initial=general_model_for(model))


def motion_notes(motion: MotionModel) -> list[str]:
    """Return what the user should know about the timing of the clip's sound."""
    offset = motion.audio_offset_seconds
    if not motion.audio_offset_certain:
        return ["Whether the clip's sound is in step with the lips is not certain; learning left it as it is."]
    if abs(offset) <= VISIBLE_OFFSET_SECONDS:
        return []
    return [f"The clip's sound is {abs(offset) * 1000:.0f} ms {'later' if offset > 0 else 'earlier'} than the lips; "
            "learning corrected that."]
