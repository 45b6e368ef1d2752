"""Checkpoints and curves of general training."""

import sys
import types
from dataclasses import replace

import pytest
import torch
from synthetic_speaker import LID, LIP, TINY, speaker

from headroom.common.checkpoint import TrainingCheckpoint
from headroom.common.errors import Cancelled, HeadroomError, InputError
from headroom.common.progress import no_progress
from headroom.motion.train.general import train_general

CONFIG = replace(TINY, network=replace(TINY.network, dropout=0.3), steps=12)


@pytest.fixture(scope="module")
def clips():
    return [speaker(seconds, seed=seed) for seed, seconds in enumerate((4.0, 3.0, 1.2))]


def weights(model):
    return [value for network in model.networks for value in network.state_dict().values()] + \
        [torch.from_numpy(model.readout.weights)]


def stop_at(fraction):
    def progress(done, message):
        if done >= fraction and message.startswith("Learning"):
            raise Cancelled

    return progress


@pytest.mark.parametrize("fraction", [0.3, 0.57, 0.9], ids=["first network", "second begins", "second"])
def test_an_interrupted_training_resumed_equals_an_uninterrupted_one_to_the_bit(clips, tmp_path, fraction):
    path = tmp_path / "motion.checkpoint"
    whole = train_general(clips, LIP, LID, None, CONFIG)
    with pytest.raises(Cancelled):
        train_general(clips, LIP, LID, None, CONFIG, None, stop_at(fraction), TrainingCheckpoint(path, 5, "these"))
    torch.manual_seed(99)  # another process
    resumed = train_general(clips, LIP, LID, None, CONFIG, None, no_progress, TrainingCheckpoint(path, 5, "these", resuming=True))
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(resumed), strict=True))


def test_a_checkpoint_of_other_clips_or_none_or_rubbish_is_refused(clips, tmp_path):
    path = tmp_path / "motion.checkpoint"
    with pytest.raises(InputError, match="no checkpoint"):
        TrainingCheckpoint(path, 5, "these", resuming=True)
    with pytest.raises(Cancelled):
        train_general(clips, LIP, LID, None, CONFIG, None, stop_at(0.5), TrainingCheckpoint(path, 5, "these"))
    with pytest.raises(InputError, match="other clips or settings"):
        TrainingCheckpoint(path, 5, "those", resuming=True)
    for rubbish in (b"rubbish", b""):
        path.write_bytes(rubbish)
        with pytest.raises(InputError, match="not a checkpoint"):
            TrainingCheckpoint(path, 5, "these", resuming=True)


def test_the_checkpoint_is_removed_when_the_weights_are_written(clips, tmp_path):
    record = TrainingCheckpoint(tmp_path / "motion.checkpoint", 5, "these")
    train_general(clips, LIP, LID, None, CONFIG, None, no_progress, record)
    assert record.path.is_file()
    record.close()
    assert list(tmp_path.iterdir()) == []


def test_tensorboard_is_told_every_loss_of_every_network(clips, tmp_path, monkeypatch):
    told = tensorboard(monkeypatch)
    record = TrainingCheckpoint(tmp_path / "motion.checkpoint", 5, "these", curves=tmp_path)
    train_general(clips, LIP, LID, None, CONFIG, None, no_progress, record)
    record.close()
    scalars = [each for each in told if isinstance(each, tuple)]
    names = {name for name, _, _ in scalars}
    assert {"network 0/expression", "network 1/expression", "network 0/pose", "network 1/lips"} <= names
    assert {step for _, _, step in scalars} == {10} and told[-1] == "closed"


def test_curves_are_on_the_disk_when_their_checkpoint_is(clips, tmp_path, monkeypatch):
    told = tensorboard(monkeypatch)
    with pytest.raises(Cancelled):
        train_general(clips, LIP, LID, None, CONFIG, None, stop_at(0.48),
                      TrainingCheckpoint(tmp_path / "motion.checkpoint", 5, "these", curves=tmp_path))
    assert told[0] == "flushed" and told[-1] == "flushed" and len(told) > 2  # steps 5 and 10


def tensorboard(monkeypatch):
    """What a stand-in for TensorBoard's writer is told, in order."""
    told = []
    writer = types.SimpleNamespace(add_scalar=lambda *given: told.append(given), flush=lambda: told.append("flushed"),
                                   close=lambda: told.append("closed"))
    module = types.SimpleNamespace(SummaryWriter=lambda folder: writer)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    return told


def test_a_missing_tensorboard_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(HeadroomError, match=r"pip install"):
        TrainingCheckpoint(tmp_path / "motion.checkpoint", 5, "these", curves=tmp_path)
