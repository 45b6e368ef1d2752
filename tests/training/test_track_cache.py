"""Each clip is tracked once, and stored as its track or as the reason why it cannot be used."""

from pathlib import Path

import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.face.model import bundled_model
from headroom.media.audio import SAMPLE_RATE
from headroom.media.video import probe
from headroom.subject import clip as clip_source
from headroom.training import track_cache
from headroom.training.corpus import CorpusClip
from headroom.training.datasets import MotionClips
from headroom.training.track_cache import TrackCache, TrackedClip, UnusableClip, track_corpus_clip

FORMATS = Path(__file__).resolve().parents[1] / "formats"


@pytest.fixture
def clip(tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"pictures")
    return CorpusClip(tmp_path / "clip.mp4")


def test_a_new_tracker_version_tracks_again(clip, tmp_path, monkeypatch):
    tracked = []

    def refuse(path, *rest):
        tracked.append(path)
        raise InputError("No face.")

    monkeypatch.setattr(track_cache, "track_corpus_clip", refuse)
    for version in (1, 1, 2):
        monkeypatch.setattr(track_cache, "TRACKER_VERSION", version)
        cache = TrackCache(tmp_path / "cache", bundled_model())
        cache.add(clip)
        assert cache.find(clip) == UnusableClip("No face.")
    assert len(tracked) == 2


def test_a_full_disk_is_not_stored_as_the_clip_s_fault(clip, tmp_path, monkeypatch):
    stored = TrackedClip.load(FORMATS / "tracked_clip_1.npz")
    monkeypatch.setattr(track_cache, "track_corpus_clip", lambda *given: stored)

    def no_space(*args, **arrays):
        raise OSError(28, "No space left on device")

    cache = TrackCache(tmp_path / "cache", bundled_model())
    with monkeypatch.context() as full_disk:
        full_disk.setattr(Path, "write_bytes", no_space)
        with pytest.raises(InputError, match=r"Cannot write .*: No space left on device\. Free some disk space"):
            cache.add(clip)
    cache.add(clip)
    assert len(TrackedClip.load(cache.find(clip)).track) == len(stored.track)


def test_of_a_clip_that_does_not_fit_into_memory_the_beginning_is_used(lrw, monkeypatch, caplog):
    clip = lrw / "lipread_mp4" / "AFTER" / "train" / "AFTER_00001.mp4"
    video = probe(clip)
    monkeypatch.setattr(clip_source, "MAX_PIXELS", 12 * video.width * video.height)
    tracked = track_corpus_clip(clip, bundled_model())
    assert len(tracked.track) == 12
    assert len(tracked.sound) == pytest.approx(12 / video.fps * SAMPLE_RATE, abs=2)
    assert f"only its first {12 / video.fps:.1f} s are used" in caplog.text


def test_a_damaged_cache_file_says_what_to_do(tmp_path):
    (tmp_path / "clip.npz").write_bytes(b"half")
    with pytest.raises(InputError, match="remove it and train again"):
        MotionClips({CorpusClip(tmp_path / "clip.mp4"): tmp_path / "clip.npz"})[0]


def test_a_clip_of_the_first_format_opens_and_is_written_in_the_present_one(tmp_path):
    old = TrackedClip.load(FORMATS / "tracked_clip_1.npz")
    assert old.no_sound_reason == "mute.mp4 has no sound; choose a clip in which the person is heard speaking."
    assert len(old.track) == 3 and old.track.fps == 25.0 and old.albedo.shape == (8, 8, 3) and len(old.sound) == 0
    np.testing.assert_allclose(old.track.rotation[:, 1], [0.0, 0.1, 0.2])
    old.save(tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz") as data:
        assert int(data["clip_format"]) == track_cache.FORMAT and "silence" not in data
    new = TrackedClip.load(tmp_path / "new.npz")
    assert new.no_sound_reason == old.no_sound_reason
    np.testing.assert_array_equal(new.albedo, old.albedo)
    np.testing.assert_array_equal(new.track.expression, old.track.expression)
