"""General weights are trained from data sets; clips that cannot be used are listed."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.torch import load_file

from headroom.common.errors import Cancelled, InputError
from headroom.common.paths import REFINER_WEIGHTS
from headroom.common.progress import no_progress
from headroom.face.model import bundled_model
from headroom.motion.model.model import MotionModel
from headroom.refine import general
from headroom.refine.generator import Generator, GeneratorConfig
from headroom.refine.refiner import Refiner, RefinerIdentity
from headroom.refine.region import RegionConfig
from headroom.subject.identity import feature_name
from headroom.training import runs, track_cache
from headroom.training.datasets import RefinerClips
from headroom.training.runs import (
    TrainingRun,
    remove_faceless,
    track_clips,
    train_motion_weights,
    train_refiner_weights,
)
from headroom.training.track_cache import TrackCache, TrackedClip


@pytest.fixture
def tracked(monkeypatch):
    """The names of the clips that are tracked."""
    names, track = [], track_cache.track_corpus_clip
    monkeypatch.setattr(track_cache, "track_corpus_clip", lambda clip, *rest:
                        names.append(clip.stem) or track(clip, *rest))
    return names


def test_motion_is_trained_from_lrw_and_clips_without_a_face_are_listed(lrw, lrw_copy, tiny_motion, tracked, tmp_path):
    weights, cache = tmp_path / "motion.safetensors", tmp_path / "cache"
    notes = train_motion_weights(TrainingRun([lrw], weights, cache))
    assert len(notes) == 1 and "AFTER_00002.mp4 was left out: No face found" in notes[0]
    assert tracked == ["ABOUT_00001", "AFTER_00001", "AFTER_00002"]
    first = MotionModel.load(weights)
    assert not weights.with_suffix(".checkpoint").exists()

    assert train_motion_weights(TrainingRun([lrw_copy], weights, cache)) != []
    assert len(tracked) == 3, "clips are recognised by their contents, not by their path"
    again = MotionModel.load(weights)
    assert all(a.equal(b) for a, b in zip(first.networks[0].state_dict().values(),
                                          again.networks[0].state_dict().values(), strict=True))


def test_the_refiner_is_trained_from_lrw_and_a_person_starts_from_it(lrw, cache, tiny_refiner, tmp_path, monkeypatch):
    weights = tmp_path / "refiner.safetensors"
    notes = train_refiner_weights(TrainingRun([lrw], weights, cache))
    assert len(notes) == 1 and "AFTER_00002.mp4 was left out: No face found" in notes[0]
    monkeypatch.setattr(general, "REFINER_WEIGHTS", weights)
    model = bundled_model()
    identity = np.ones(model.identity_basis.shape[2] + model.albedo_basis.shape[2])
    first = general.general_refiner(identity, feature_name(model, None))
    assert first.generator.config.width == 8 and np.allclose(first.identity.mean, identity)
    assert first.generator.style.hidden.weight.any()


def test_an_unknown_identity_feature_keeps_the_general_refiner_but_the_layer_that_reads_it(tmp_path, monkeypatch):
    model = bundled_model()
    nobody = RefinerIdentity(np.zeros(160, np.float32), feature_name(model, None))
    known = Refiner(Generator(GeneratorConfig(width=8, levels=4, style_hidden=8)), nobody, RegionConfig(), 64, "cpu")
    known.save(tmp_path / "refiner.safetensors")
    monkeypatch.setattr(general, "REFINER_WEIGHTS", tmp_path / "refiner.safetensors")
    identity = np.random.default_rng(0).normal(size=160)
    for length, feature in ((160, feature_name(replace(model, digest="imported"), None)), (12, "ArcFace")):
        other = general.general_refiner(identity[:length], feature)
        assert not other.generator.style.hidden.weight.any() and other.generator.config.identity_size == length
        same = general.general_refiner(identity, nobody.feature)
        assert other.generator.stem.weight.equal(same.generator.stem.weight)
        assert other.identity.feature == feature


def test_the_bundled_refiner_was_trained_with_the_bundled_face_model():
    assert Refiner.load(REFINER_WEIGHTS, "cpu").identity.feature == feature_name(bundled_model(), None)


def test_a_resumed_refiner_training_equals_one_without_a_stop(lrw, cache, tiny_refiner, tmp_path):
    weights = tmp_path / "whole.safetensors"
    train_refiner_weights(TrainingRun([lrw], weights, cache))

    def stop(fraction, message):
        if fraction > 0.8:  # three of the four steps are done, and the checkpoint is of the second
            raise Cancelled

    stopped = TrainingRun([lrw], tmp_path / "stopped.safetensors", cache, checkpoint_every=2)
    with pytest.raises(Cancelled):
        train_refiner_weights(stopped, progress=stop)
    train_refiner_weights(replace(stopped, resume=True))
    whole, resumed = load_file(weights), load_file(stopped.weights)
    assert all(value.equal(resumed[name]) for name, value in whole.items()) and whole.keys() == resumed.keys()


def test_a_clip_without_sound_is_left_out_for_motion_only(mute_clip, tmp_path):
    run = TrainingRun([mute_clip], tmp_path / "w.safetensors", tmp_path / "cache")
    with pytest.raises(InputError, match=r"mute\.mp4 was left out: mute\.mp4 has no sound"):
        train_motion_weights(run)
    tracked, notes = track_clips(run, TrackCache(run.cache, bundled_model()), no_progress)
    clips = RefinerClips(tracked, bundled_model(), 64, with_plates=False)
    pairs = clips[0]
    assert notes == [] and pairs.frames.shape == (10, 64, 64, 3) and clips.samples_per_epoch() == [10]
    inside = pairs.renders[..., 3] > 250
    assert np.abs(pairs.frames[inside].astype(float) - pairs.renders[..., :3][inside]).mean() < 12


def test_clips_whose_face_appears_late_are_left_out_for_the_refiner(lrw, cache, tmp_path):
    run = TrainingRun([lrw], tmp_path / "w.safetensors", cache)
    tracked, _ = track_clips(run, TrackCache(run.cache, bundled_model()), no_progress)
    late = next(iter(tracked))
    clip = TrackedClip.load(tracked[late])
    hidden = replace(clip.track, confidence=np.zeros(len(clip.track), np.float32))
    replace(clip, track=hidden).save(tracked[late])
    assert remove_faceless(tracked) == [late] and late not in tracked
    for path in tracked.values():
        replace(clip, track=hidden).save(path)
    with pytest.raises(InputError, match="No clip shows a face"):
        remove_faceless(tracked)


def test_a_data_set_without_usable_clips_is_refused(tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"no pictures")
    with pytest.raises(InputError, match="None of the 1 clips can be used"):
        train_motion_weights(TrainingRun([tmp_path], tmp_path / "w.safetensors", tmp_path / "cache"))


def test_the_paper_s_method_differs_in_network_and_loss_and_takes_the_run_s_steps():
    ours, paper = runs.MOTION_PRESETS["general"], runs.MOTION_PRESETS["paper"]
    assert paper.loss != ours.loss and paper.network.encoder == "paper" and replace(paper, steps=3).steps == 3
