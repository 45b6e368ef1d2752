"""The picture of a performance beside its sound and phones."""

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from headroom.evaluation import performance_plot
from headroom.evaluation.performance_plot import COLOURS, lip_opening_mm, phone_kind, plot_performance
from headroom.face.model import bundled_model
from headroom.face.performance import Performance
from headroom.face.phone_track import PhoneTrack
from headroom.media.audio import write_wav
from headroom.media.image import read_picture
from headroom.motion.audio.phones import NOISES, SYMBOLS

LEFT, RIGHT = 0.05, 0.985  # the axes' part of the picture's width


@pytest.fixture(scope="module")
def person():
    """The mean face of the bundled model."""
    return SimpleNamespace(model=bundled_model(), track=SimpleNamespace(identity=np.zeros(80, np.float32)))


def performance(seconds, phones=None, open_at=None):
    """A still face whose first expression mode opens the mouth within a quarter second of `open_at`."""
    frames = round(seconds * 25)
    expression = np.zeros((frames, 64), np.float32)
    if open_at is not None:
        expression[:, 0] = 2 * np.exp(-(((np.arange(frames) / 25 - open_at) / 0.1) ** 2))
    return Performance(25.0, expression, np.zeros((frames, 3), np.float32), np.zeros((frames, 3), np.float32), phones)


def drawn(person, tmp_path, monkeypatch, motion):
    """The notes and the picture (H, W, 3) of a motion with a hum as its speech."""
    monkeypatch.setattr(performance_plot.Subject, "open", staticmethod(lambda folder: person))
    write_wav(tmp_path / "hum.wav", 0.3 * np.sin(np.arange(round(motion.seconds * 16000)) * 0.1))
    notes = plot_performance(tmp_path, tmp_path / "hum.wav", motion, tmp_path / "plot.png")
    return notes, read_picture(tmp_path / "plot.png")


def times_with(picture, colour, seconds, tolerance=6):
    """The seconds at which some pixel of the picture's single row has a colour, 0..1 RGB."""
    near = (np.abs(picture.astype(int) - np.rint(np.array(colour) * 255)) <= tolerance).all(2)
    near[:80] = False  # title and legend
    columns = np.flatnonzero(near.any(0)) + 0.5
    return (columns / picture.shape[1] - LEFT) / (RIGHT - LEFT) * seconds


def tint(kind):
    return 1 - 0.55 * (1 - np.array(to_rgb(COLOURS[kind])))


def test_phones_are_shaded_in_their_colour_where_they_are_spoken(person, tmp_path, monkeypatch):
    phones = PhoneTrack(np.array(["SIL", "AA", "B", "S", "SIL"]), np.array([0, 0.5, 1.0, 1.5, 2.0]),
                        np.array([0.5, 1.0, 1.5, 2.0, 3.0]), np.ones(5, np.float32))
    _, picture = drawn(person, tmp_path, monkeypatch, performance(3.0, phones))
    for kind, start in (("vowel", 0.5), ("closed lips", 1.0), ("consonant", 1.5)):
        times = times_with(picture, tint(kind), 3.0)
        assert times.min() == pytest.approx(start, abs=0.02) and times.max() == pytest.approx(start + 0.5, abs=0.02)


def test_the_curve_of_the_lips_peaks_where_the_mouth_opens(person, tmp_path, monkeypatch):
    red = to_rgb("#b00000")
    for open_at in (0.8, 2.2):
        _, picture = drawn(person, tmp_path, monkeypatch, performance(3.0, open_at=open_at))
        near = (np.abs(picture.astype(int) - np.rint(np.array(red) * 255)) <= 30).all(2)
        _, column = np.argwhere(near)[0]
        assert (column / picture.shape[1] - LEFT) / (RIGHT - LEFT) * 3 == pytest.approx(open_at, abs=0.06)


def test_a_longer_speech_gets_more_rows(person, tmp_path, monkeypatch):
    _, short = drawn(person, tmp_path, monkeypatch, performance(3.0))
    _, longer = drawn(person, tmp_path, monkeypatch, performance(20.0))
    assert short.shape[1] == longer.shape[1] and longer.shape[0] > 3 * short.shape[0] * 0.8


def test_a_very_long_speech_is_cut_off_with_a_note(person, tmp_path, monkeypatch):
    monkeypatch.setattr(performance_plot, "MAX_SECONDS", 2.0)
    notes, cut = drawn(person, tmp_path, monkeypatch, performance(5.0))
    assert notes == ["The plot shows the first 2 s of the speech's 5 s."]
    assert cut.shape == drawn(person, tmp_path, monkeypatch, performance(1.0))[1].shape


def test_every_phone_has_a_kind_and_silence_has_none():
    kinds = {symbol: phone_kind(symbol) for symbol in SYMBOLS if symbol not in NOISES}
    assert kinds.pop("SIL") is None and set(kinds.values()) == set(COLOURS)
    assert sum(kind == "vowel" for kind in kinds.values()) == 15


def test_the_opening_is_the_distance_between_the_lips_vertices(person):
    expression = np.random.default_rng(0).normal(size=(3, 64)).astype(np.float32)
    model = person.model
    vertices = model.shape(person.track.identity, expression)
    upper, lower = model.vertex_of(13), model.vertex_of(14)
    np.testing.assert_allclose(lip_opening_mm(person, expression), vertices[:, upper, 1] - vertices[:, lower, 1],
                               atol=1e-3)
