"""Motion is trained from shards: processes read different ones, and a resumed training reads what it would have."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.torch import load_file
from shard_stages import FAKE, write_clips

from headroom.common import distributed
from headroom.common.errors import Cancelled, InputError
from headroom.face.directions import FaceDirections
from headroom.face.model import bundled_model
from headroom.motion.model.model import MotionModel
from headroom.motion.style.measure import normalise_motion
from headroom.training import runs
from headroom.training.runs import TrainingRun, train_motion_weights, train_refiner_weights
from headroom.training.shards.choose import TrainingShards, training_shards
from headroom.training.shards.examples import ShardExamples, ShardPools
from headroom.training.shards.plan import open_corpus, plan_shards
from headroom.training.shards.prepare import prepare_shard
from headroom.training.shards.shard_file import read_shard


@pytest.fixture
def corpus(tiny_motion, tmp_path):
    """Seven shards of two clips; one clip shows no face, and two clips are anna's."""
    config = runs.MOTION_PRESETS["general"]
    folder = write_clips(tmp_path / "clips", [f"{number}.mp4" for number in range(11)])
    write_clips(folder, ["anna/1.mp4", "anna/2.mp4"])
    write_clips(folder, ["no.mp4"], "no face")
    prepared = open_corpus(tmp_path / "corpus", bundled_model(), config, 2)
    plan_shards(prepared, [folder])
    for number in prepared.unfinished():
        prepare_shard(prepared, number, config, FAKE)
    return prepared


def weights(path):
    return load_file(path)


def same(a, b):
    return a.keys() == b.keys() and all(value.equal(b[name]) for name, value in a.items())


def test_motion_is_trained_from_shards_and_a_resumed_training_equals_one_without_a_stop(corpus, tmp_path):
    run = TrainingRun([corpus.path], tmp_path / "whole.safetensors", tmp_path / "cache", steps=6)
    assert train_motion_weights(run) == []
    assert MotionModel.load(run.weights).style.expression_deviation.shape == (64,)

    def stop(fraction, message):
        if fraction > 0.7:
            raise Cancelled

    stopped = replace(run, weights=tmp_path / "stopped.safetensors", checkpoint_every=2)
    with pytest.raises(Cancelled):
        train_motion_weights(stopped, progress=stop)
    train_motion_weights(replace(stopped, resume=True))
    assert same(weights(run.weights), weights(stopped.weights))


def test_features_that_the_shards_lack_are_computed_from_the_sound(corpus, tmp_path, monkeypatch):
    other = replace(runs.MOTION_PRESETS["general"], seed=7)
    monkeypatch.setitem(runs.MOTION_PRESETS, "general", other)
    shards, _ = training_shards([corpus.path], bundled_model(), other)
    assert not shards.stored_features
    assert train_motion_weights(TrainingRun([corpus.path], tmp_path / "m.safetensors", tmp_path / "c", steps=1)) == []


def test_processes_read_different_shards_and_an_epoch_has_all_of_them(corpus, monkeypatch):
    config = runs.MOTION_PRESETS["general"]
    shards, _ = training_shards([corpus.path], bundled_model(), config)
    examples = ShardExamples(FaceDirections.of(bundled_model()), config, True)
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    read = []
    for rank in range(2):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        pools = ShardPools(examples, shards)
        read.append({path for number in range(-(-len(pools.shards) // 2)) for path in pools.pool_shards(number)})
    assert read[0].isdisjoint(read[1]) and read[0] | read[1] == set(shards.paths)
    monkeypatch.setattr(distributed, "world_size", lambda: 16)
    with pytest.raises(InputError, match=r"A corpus of \d shards cannot be split over 16 processes"):
        ShardPools(examples, shards)


def test_a_person_s_clips_are_normalised_together_and_others_by_their_own_mean(corpus):
    config = runs.MOTION_PRESETS["general"]
    shards, _ = training_shards([corpus.path], bundled_model(), config)
    examples = ShardExamples(FaceDirections.of(bundled_model()), config, True)
    style, measured = examples.measure(shards.paths)
    clips = [clip for path in shards.paths for clip in read_shard(path)]
    anna = [index for index, clip in enumerate(clips) if clip.person == "clips/anna"]
    assert len(clips) == 13 and len(anna) == 2
    assert np.allclose(np.concatenate([measured[index].motion for index in anna]).mean(0), 0, atol=1e-4)
    assert not np.allclose(measured[anna[0]].motion.mean(0), 0, atol=0.1)
    alone = next(index for index in range(13) if index not in anna)
    assert np.allclose(measured[alone].motion.mean(0), 0, atol=1e-4)
    assert normalise_motion(clips[alone].motion, style).shape == (29, 70)


def test_unfinished_corpora_are_noted_and_those_that_cannot_be_used_refused(corpus, tmp_path):
    model, config = bundled_model(), runs.MOTION_PRESETS["general"]
    with pytest.raises(InputError, match="is no prepared corpus, unlike another data set"):
        training_shards([corpus.path, tmp_path / "clips"], model, config)
    with pytest.raises(InputError, match="was prepared with another face model; prepare it again"):
        training_shards([corpus.path], replace(model, digest="other"), config)
    with pytest.raises(InputError, match="is a prepared corpus, which `train motion` alone reads"):
        train_refiner_weights(TrainingRun([corpus.path], tmp_path / "r.safetensors", tmp_path / "cache"))
    corpus.shard_file(0).unlink()
    shards, notes = training_shards([corpus.path], model, config)
    assert len(shards.paths) == 6 and "has 6 of 7 shards; `train corpus` prepares the others" in notes[0]
    assert isinstance(shards, TrainingShards)
    for path in shards.paths:
        path.unlink()
    with pytest.raises(InputError, match="No shard of the corpus has a clip that can be used"):
        training_shards([corpus.path], model, config)
