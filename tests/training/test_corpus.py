"""Data sets for general training."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from headroom.common.errors import Cancelled, InputError
from headroom.common.paths import REFINER_WEIGHTS
from headroom.common.progress import no_progress
from headroom.face.model import bundled_model
from headroom.media.audio import SAMPLE_RATE, read_audio, write_wav
from headroom.media.soundtrack import SoundtrackSource
from headroom.media.video import VideoWriter, probe, read_frames
from headroom.motion.model.model import MotionModel
from headroom.motion.model.network import NetworkConfig
from headroom.motion.model.ridge import RidgeConfig
from headroom.motion.train.augment import AugmentConfig
from headroom.motion.train.config import TrainConfig
from headroom.motion.train.dataset import BatchConfig
from headroom.refine import general
from headroom.refine.generator import Generator, GeneratorConfig
from headroom.refine.refiner import Refiner, RefinerIdentity
from headroom.refine.region import RegionConfig
from headroom.refine.train_config import GENERAL as REFINING
from headroom.subject import clip as learning
from headroom.subject.identity import feature_name
from headroom.training import corpus
from headroom.training import runs as training
from headroom.training.corpus import CorpusClip, RefinerClips, TrackedClip, MotionClips, TrackCache, find_clips, people

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "sample.mp4"
WORD_SECONDS = 29 / 25
TINY = TrainConfig(network=NetworkConfig(width=8, code=8, hidden=8, dropout=0.1), members=1, steps=4,
                   batch=BatchConfig(size=4), augment=AugmentConfig(variants=1), ridge=RidgeConfig(size=64))


@pytest.fixture(scope="module")
def lrw(tmp_path_factory):
    """A small tree laid out as LRW: two words of the sample for training, one clip of nobody, and other parts."""
    root = tmp_path_factory.mktemp("lrw") / "lipread_mp4"
    for index, word in enumerate(("ABOUT", "AFTER")):
        for split in ("train", "val", "test"):
            (root / word / split).mkdir(parents=True)
        clip = root / word / "train" / f"{word}_00001.mp4"
        cut(clip, index * WORD_SECONDS)
        clip.with_suffix(".txt").write_text("Disk reference: 1\nChannel: 1\nStart: 0.0\nEnd: 1.16\n"
                                            "Duration: 0.40 seconds\n")
        (root / word / "val" / f"{word}_00001.mp4").touch()
        (root / word / "test" / f"{word}_00001.mp4").touch()
    cut(root / "AFTER" / "train" / "AFTER_00002.mp4", 0.0, face=False)
    return root.parent


def cut(path, from_seconds, face=True):
    """29 frames of the sample with their sound; without a face the picture is grey."""
    fps = probe(SAMPLE).fps
    frames = list(read_frames(SAMPLE, from_seconds, from_seconds + WORD_SECONDS))
    sound = path.with_suffix(".wav")
    write_wav(sound, read_audio(SAMPLE, SAMPLE_RATE, from_seconds, from_seconds + WORD_SECONDS))
    height, width = frames[0].shape[:2]
    with VideoWriter(path, fps, width, height, sound=SoundtrackSource(sound)) as writer:
        writer.write_all(frame if face else np.full_like(frame, 128) for frame in frames)
    sound.unlink()


def test_lrw_gives_its_training_part_and_folders_and_clips_all_they_hold(lrw, tmp_path):
    names = ["ABOUT_00001", "AFTER_00001", "AFTER_00002"]
    assert [clip.name for clip in find_clips([lrw])] == names
    assert [clip.name for clip in find_clips([lrw / "lipread_mp4"])] == names
    (tmp_path / "deeper").mkdir()
    for name in ("b.MP4", "a.mpg", "deeper/c.mov", "notes.txt"):
        (tmp_path / name).touch()
    assert [clip.name for clip in find_clips([tmp_path, tmp_path / "b.MP4"])] == ["a", "b", "c", "b"]


def test_folders_without_clips_and_missing_ones_are_refused(tmp_path):
    with pytest.raises(InputError, match="holds no clips"):
        find_clips([tmp_path])
    with pytest.raises(InputError, match="does not exist"):
        find_clips([tmp_path / "nothing"])


def test_held_out_people_are_refused_and_in_no_list_twice(tmp_path):
    everybody = people()["training"] + people()["held_out"]
    assert len(everybody) == len(set(everybody))
    for name in ("a", "31", "vr_2"):
        (tmp_path / f"{name}.mp4").touch()
    with pytest.raises(InputError, match="31, vr_2 is kept for measuring"):
        find_clips([tmp_path])


def test_the_weights_are_trained_from_lrw_and_bad_clips_are_listed(lrw, tmp_path, monkeypatch):
    monkeypatch.setitem(training.MOTION_PRESETS, "general", TINY)
    tracked = []
    monkeypatch.setattr(corpus, "track_speaker", lambda clip, *rest, known=corpus.track_speaker:
                        tracked.append(clip.stem) or known(clip, *rest))
    weights, cache = tmp_path / "motion.safetensors", tmp_path / "cache"
    notes = training.train_motion_weights(training.TrainingRun([lrw], weights, cache))
    assert len(notes) == 1 and "AFTER_00002.mp4 was left out: No face found" in notes[0]
    assert tracked == ["ABOUT_00001", "AFTER_00001", "AFTER_00002"]
    first = MotionModel.load(weights)
    assert not weights.with_suffix(".checkpoint").exists()

    renamed = tmp_path / "again"
    shutil.copytree(lrw, renamed)
    assert training.train_motion_weights(training.TrainingRun([renamed], weights, cache)) != []
    assert len(tracked) == 3, "what is in a file counts, not where it lies"
    again = MotionModel.load(weights)
    assert all(a.equal(b) for a, b in zip(first.networks[0].state_dict().values(),
                                          again.networks[0].state_dict().values(), strict=True))


def test_the_refiner_is_trained_from_the_same_tracks_and_a_person_begins_from_it(lrw, tmp_path, monkeypatch):
    tiny = replace(REFINING, generator=GeneratorConfig(width=8, levels=4, style_hidden=8), steps=2, device="cpu")
    monkeypatch.setitem(training.REFINER_PRESETS, "general", tiny)
    weights, cache = tmp_path / "refiner.safetensors", tmp_path / "cache"
    notes = training.train_refiner_weights(training.TrainingRun([lrw], weights, cache))
    assert len(notes) == 1 and "AFTER_00002.mp4 was left out: No face found" in notes[0]
    monkeypatch.setattr(general, "REFINER_WEIGHTS", weights)
    model = bundled_model()
    identity = np.ones(model.identity_basis.shape[2] + model.albedo_basis.shape[2])
    first = general.general_refiner(identity, feature_name(model, None))
    assert first.generator.config.width == 8 and np.allclose(first.identity.mean, identity)
    assert first.generator.style.hidden.weight.any()


def test_of_the_general_refiner_a_feature_of_another_kind_keeps_the_network_alone(tmp_path, monkeypatch):
    model = bundled_model()
    known = Refiner(Generator(GeneratorConfig(width=8, levels=4, style_hidden=8)), RefinerIdentity(np.zeros(160, np.float32), feature_name(model, None)),
                    RegionConfig(), 64, "cpu")
    known.save(tmp_path / "refiner.safetensors")
    monkeypatch.setattr(general, "REFINER_WEIGHTS", tmp_path / "refiner.safetensors")
    identity = np.random.default_rng(0).normal(size=160)
    for length, feature in ((160, feature_name(replace(model, digest="imported"), None)), (12, "ArcFace")):
        other = general.general_refiner(identity[:length], feature)
        assert not other.generator.style.hidden.weight.any() and other.generator.config.identity_size == length
        assert other.generator.stem.weight.equal(general.general_refiner(identity, known.identity.feature).generator.stem.weight)
        assert other.identity.feature == feature


def test_the_bundled_refiner_knows_the_bundled_face_model():
    assert Refiner.load(REFINER_WEIGHTS, "cpu").identity.feature == feature_name(bundled_model(), None)


def test_a_refiner_s_training_resumed_equals_one_without_a_stop(lrw, tmp_path, monkeypatch):
    tiny = replace(REFINING, generator=GeneratorConfig(width=8, levels=4, style_hidden=8), gan=0.3, steps=4, device="cpu",
                   discriminator_width=4)
    monkeypatch.setitem(training.REFINER_PRESETS, "general", tiny)
    weights = tmp_path / "whole.safetensors"
    training.train_refiner_weights(training.TrainingRun([lrw], weights, tmp_path / "cache"))

    def stop(fraction, message):
        if fraction > 0.9 and message.startswith("Learning"):
            raise Cancelled

    parted = training.TrainingRun([lrw], tmp_path / "parted.safetensors", tmp_path / "cache", checkpoint_every=2)
    with pytest.raises(Cancelled):
        training.train_refiner_weights(parted, progress=stop)
    training.train_refiner_weights(replace(parted, resume=True))
    whole, resumed = load_file(weights), load_file(parted.weights)
    assert all(value.equal(resumed[name]) for name, value in whole.items()) and whole.keys() == resumed.keys()


def test_a_clip_without_sound_is_left_out_for_motion_alone(tmp_path, monkeypatch):
    frames = list(read_frames(SAMPLE, 0.0, 0.4))
    with VideoWriter(tmp_path / "mute.mp4", 25.0, frames[0].shape[1], frames[0].shape[0]) as writer:
        writer.write_all(frames)
    run = training.TrainingRun([tmp_path / "mute.mp4"], tmp_path / "w.safetensors", tmp_path / "cache")
    with pytest.raises(InputError, match=r"mute\.mp4 was left out: mute\.mp4 has no sound"):
        training.train_motion_weights(run)
    tracked, notes = training.tracked_clips(run, TrackCache(run.cache, bundled_model()), no_progress)
    pairs = RefinerClips(list(tracked), list(tracked.values()), bundled_model(), 64)[0]
    assert notes == [] and pairs.frames.shape == (len(frames), 64, 64, 3)
    drawn = pairs.renders[..., 3] > 250
    assert np.abs(pairs.frames[drawn].astype(float) - pairs.renders[..., :3][drawn]).mean() < 12


def test_of_a_clip_that_does_not_fit_into_memory_the_beginning_is_used_and_that_is_said(lrw, monkeypatch, caplog):
    clip = lrw / "lipread_mp4" / "AFTER" / "train" / "AFTER_00001.mp4"
    info = probe(clip)
    monkeypatch.setattr(learning, "_MOST_PIXELS", 12 * info.width * info.height)
    speaker = corpus.track_speaker(clip, bundled_model())
    assert len(speaker.track) == 12
    assert len(speaker.sound) == pytest.approx(12 / info.fps * SAMPLE_RATE, abs=2)
    assert f"only its first {12 / info.fps:.1f} s are used" in caplog.text


def test_a_clip_whose_face_comes_late_is_no_help_to_the_refiner(lrw, tmp_path, monkeypatch):
    run = training.TrainingRun([lrw], tmp_path / "w.safetensors", tmp_path / "cache")
    tracked, _ = training.tracked_clips(run, TrackCache(run.cache, bundled_model()), no_progress)
    late = next(iter(tracked))
    speaker = TrackedClip.load(tracked[late])
    hidden = replace(speaker.track, confidence=np.zeros(len(speaker.track), np.float32))
    replace(speaker, track=hidden).save(tracked[late])
    assert training.faceless(tracked) == [late] and late not in tracked
    for path in tracked.values():
        replace(speaker, track=hidden).save(path)
    with pytest.raises(InputError, match="No clip shows a face"):
        training.faceless(tracked)


def test_another_tracker_tracks_anew(tmp_path, monkeypatch):
    clip = CorpusClip(tmp_path / "clip.mp4")
    clip.path.write_bytes(b"pictures")
    tracked = []

    def refuse(*given):
        tracked.append(given)
        raise InputError("No face.")

    monkeypatch.setattr(corpus, "track_speaker", refuse)
    for version in (1, 1, 2):
        monkeypatch.setattr(corpus, "TRACKER_VERSION", version)
        cache = TrackCache(tmp_path / "cache", bundled_model())
        cache.add(clip)
        assert cache.find(clip) == "No face."
    assert len(tracked) == 2


def test_clips_of_which_none_can_be_used_are_refused(tmp_path, monkeypatch):
    (tmp_path / "clip.mp4").write_bytes(b"no pictures")
    with pytest.raises(InputError, match="None of the 1 clips can be used"):
        training.train_motion_weights(training.TrainingRun([tmp_path], tmp_path / "w.safetensors", tmp_path / "cache"))


def test_a_broken_cache_file_says_what_to_do(tmp_path):
    (tmp_path / "clip.npz").write_bytes(b"half")
    with pytest.raises(InputError, match="remove it and train again"):
        MotionClips([tmp_path / "clip.npz"])[0]


def test_the_paper_s_preset_differs_in_mapping_loss_and_steps():
    ours, paper = training.MOTION_PRESETS["general"], training.MOTION_PRESETS["paper"]
    assert paper.loss != ours.loss and paper.network.encoder == "paper" and replace(paper, steps=3).steps == 3
