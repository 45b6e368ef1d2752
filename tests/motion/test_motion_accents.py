"""Accents of the voice."""

import numpy as np
import pytest
from accented_speaker import accent_frames, voice

from headroom.motion.audio.loudness import loudness, speech_levels
from headroom.motion.style import accents
from headroom.motion.style.accents import PITCH_PER_FRAME, find_accents, pitch


def found(samples):
    """Return the frames that have accents."""
    levels = speech_levels(samples, 0, len(samples) // 640, loudness(samples)[1])
    return np.flatnonzero(find_accents(samples, levels))


@pytest.mark.parametrize(("gain_db", "semitones"), [(12.0, 5.0), (12.0, 0.0), (0.0, 5.0)])
def test_louder_and_higher_syllables_are_found_where_they_are(gain_db, semitones):
    expected = accent_frames(20.0)
    frames = found(voice(20.0, expected, gain_db, semitones))
    assert len(frames) == len(expected)
    assert np.abs(frames - expected).max() <= 2


def test_a_prominent_accent_has_a_larger_number():
    samples = np.concatenate([voice(3.0, np.array([40])), voice(3.0, np.array([25]), 6.0, 2.0)])
    levels = speech_levels(samples, 0, 150, loudness(samples)[1])
    prominence = find_accents(samples, levels)
    assert prominence[36:44].max() > prominence[96:104].max() > 0


@pytest.mark.parametrize("level", [0.0, 1e-4, 0.1])
def test_silence_and_steady_noise_have_no_accents(level):
    samples = (level * np.random.default_rng(0).standard_normal(16000 * 20)).astype(np.float32)
    assert len(found(samples)) == 0


def test_pitch_is_that_of_the_tone_and_noise_has_none():
    time = np.arange(32000) / 16000
    for hz in (80.0, 120.0, 210.0, 400.0):
        semitones, periodicity = pitch((np.sin(2 * np.pi * hz * time) + 0.5 * np.sin(4 * np.pi * hz * time)), 5, 45)
        assert semitones == pytest.approx(12 * np.log2(hz), abs=0.1) and periodicity.min() > 0.9
    noise = np.random.default_rng(0).standard_normal(32000)
    assert np.mean(pitch(noise, 5, 45)[1] > accents.VOICED) < 0.05


@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_chunks_equal_one_pass(chunk, monkeypatch):
    samples = voice(8.0, accent_frames(8.0))
    levels = speech_levels(samples, 0, 200, loudness(samples)[1])
    in_one_pass = find_accents(samples, levels)
    monkeypatch.setattr(accents, "_CHUNK_FRAMES", chunk)
    np.testing.assert_allclose(find_accents(samples, levels), in_one_pass, atol=1e-4)


def test_frames_beyond_the_recording_are_silent():
    samples = voice(1.0, np.array([12]))
    assert pitch(samples, 30, 40).shape == (2, 10 * PITCH_PER_FRAME)
    assert np.all(pitch(samples, 30, 40)[1] == 0)
    assert find_accents(samples[:10], np.zeros(1)).tolist() == [0]
