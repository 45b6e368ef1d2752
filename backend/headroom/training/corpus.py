"""Clips for general training: found in a data set, tracked once each, and kept in a cache on disk."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headroom.common.errors import InputError
from headroom.common.files import NPZ_ERRORS, atomic_write, file_digest
from headroom.common.paths import PEOPLE
from headroom.common.progress import Progress, no_progress
from headroom.face.model import FaceModel
from headroom.face.performance import Performance
from headroom.media.video import probe, read_frames
from headroom.subject.clip import clip_speech, max_seconds, training_pairs
from headroom.track.track import Track
from headroom.track.tracker import TRACKER_VERSION, track_clip

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from headroom.refine.dataset import TrainingPairs

MOVIES = (".mp4", ".mov", ".m4v", ".mpg", ".mpeg", ".mkv", ".avi", ".webm")
LRW_FOLDER = "lipread_mp4"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CorpusClip:
    """A movie of one person speaking; `name` is what messages and people.toml call it."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @cached_property
    def digest(self) -> str:
        return file_digest(self.path)


def find_clips(datasets: Iterable[Path]) -> list[CorpusClip]:
    """The clips of data sets, in order: LRW's training part, every movie of a folder, or a single movie.

    LRW is `lipread_mp4/WORD/{train,val,test}/WORD_00001.mp4`; its `.txt` files tell when the word is spoken, which is
    the middle of the clip and nothing that is taught here.
    """
    clips: list[CorpusClip] = []
    for dataset in map(Path, datasets):
        if dataset.is_file():
            found = [dataset]
        elif dataset.is_dir():
            found = lrw_clips(dataset) or movies_below(dataset)
        else:
            raise InputError(f"{dataset} does not exist; choose a clip or a folder of clips.")
        if not found:
            raise InputError(f"{dataset} holds no clips; choose a folder of movies, or one laid out as LRW.")
        clips += map(CorpusClip, found)
    require_not_held_out(clips)
    return clips


def lrw_clips(folder: Path) -> list[Path]:
    """The training clips of LRW in `folder`, none when it is laid out otherwise."""
    root = folder / LRW_FOLDER if (folder / LRW_FOLDER).is_dir() else folder
    return sorted(root.glob("*/train/*.mp4"))


def movies_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in MOVIES and path.is_file())


def require_not_held_out(clips: Sequence[CorpusClip]) -> None:
    """InputError when a clip's person is one that the weights are measured on."""
    held_out = set(people()["held_out"])
    refused = sorted({clip.name for clip in clips} & held_out)
    if refused:
        raise InputError(f"{', '.join(refused)} is kept for measuring (weights/people.toml); leave it out of training.")


def people() -> dict[str, list[str]]:
    """Names of the clips of the people in training and held out."""
    return tomllib.loads(PEOPLE.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class TrackedClip:
    """What general training looks at of one clip: its track, its albedo (S, S, 3) uint8 and its sound (N,) at 16 kHz,
    of which there is none where `silence` says why.
    """

    track: Track
    albedo: np.ndarray
    sound: np.ndarray
    silence: str

    def save(self, path: Path) -> None:
        """Write as .npz."""
        with atomic_write(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, albedo=self.albedo, sound=np.round(np.clip(self.sound, -1, 1) * 32767).astype(np.int16),
                     silence=self.silence, **self.track.to_arrays())

    @staticmethod
    def load(path: Path) -> TrackedClip:
        """Read what `save` wrote."""
        try:
            with np.load(path, allow_pickle=False) as data:
                sound = data["sound"].astype(np.float32) / 32767
                return TrackedClip(Track.from_arrays(data), data["albedo"], sound, str(data["silence"]))
        except NPZ_ERRORS as error:
            raise InputError(f"{path} cannot be read; remove it and train again.") from error


class TrackCache:
    """Speakers by what is in their clips' files, the face model and the tracker; a clip that cannot be used is
    remembered with the reason.
    """

    def __init__(self, folder: Path, model: FaceModel):
        self.folder = Path(folder) / f"{model.digest}-{TRACKER_VERSION}"
        self.model = model

    def add(self, clip: CorpusClip, progress: Progress = no_progress) -> None:
        """Track a clip unless that was done before."""
        place = self._place(clip)
        if place.with_suffix(".npz").is_file() or place.with_suffix(".txt").is_file():
            return
        try:
            track_speaker(clip.path, self.model, progress).save(place.with_suffix(".npz"))
        except InputError as error:
            with atomic_write(place.with_suffix(".txt")) as temporary:
                temporary.write_text(str(error), encoding="utf-8")

    def find(self, clip: CorpusClip) -> Path | str:
        """Where the speaker of a clip lies, or why it cannot be used."""
        place = self._place(clip)
        if place.with_suffix(".npz").is_file():
            return place.with_suffix(".npz")
        return place.with_suffix(".txt").read_text(encoding="utf-8")

    def _place(self, clip: CorpusClip) -> Path:
        return self.folder / clip.digest[:2] / clip.digest


class MotionClips(Sequence[tuple[np.ndarray, Performance]]):
    """(sound (N,) at 16 kHz, motion at the clip's rate) of speakers, read from the cache at each look."""

    def __init__(self, paths: Sequence[Path]):
        self.paths = list(paths)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index):
        speaker = TrackedClip.load(self.paths[index])
        return speaker.sound, speaker.track.performance


class RefinerClips(Sequence["TrainingPairs"]):
    """True and rendered crops of speakers, read and drawn at each look; of a long clip its beginning."""

    LONGEST = 300  # frames

    def __init__(self, clips: Sequence[CorpusClip], paths: Sequence[Path], model: FaceModel, resolution: int):
        """paths: where the clips' speakers lie."""
        self.clips, self.paths, self.model, self.resolution = list(clips), list(paths), model, resolution

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index):
        speaker = TrackedClip.load(self.paths[index])
        track = speaker.track.slice(0, self.LONGEST)
        frames = list(islice(read_frames(self.clips[index].path), len(track)))
        return training_pairs(self.model, track, speaker.albedo, frames, self.resolution)

    def draws(self) -> list[int]:
        """How many windows of each clip make a round: one for each frame, fewer where the crop was enlarged."""
        tracks = (TrackedClip.load(path).track for path in self.paths)
        return [max(1, round(min(len(track), self.LONGEST) * min(1, track.crop.size / self.resolution) ** 2))
                for track in tracks]


def track_speaker(clip: Path, model: FaceModel, progress: Progress = no_progress) -> TrackedClip:
    """Track, albedo and sound of the person in a clip; of one that does not fit into memory, in its beginning."""
    info = probe(clip)
    end = min(info.seconds, max_seconds(info))
    if end < info.seconds:
        log.warning("%s lasts %.1f s; only its first %.1f s are used", clip, info.seconds, end)
    tracked = track_clip(list(read_frames(clip, 0.0, end)), info.fps, model, progress=progress)
    try:
        sound, silence = clip_speech(clip, info, 0.0, end), ""
    except InputError as error:
        sound, silence = np.zeros(0, np.float32), str(error)
    return TrackedClip(tracked.track, tracked.appearance.albedo, sound, silence)
