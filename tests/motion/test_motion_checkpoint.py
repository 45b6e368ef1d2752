"""Checkpoints and curves of general training."""

import sys
import types
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from synthetic_speaker import DIRECTIONS, TINY, speaker

from headroom.common.checkpoint import TrainingCheckpoint
from headroom.common.errors import Cancelled, HeadroomError, InputError
from headroom.common.progress import no_progress
from headroom.motion.train.dataset import SpokenClip
from headroom.motion.train.general import train_general

CONFIG = replace(TINY, network=replace(TINY.network, dropout=0.3), steps=12)
FORMATS = Path(__file__).resolve().parents[1] / "formats"


@pytest.fixture(scope="module")
def clips():
    return [SpokenClip(*speaker(seconds, seed=seed)) for seed, seconds in enumerate((4.0, 3.0, 1.2))]


def train(clips, checkpoint=None, progress=no_progress):
    return train_general(clips, DIRECTIONS, None, CONFIG, progress, checkpoint)


def weights(model):
    return [value for network in model.networks for value in network.state_dict().values()] + \
        [torch.from_numpy(model.ridge.weights)]


def stop_at(fraction):
    """A progress that cancels the training of the networks."""
    def progress(done, message):
        if done >= fraction and message.startswith("Learning"):
            raise Cancelled

    return progress


@pytest.mark.parametrize("fraction", [0.3, 0.57, 0.9], ids=["first network", "start of the second", "second"])
def test_an_interrupted_training_resumed_equals_an_uninterrupted_one_to_the_bit(clips, tmp_path, fraction):
    path = tmp_path / "motion.checkpoint"
    uninterrupted = train(clips)
    with pytest.raises(Cancelled):
        train(clips, TrainingCheckpoint(path, 5, "these"), stop_at(fraction))
    torch.manual_seed(99)  # as in another process
    resumed = train(clips, TrainingCheckpoint(path, 5, "these", resuming=True))
    assert all(torch.equal(a, b) for a, b in zip(weights(uninterrupted), weights(resumed), strict=True))


def test_a_checkpoint_of_other_clips_a_missing_one_and_a_damaged_one_are_refused(clips, tmp_path):
    path = tmp_path / "motion.checkpoint"
    with pytest.raises(InputError, match="no checkpoint"):
        TrainingCheckpoint(path, 5, "these", resuming=True)
    with pytest.raises(Cancelled):
        train(clips, TrainingCheckpoint(path, 5, "these"), stop_at(0.5))
    with pytest.raises(InputError, match="other clips or settings"):
        TrainingCheckpoint(path, 5, "those", resuming=True)
    for contents in (b"no checkpoint", b"", path.read_bytes()[:1000]):
        path.write_bytes(contents)
        with pytest.raises(InputError, match="not a checkpoint"):
            TrainingCheckpoint(path, 5, "these", resuming=True)


def test_a_checkpoint_of_another_version_says_that_only_that_version_resumes_from_it():
    with pytest.raises(InputError, match="another version of Headroom"):
        TrainingCheckpoint(FORMATS / "training_1.checkpoint", 5, "these", resuming=True)


def test_the_checkpoint_is_removed_when_the_weights_are_written(clips, tmp_path):
    checkpoint = TrainingCheckpoint(tmp_path / "motion.checkpoint", 5, "these")
    train(clips, checkpoint)
    assert checkpoint.path.is_file()
    checkpoint.close()
    assert list(tmp_path.iterdir()) == []


def test_tensorboard_gets_every_loss_of_every_network(clips, tmp_path, monkeypatch):
    calls = record_tensorboard(monkeypatch)
    checkpoint = TrainingCheckpoint(tmp_path / "motion.checkpoint", 5, "these", curves=tmp_path)
    train(clips, checkpoint)
    checkpoint.close()
    scalars = [call for call in calls if isinstance(call, tuple)]
    names = {name for name, _, _ in scalars}
    assert {"network 0/expression", "network 1/expression", "network 0/pose", "network 1/lips"} <= names
    assert {step for _, _, step in scalars} == {10} and calls[-1] == "close"


def test_curves_are_on_the_disk_when_their_checkpoint_is(clips, tmp_path, monkeypatch):
    calls = record_tensorboard(monkeypatch)
    with pytest.raises(Cancelled):
        train(clips, TrainingCheckpoint(tmp_path / "motion.checkpoint", 5, "these", curves=tmp_path), stop_at(0.48))
    assert calls[0] == "flush" and calls[-1] == "flush" and len(calls) > 2  # steps 5 and 10


def record_tensorboard(monkeypatch):
    """Replace TensorBoard's writer by one that lists its calls in order."""
    calls = []
    writer = types.SimpleNamespace(add_scalar=lambda *scalar: calls.append(scalar), flush=lambda: calls.append("flush"),
                                   close=lambda: calls.append("close"))
    module = types.SimpleNamespace(SummaryWriter=lambda folder: writer)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    return calls


def test_a_missing_tensorboard_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(HeadroomError, match=r"pip install"):
        TrainingCheckpoint(tmp_path / "motion.checkpoint", 5, "these", curves=tmp_path)
