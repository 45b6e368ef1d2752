"""Stand-ins for tracking and speech encoding in benchmarks/corpus.py: results that were computed once for each source.

They lie in a module of their own, because workers import them. A movie made by `write_corpus` ends with a box of the
type `free`, whose last bytes are the number of its source.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from headroom.common.errors import InputError
from headroom.training.shards.clip import TrackedSpeech, encode_speech, track_speech
from headroom.training.shards.prepare import Stages

NO_FACE = 0xFFFF
"""The number of a source in which nobody is seen."""


def marked(movie: bytes, name: str, source: int) -> bytes:
    """Return a movie with a box that makes its bytes differ from those of all others."""
    content = name.encode() + source.to_bytes(2, "big")
    return movie + (8 + len(content)).to_bytes(4, "big") + b"free" + content


@dataclass(frozen=True)
class StandIn:
    """Results from a folder instead of work, and a log of every clip that was tracked."""

    folder: Path
    log: Path
    seconds: float = 0.0  # that tracking a clip takes

    def stages(self) -> Stages:
        return Stages(self.track, self.encode)

    def track(self, movie, model, with_preview):
        source = int.from_bytes(movie.read_bytes()[-2:], "big")
        with open(self.log / f"{os.getpid()}.txt", "a") as file:
            file.write(f"{time.time():.3f} {movie.name}\n")
        time.sleep(self.seconds)
        if source == NO_FACE:
            raise InputError("No face found in the clip.")
        tracked, _ = results(self.folder, source)
        return tracked

    def encode(self, sound, frames, config, seed):
        return results(self.folder, round(float(sound[0]) * 32767))[1]


@lru_cache(maxsize=256)
def results(folder: Path, source: int):
    """Return the tracked clip of a source and its features; the first sample of its sound is the source's number."""
    data = np.load(folder / f"{source}.npy", allow_pickle=True)
    return data[0], data[1]


def store_results(folder: Path, movies: list[Path], model, config) -> None:
    """Compute the results of the sources."""
    folder.mkdir(parents=True, exist_ok=True)
    for source, movie in enumerate(movies):
        if (folder / f"{source}.npy").exists():
            continue
        tracked = track_speech(movie, model, with_preview=True)
        sound = tracked.sound.copy()
        sound[0] = source
        features = encode_speech(sound / np.float32(32767), round(len(sound) / 640), config, source)
        stored = np.empty(2, object)
        stored[:] = [TrackedSpeech(tracked.track, sound, tracked.preview), features]
        np.save(folder / f"{source}.npy", stored, allow_pickle=True)
