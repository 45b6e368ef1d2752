"""Clips for general training: found in a data set, tracked once each, and kept in a cache on disk."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from headroom.errors import HeadroomError, InputError
from headroom.face.model import FaceModel
from headroom.files import UNREADABLE, atomic_write
from headroom.learning import clip_speech
from headroom.media.video import probe, read_frames
from headroom.performance import Performance
from headroom.progress import Progress, part, silent
from headroom.track.landmarks import find_landmarks
from headroom.track.tracker import TRACKER_VERSION, fit_frames

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MOVIES = (".mp4", ".mov", ".m4v", ".mpg", ".mpeg", ".mkv", ".avi", ".webm")
PEOPLE = Path(__file__).parent / "weights" / "people.toml"
LRW_FOLDER = "lipread_mp4"


@dataclass(frozen=True)
class Clip:
    """A movie of one person speaking; `name` is what messages and people.toml call it."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


def find_clips(datasets: Iterable[Path]) -> list[Clip]:
    """The clips of data sets, in order: LRW's training part, every movie of a folder, or a single movie.

    LRW is `lipread_mp4/WORD/{train,val,test}/WORD_00001.mp4`; its `.txt` files tell when the word is spoken, which is
    the middle of the clip and nothing that is taught here.
    """
    clips: list[Clip] = []
    for dataset in map(Path, datasets):
        if dataset.is_file():
            found = [dataset]
        elif dataset.is_dir():
            found = lrw_clips(dataset) or movies_below(dataset)
        else:
            raise InputError(f"{dataset} does not exist; choose a clip or a folder of clips.")
        if not found:
            raise InputError(f"{dataset} holds no clips; choose a folder of movies, or one laid out as LRW.")
        clips += map(Clip, found)
    require_nobody_held_out(clips)
    return clips


def lrw_clips(folder: Path) -> list[Path]:
    """The training clips of LRW in `folder`, none when it is laid out otherwise."""
    root = folder / LRW_FOLDER if (folder / LRW_FOLDER).is_dir() else folder
    return sorted(root.glob("*/train/*.mp4"))


def movies_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in MOVIES and path.is_file())


def require_nobody_held_out(clips: Sequence[Clip]) -> None:
    """InputError when a clip's person is one that the weights are measured on."""
    held_out = set(people()["held_out"])
    refused = sorted({clip.name for clip in clips} & held_out)
    if refused:
        raise InputError(f"{', '.join(refused)} is kept for measuring (weights/people.toml); leave it out of training.")


def people() -> dict[str, list[str]]:
    """Names of the clips of the people in training and held out."""
    return tomllib.loads(PEOPLE.read_text(encoding="utf-8"))


class TrackCache:
    """Sound and motion of clips, by what is in their files, the face model and the tracker; a clip that cannot be used
    is remembered with the reason."""

    def __init__(self, folder: Path, model: FaceModel):
        self.folder = Path(folder) / f"{model.digest}-{TRACKER_VERSION}"
        self.model = model

    def add(self, clip: Clip, progress: Progress = silent) -> None:
        """Track a clip unless that was done before."""
        place = self._place(clip)
        if place.with_suffix(".npz").is_file() or place.with_suffix(".txt").is_file():
            return
        try:
            sound, truth = track_speaker(clip.path, self.model, progress)
        except HeadroomError as error:
            if not isinstance(error, InputError):
                raise
            with atomic_write(place.with_suffix(".txt")) as temporary:
                temporary.write_text(str(error), encoding="utf-8")
            return
        with atomic_write(place.with_suffix(".npz")) as temporary, open(temporary, "wb") as file:
            np.savez(file, sound=np.round(np.clip(sound, -1, 1) * 32767).astype(np.int16), fps=np.float64(truth.fps),
                     expression=truth.expression, rotation=truth.rotation, translation=truth.translation)

    def find(self, clip: Clip) -> Path | str:
        """Where the clip's sound and motion lie, or why it cannot be used."""
        place = self._place(clip)
        if place.with_suffix(".npz").is_file():
            return place.with_suffix(".npz")
        return place.with_suffix(".txt").read_text(encoding="utf-8")

    def _place(self, clip: Clip) -> Path:
        return self.folder / clip.digest[:2] / clip.digest


class TrackedClips(Sequence[tuple[np.ndarray, Performance]]):
    """(sound (N,) at 16 kHz, motion at the clip's rate) of tracked clips, read from the cache at each look."""

    def __init__(self, paths: Sequence[Path]):
        self.paths = list(paths)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index):
        path = self.paths[index]
        try:
            with np.load(path, allow_pickle=False) as data:
                sound = data["sound"].astype(np.float32) / 32767
                return sound, Performance(float(data["fps"]), data["expression"], data["rotation"], data["translation"])
        except UNREADABLE as error:
            raise InputError(f"{path} cannot be read; remove it and train again.") from error


def track_speaker(clip: Path, model: FaceModel, progress: Progress = silent) -> tuple[np.ndarray, Performance]:
    """Sound (N,) at 16 kHz and motion of the person in a clip."""
    info = probe(clip)
    sound = clip_speech(clip, info, 0.0, info.seconds)
    frames = list(read_frames(clip))
    landmarks = find_landmarks(frames, info.fps, part(progress, 0, 0.7))
    fit = fit_frames(frames, landmarks, info.fps, model, part(progress, 0.7, 1))
    motion = (values.astype(np.float32) for values in (fit.expression, fit.rotation, fit.translation))
    return sound, Performance(info.fps, *motion)
