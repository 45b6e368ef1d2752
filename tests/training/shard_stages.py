"""Stages of the preparation of a shard that take no time: a movie's text says what becomes of it."""

import zlib

import numpy as np

from headroom.common.errors import InputError
from headroom.face.camera import Camera, Crop
from headroom.motion.train.config import TrainConfig
from headroom.track.track import Track
from headroom.training.shards.clip import TrackedSpeech
from headroom.training.shards.prepare import Stages

FRAMES = 29


def write_clips(folder, names, text="fine"):
    """Write movies with this text; all have the same bytes."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def track(movie, model, with_preview):
    """Track a movie as its text says; the motion is a function of the movie's name."""
    if (text := movie.read_text()) == "no face":
        raise InputError("No face found in the clip.")
    if text == "bug":
        raise ZeroDivisionError("a bug")
    random = np.random.default_rng(zlib.crc32(movie.name.encode()))
    t = np.arange(FRAMES) / 25
    expression = np.sin(2 * np.pi * np.outer(t, random.uniform(1, 4, 64))) + random.normal(size=64)
    loudness = 1 + np.sin(20 * np.arange(FRAMES * 640) / 16000)
    sound = (3000 * random.normal(size=FRAMES * 640) * loudness).astype(np.int16)
    tracked = Track(25.0, Camera(500, 256, 256), Crop(50, 50, 150), np.zeros(80), np.zeros(80), np.zeros((9, 3)),
                    expression, random.normal(size=(1, 3)) * 0.1 + np.zeros((FRAMES, 3)),
                    np.tile([0.0, 0.0, -600.0], (FRAMES, 1)), np.full(FRAMES, 0.75))
    return TrackedSpeech(tracked, sound, np.full((64, 64, 3), 90, np.uint8) if with_preview else None)


def encode(sound, frames, config: TrainConfig, seed):
    """Return features of the right shape, a function of the seed."""
    features = config.network.features
    start, end = features.grid.rows_of_frames(0, frames)
    rows = np.random.default_rng(seed).normal(size=(config.augment.variants, end - start, features.columns))
    return rows.astype(np.float16), np.zeros(features.columns, np.float32)


FAKE = Stages(track, encode)
