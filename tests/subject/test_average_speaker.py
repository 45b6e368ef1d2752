"""The average speaker performs a recording without a subject, for other characters."""

import csv

import numpy as np
import pytest

from headroom import pipeline
from headroom.common.paths import shipped_file
from headroom.common.settings import PerformSettings
from headroom.media.audio import read_audio
from headroom.subject.performance_files import write_performance


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """Three seconds of the sample's speech, and one of silence."""
    from scipy.io import wavfile

    path = tmp_path_factory.mktemp("speech") / "line.wav"
    samples = read_audio(shipped_file("samples", "speech.wav"))[: 3 * 16000]
    wavfile.write(path, 16000, np.concatenate([samples, np.zeros(16000)]).astype(np.float32))
    return path


@pytest.fixture(scope="module")
def performance(speech):
    return pipeline.perform(None, speech, PerformSettings(seed=1))[0]


def test_the_jaw_moves_while_there_is_speech_and_rests_in_silence(performance, speech, tmp_path):
    assert len(performance) == 100 and performance.phones is not None
    write_performance(performance, tmp_path / "take.csv")
    with open(tmp_path / "take.csv", newline="") as file:
        jaw = np.array([float(row["JawOpen"]) for row in csv.DictReader(file)])
    assert np.abs(np.diff(jaw[:75])).mean() > 5 * np.abs(np.diff(jaw[85:])).mean() and jaw[:75].max() > 0.1


def test_the_head_moves_about_the_camera_s_axis(performance):
    assert np.abs(np.median(performance.rotation, axis=0)).max() < 0.15
    assert 0.5 < np.degrees(performance.rotation).std(axis=0).max() < 15


def test_another_seed_is_another_head_motion(performance, speech):
    other = pipeline.perform(None, speech, PerformSettings(seed=2))[0]
    assert np.array_equal(other.phones.labels, performance.phones.labels)
    assert np.abs(other.rotation - performance.rotation).max() > 0.01
