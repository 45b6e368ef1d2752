"""A small data set: two words of the sample laid out as LRW."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headroom.common.paths import shipped_file
from headroom.face.model import bundled_model
from headroom.media.audio import SAMPLE_RATE, read_audio, write_wav
from headroom.media.soundtrack import SoundtrackSource
from headroom.media.video import VideoWriter, probe, read_frames
from headroom.motion.model.network import NetworkConfig
from headroom.motion.model.ridge import RidgeConfig
from headroom.motion.train.augment import AugmentConfig
from headroom.motion.train.config import TrainConfig
from headroom.motion.train.dataset import BatchConfig
from headroom.refine.generator import GeneratorConfig
from headroom.refine.train_config import GENERAL as REFINER_GENERAL
from headroom.training import runs
from headroom.training.corpus import find_clips
from headroom.training.track_cache import TrackCache

SAMPLE = shipped_file("samples", "sample.mp4")
WORD_SECONDS = 29 / 25


@pytest.fixture(scope="session")
def lrw(tmp_path_factory):
    """A folder laid out as LRW: three training clips, of which one shows no face, and clips of the other parts."""
    root = tmp_path_factory.mktemp("lrw") / "lipread_mp4"
    for index, word in enumerate(("ABOUT", "AFTER")):
        for split in ("train", "val", "test"):
            (root / word / split).mkdir(parents=True)
        clip = root / word / "train" / f"{word}_00001.mp4"
        write_word(clip, index * WORD_SECONDS)
        clip.with_suffix(".txt").write_text("Disk reference: 1\nChannel: 1\nStart: 0.0\nEnd: 1.16\n"
                                            "Duration: 0.40 seconds\n")
        (root / word / "val" / f"{word}_00001.mp4").touch()
        (root / word / "test" / f"{word}_00001.mp4").touch()
    write_word(root / "AFTER" / "train" / "AFTER_00002.mp4", 0.0, face=False)
    return root.parent


@pytest.fixture(scope="session")
def lrw_tracks(lrw, tmp_path_factory):
    """A cache with the tracks of the data set."""
    folder = tmp_path_factory.mktemp("tracks")
    cache = TrackCache(folder, bundled_model())
    for clip in find_clips([lrw]):
        cache.add(clip)
    return folder


@pytest.fixture
def cache(lrw_tracks, tmp_path) -> Path:
    """A copy of that cache, to be changed."""
    return Path(shutil.copytree(lrw_tracks, tmp_path / "cache"))


@pytest.fixture
def tiny_motion(monkeypatch):
    """Motion training that takes a second."""
    config = TrainConfig(network=NetworkConfig(width=8, code=8, hidden=8, dropout=0.1), members=1, steps=4,
                         batch=BatchConfig(size=4), augment=AugmentConfig(variants=1), ridge=RidgeConfig(size=64))
    monkeypatch.setitem(runs.MOTION_PRESETS, "general", config)


@pytest.fixture
def tiny_refiner(monkeypatch):
    """Refiner training that takes a second, with a discriminator."""
    config = replace(REFINER_GENERAL, generator=GeneratorConfig(width=8, levels=4, style_hidden=8), gan=0.3, steps=4,
                     device="cpu", discriminator_width=4)
    monkeypatch.setitem(runs.REFINER_PRESETS, "general", config)


@pytest.fixture
def mute_clip(tmp_path) -> Path:
    """Ten frames of the sample without sound."""
    frames = list(read_frames(SAMPLE, 0.0, 0.4))
    with VideoWriter(tmp_path / "mute.mp4", 25.0, frames[0].shape[1], frames[0].shape[0]) as writer:
        writer.write_all(frames)
    return tmp_path / "mute.mp4"


@pytest.fixture
def lrw_copy(lrw, tmp_path) -> Path:
    """The same data set in another place."""
    return Path(shutil.copytree(lrw, tmp_path / "copy"))


def write_word(path, from_seconds, face=True):
    """Write 29 frames of the sample with their sound; without a face the picture is grey."""
    fps = probe(SAMPLE).fps
    frames = list(read_frames(SAMPLE, from_seconds, from_seconds + WORD_SECONDS))
    sound = path.with_suffix(".wav")
    write_wav(sound, read_audio(SAMPLE, SAMPLE_RATE, from_seconds, from_seconds + WORD_SECONDS))
    height, width = frames[0].shape[:2]
    with VideoWriter(path, fps, width, height, sound=SoundtrackSource(sound)) as writer:
        writer.write_all(frame if face else np.full_like(frame, 128) for frame in frames)
    sound.unlink()
