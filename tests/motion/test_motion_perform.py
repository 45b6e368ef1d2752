"""The pipeline's `perform`: a subject and a speech to a performance."""

from types import SimpleNamespace

import numpy as np
import pytest

from headroom import pipeline
from headroom.common.settings import PerformSettings
from headroom.media.audio import write_wav

REGIONS = ("Mouth",) * 40 + ("Eyes",) * 10 + ("Gaze",) * 2 + ("Brows",) * 12


@pytest.fixture
def subject_and_speech(learned, tmp_path, monkeypatch):
    """Paths of a subject with the tiny model and of its own speech."""
    model, samples, _ = learned
    rig = SimpleNamespace(controls=np.zeros((0, 64), np.float32))  # of a model that is not on this machine
    person = SimpleNamespace(motion=model, model=SimpleNamespace(regions=REGIONS), rig=rig)
    monkeypatch.setattr(pipeline.Subject, "open_for", staticmethod(lambda folder, use: person))
    write_wav(tmp_path / "speech.wav", samples)
    return tmp_path, tmp_path / "speech.wav"


def test_controls_are_applied_to_the_prediction(subject_and_speech):
    plain, _ = pipeline.perform(*subject_and_speech)
    controlled, _ = pipeline.perform(*subject_and_speech, controls=["mouth.gain=0", "head.hold=1"])
    assert np.ptp(controlled.expression[:, :40], axis=0).max() < 1e-5
    assert np.ptp(controlled.rotation, axis=0).max() < 1e-5
    np.testing.assert_array_equal(controlled.expression[:, 40:], plain.expression[:, 40:])


def test_the_clip_s_own_pose_can_be_replayed(subject_and_speech, learned):
    own = learned[0].style.pose
    performance, _ = pipeline.perform(*subject_and_speech, PerformSettings(pose="replayed"))
    np.testing.assert_array_equal(performance.pose_vectors, own[:len(performance)])
    plain, _ = pipeline.perform(*subject_and_speech)
    np.testing.assert_array_equal(performance.expression, plain.expression)


def test_controls_and_the_replayed_pose_leave_the_phones_as_they_were_heard(subject_and_speech):
    plain, _ = pipeline.perform(*subject_and_speech)
    changed, _ = pipeline.perform(*subject_and_speech, PerformSettings(pose="replayed"), controls=["mouth.lag=0.2"])
    assert changed.phones.labels.tolist() == plain.phones.labels.tolist()
    assert changed.phones.starts.tolist() == plain.phones.starts.tolist()
    assert plain.phones.ends[-1] == plain.seconds
