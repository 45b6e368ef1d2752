"""What a person can be learned from: a clip, a photo, or what a subject stores of either."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from headroom.common.errors import InputError
from headroom.common.progress import Progress, TrainingMonitor
from headroom.common.settings import Albedo, LearnSettings
from headroom.face.model import FaceModel
from headroom.media.audio import read_audio
from headroom.media.photo import is_photo
from headroom.media.video import read_frames
from headroom.subject.clip import ClipSource
from headroom.subject.clip_person import colours_of_track, stored_samples
from headroom.subject.folder import Subject
from headroom.subject.info import ClipInfo
from headroom.subject.networks import LearningNetworks
from headroom.subject.photo import PhotoSource
from headroom.track.track import Track
from headroom.track.tracker import TrackingOptions, TrackingResult

if TYPE_CHECKING:
    from headroom.motion.model.model import MotionModel
    from headroom.refine.refiner import Refiner


class Source(Protocol):
    """The steps of learning that depend on what a person is learned from."""

    @property
    def info(self) -> ClipInfo:
        """What the subject records of the source."""

    @property
    def frames(self) -> Sequence[NDArray[np.uint8]]:
        """The frames (H, W, 3), which become the plates."""

    @property
    def sound(self) -> NDArray[np.float32] | None:
        """The person's voice (N,) at 16 kHz; None for a photo."""

    @property
    def notes(self) -> Sequence[str]:
        """What the user should know about the source."""

    @property
    def stored(self) -> Subject | None:
        """The subject that stores the frames as plates already, and the sound."""

    def albedo_kind(self, wanted: Albedo) -> Albedo:
        """Return the kind of albedo that this source gives."""

    def track(
        self, model: FaceModel, options: TrackingOptions, progress: Progress
    ) -> TrackingResult:
        """Track the frames, and of several people the one who is learned."""

    def learn_motion(self, model: FaceModel, track: Track, progress: Progress) -> tuple[MotionModel, list[str]]:
        """Return the personal motion model, and what the user should know."""

    def train_refiner(
        self, model: FaceModel, tracked: TrackingResult, settings: LearnSettings, networks: LearningNetworks,
        progress: Progress, monitor: TrainingMonitor | None,
    ) -> tuple[Refiner, list[str]]:
        """Return the personal refiner, trained, and what the user should know."""


def open_source(clip: Path, settings: LearnSettings) -> Source:
    """Open a clip or a photo; InputError when no person can be learned from it."""
    return PhotoSource.open(clip, settings) if is_photo(clip) else ClipSource.open(clip, settings)


def open_stored_source(subject: Subject) -> Source:
    """Open the plates and the sound that a subject stores; InputError when it lacks them."""
    info = subject.info.clip
    if info is None or not subject.plates_path.is_file():
        raise InputError(f"{subject.folder} does not store what the person was learned from; learn the clip again.")
    if info.kind == "photo":
        picture = next(iter(read_frames(subject.plates_path)))[:info.height, :info.width]
        return PhotoSource(info, picture, subject, colours=colours_of_track([picture], subject.track))
    if subject.sound_path is None:
        raise InputError(f"{subject.folder} does not store the sound of the clip, because an older version of Headroom "
                         f"learned it; learn the clip {info.file} again.")
    colours = colours_of_track(stored_samples(subject.plates_path), subject.track)
    return ClipSource(subject.plates_path, info, ((0.0, None),), read_audio(subject.sound_path), colours=colours,
                      stored=subject)
