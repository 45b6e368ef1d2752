"""Tracked clips on disk: each clip of a corpus is tracked once."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headroom.common.errors import InputError
from headroom.common.files import atomic_write
from headroom.common.progress import Progress, no_progress
from headroom.common.stored import Array, Damaged, damage, read_npz, require_arrays, write_npz
from headroom.face.model import FaceModel
from headroom.media.audio import as_float, as_int16
from headroom.media.video import probe, read_frames
from headroom.subject.clip import clip_speech, max_seconds
from headroom.track.track import Track
from headroom.track.tracker import TRACKER_VERSION, track_clip
from headroom.training.corpus import CorpusClip

FORMAT = 2
"""Format of a cached clip. 2: its number as `clip_format`, and `no_sound_reason`, which format 1 called `silence`."""

_LAYOUT = {"albedo": Array(("side", "side", 3), "integer", low=0, high=255), "sound": Array(("samples",), least=0),
           "no_sound_reason": Array((), "text")}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrackedClip:
    """What general training needs of one clip.

    albedo: (S, S, 3) uint8.
    sound: (N,) float32 at 16 kHz; empty where the clip has none.
    no_sound_reason: why the clip has no sound; empty where it has.
    """

    track: Track
    albedo: np.ndarray
    sound: np.ndarray
    no_sound_reason: str

    def save(self, path: Path) -> None:
        """Write as .npz."""
        arrays: dict[str, Any] = {**self.track.to_arrays(), "clip_format": FORMAT, "albedo": self.albedo,
                                  "sound": as_int16(self.sound), "no_sound_reason": self.no_sound_reason}
        write_npz(path, arrays)

    @staticmethod
    def load(path: Path) -> TrackedClip:
        """Read what `save` wrote."""
        try:
            with damage():
                data = _upgraded(read_npz(path))
            require_arrays(data, _LAYOUT)
            return TrackedClip(Track.from_arrays(data), data["albedo"], as_float(data["sound"]),
                               str(data["no_sound_reason"]))
        except Damaged as error:
            raise InputError(f"{path} cannot be read; remove it and train again.") from error


@dataclass(frozen=True)
class UnusableClip:
    """Why a clip cannot be used for training."""

    reason: str


class TrackCache:
    """A folder of tracked clips, found by the contents of the clip's file, the face model and the tracker's version.

    A clip that cannot be tracked is stored as the reason, so that it is not tried again.
    """

    def __init__(self, folder: Path, model: FaceModel):
        self.folder = Path(folder) / f"{model.digest}-{TRACKER_VERSION}"
        self.model = model

    def add(self, clip: CorpusClip, progress: Progress = no_progress) -> None:
        """Track a clip unless the cache has it."""
        tracked_path, reason_path = self._paths(clip)
        if tracked_path.is_file() or reason_path.is_file():
            return
        try:
            tracked = track_corpus_clip(clip.path, self.model, progress)
        except InputError as error:
            with atomic_write(reason_path) as temporary:
                temporary.write_text(str(error), encoding="utf-8")
        else:  # outside the try block, because a full disk is not the clip's fault
            tracked.save(tracked_path)

    def find(self, clip: CorpusClip) -> Path | UnusableClip:
        """Return the file of a tracked clip that was added, or why it cannot be used."""
        tracked_path, reason_path = self._paths(clip)
        if tracked_path.is_file():
            return tracked_path
        return UnusableClip(reason_path.read_text(encoding="utf-8"))

    def _paths(self, clip: CorpusClip) -> tuple[Path, Path]:
        """Return the file of the tracked clip and that of the reason; only one of them exists."""
        path = self.folder / clip.digest[:2] / clip.digest
        return path.with_suffix(".npz"), path.with_suffix(".txt")


def track_corpus_clip(clip: Path, model: FaceModel, progress: Progress = no_progress) -> TrackedClip:
    """Track a clip and read its sound; of a clip that does not fit into memory, its beginning."""
    video = probe(clip)
    end = min(video.seconds, max_seconds(video))
    if end < video.seconds:
        log.warning("%s lasts %.1f s; only its first %.1f s are used", clip, video.seconds, end)
    tracked = track_clip(list(read_frames(clip, 0.0, end)), video.fps, model, progress=progress)
    try:
        sound, no_sound_reason = clip_speech(clip, video, (0.0, end)), ""
    except InputError as error:
        sound, no_sound_reason = np.zeros(0, np.float32), str(error)
    return TrackedClip(tracked.track, tracked.appearance.albedo, sound, no_sound_reason)


def _upgraded(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the arrays of a cached clip as format `FORMAT` has them."""
    if "clip_format" in data:
        return data
    return {**data, "no_sound_reason": data["silence"]}  # format 1
