"""Tracked clips as training examples; each is read from the cache when it is used."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from headroom.face.model import FaceModel
from headroom.media.video import read_frames
from headroom.motion.train.dataset import SpokenClip
from headroom.subject.refiner_training import TrackedFrames, training_pairs
from headroom.training.corpus import CorpusClip
from headroom.training.track_cache import TrackedClip

if TYPE_CHECKING:
    from headroom.refine.dataset import TrainingPairs


class MotionClips(Sequence[SpokenClip]):
    """Examples for the motion networks: sound (N,) at 16 kHz, motion at the clip's rate, and the person's name."""

    def __init__(self, tracked: dict[CorpusClip, Path]):
        """Take clips with the files of their tracks."""
        self.clips, self.paths = list(tracked), list(tracked.values())

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index):
        clip = TrackedClip.load(self.paths[index])
        return SpokenClip(clip.sound, clip.track.performance, self.clips[index].person)


class RefinerClips(Sequence["TrainingPairs"]):
    """Examples for the refiner: true and rendered crops, of a long clip those of its beginning."""

    MAX_FRAMES = 300

    def __init__(self, tracked: dict[CorpusClip, Path], model: FaceModel, resolution: int, with_plates: bool):
        """Take clips with the files of their tracks; resolution: side of the crops, pixels."""
        self.clips, self.paths = list(tracked), list(tracked.values())
        self.model, self.resolution, self.with_plates = model, resolution, with_plates

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index):
        clip = TrackedClip.load(self.paths[index])
        track = clip.track.slice(0, self.MAX_FRAMES)
        frames = list(islice(read_frames(self.clips[index].path), len(track)))
        return training_pairs(self.model, TrackedFrames(track, clip.albedo, frames), self.resolution,
                              with_plates=self.with_plates)

    def samples_per_epoch(self) -> list[int]:
        """Return how many windows of each clip an epoch has: one per frame, fewer where the crop was enlarged."""
        tracks = (TrackedClip.load(path).track for path in self.paths)
        return [max(1, round(min(len(track), self.MAX_FRAMES) * min(1, track.crop.size / self.resolution) ** 2))
                for track in tracks]
