"""From a subject and a recording to a performance, as the command line asks for it."""

from types import SimpleNamespace

import numpy as np
import pytest

from headroom import pipeline
from headroom.common.settings import PerformSettings
from headroom.media.audio import write_wav
from headroom.subject.clip import motion_notes

REGIONS = ("Mouth",) * 40 + ("Eyes",) * 10 + ("Gaze",) * 2 + ("Brows",) * 12


@pytest.fixture
def given(learnt, tmp_path, monkeypatch):
    model, samples, _ = learnt
    person = SimpleNamespace(motion=model, model=SimpleNamespace(regions=REGIONS))
    monkeypatch.setattr(pipeline.Subject, "open", staticmethod(lambda folder: person))
    write_wav(tmp_path / "speech.wav", samples)
    return tmp_path, tmp_path / "speech.wav"


def test_controls_play_the_prediction(given):
    plain, _ = pipeline.perform(*given)
    dialled, _ = pipeline.perform(*given, controls=["mouth.gain=0", "head.hold=1"])
    assert np.ptp(dialled.expression[:, :40], axis=0).max() < 1e-5
    assert np.ptp(dialled.rotation, axis=0).max() < 1e-5
    np.testing.assert_array_equal(dialled.expression[:, 40:], plain.expression[:, 40:])


def test_the_clip_s_own_pose_can_be_replayed(given, learnt):
    own = learnt[0].style.pose
    replayed, _ = pipeline.perform(*given, PerformSettings(pose="replayed"))
    np.testing.assert_array_equal(np.concatenate([replayed.rotation, replayed.translation], 1), own[:len(replayed)])
    plain, _ = pipeline.perform(*given)
    np.testing.assert_array_equal(replayed.expression, plain.expression)


@pytest.mark.parametrize("offset,words", [(0.12, ["120 ms later"]), (-0.08, ["80 ms earlier"]), (0.05, []), (0.0, [])])
def test_an_offset_that_can_be_seen_is_told(offset, words):
    notes = motion_notes(SimpleNamespace(audio_offset_seconds=offset))
    assert len(notes) == len(words) and all(word in note for word, note in zip(words, notes))
