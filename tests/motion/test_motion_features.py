"""Audio features and their timing."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from headroom.motion.audio.cepstra import mel_filters
from headroom.motion.audio.encoder_file import bundled_encoder
from headroom.motion.audio.features import FeatureConfig, feature_rows, feature_windows, utterance_stats
from headroom.motion.audio.loudness import row_levels
from headroom.motion.audio.phones import phone_filters
from headroom.motion.audio.speech_encoder import encode
from headroom.motion.audio.timing import frame_count

KINDS = [FeatureConfig("logmel"), FeatureConfig("mfcc", bands=26)]
VTLN = [0.9, 1.0, 1.13]


def babble(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise whose loudness changes as in speech."""
    rng = np.random.default_rng(seed)
    envelope = np.interp(np.arange(int(seconds * 16000)), np.arange(0, seconds * 16000 + 1, 2000),
                         rng.random(int(seconds * 8) + 1))
    return (0.2 * envelope * rng.standard_normal(len(envelope))).astype(np.float32)


@pytest.mark.parametrize("config", KINDS)
def test_n_frames_have_n_windows(config):
    samples = babble(2.0)
    assert frame_count(samples) == 50
    assert feature_windows(samples, 0, 50, config, utterance_stats(samples, config)).shape == (50, 28, config.columns)


@pytest.mark.parametrize("config", KINDS)
def test_any_range_of_windows_equals_that_range_of_all(config):
    samples = babble(2.0)
    stats = utterance_stats(samples, config)
    windows = feature_windows(samples, 0, 50, config, stats)
    np.testing.assert_allclose(feature_windows(samples, 17, 31, config, stats), windows[17:31], atol=1e-5)


def test_windows_match_a_loop_written_by_hand():
    samples = np.zeros(16000, np.float32)
    samples[8000] = 1.0
    for frame in (5, 12, 20):
        for row in range(28):
            start = frame * 640 - 12 * 160 + row * 160
            expected = start <= 8000 < start + 400
            level = row_levels(samples, frame * 4 - 12 + row, frame * 4 - 11 + row)[0]
            assert (level > -60) == expected


@pytest.mark.parametrize("config", KINDS)
def test_an_impulse_is_in_the_middle_of_its_frame_s_window(config):
    samples = babble(2.0) * 1e-3
    samples[25 * 640 + 320:][:40] = 1.0
    unnormalised = FeatureConfig(config.kind, config.bands, normalise=False)
    windows = feature_windows(samples, 0, 50, unnormalised, utterance_stats(samples, unnormalised))
    change = np.abs(windows - np.median(windows, (0, 1))).sum(2)
    assert change[25].argmax() in (12, 13, 14, 15)


@pytest.mark.parametrize("config", KINDS)
@pytest.mark.parametrize("gain", [0.05, 0.5, 1.9])
def test_loudness_does_not_matter(config, gain):
    samples = babble(2.0)
    a = feature_windows(samples, 0, 50, config, utterance_stats(samples, config))
    b = feature_windows(samples * gain, 0, 50, config, utterance_stats(samples * gain, config))
    np.testing.assert_allclose(a, b, atol=2e-3)


@pytest.mark.parametrize("samples", [np.zeros(1, np.float32), np.zeros(16000, np.float32)])
def test_silence_and_a_single_sample_have_finite_features(samples):
    config = FeatureConfig("logmel")
    stats = utterance_stats(samples, config)
    assert np.isfinite(feature_windows(samples, 0, frame_count(samples), config, stats)).all()


def mel(hertz):
    return 2595 * np.log10(1 + hertz / 700)


def triangles(corners, vtln):
    """Mel filters (257, bands) of height 1, in a loop over bins and bands."""
    filters = np.zeros((257, len(corners) - 2))
    for index in range(257):
        hertz = index * 16000 / 512 * vtln
        for band, (low, middle, high) in enumerate(zip(corners, corners[1:], corners[2:])):
            filters[index, band] = max(0, min((hertz - low) / (middle - low), (high - hertz) / (high - middle)))
    return filters


@pytest.mark.parametrize("bands", [26, 40])
@pytest.mark.parametrize("vtln", VTLN)
def test_mel_filters_match_triangles_written_by_hand(bands, vtln):
    corners = 700 * (10 ** (np.linspace(mel(60), mel(7600), bands + 2) / 2595) - 1)
    np.testing.assert_allclose(mel_filters(bands, vtln), triangles(corners, vtln), atol=1e-5)


@pytest.mark.parametrize("vtln", VTLN)
def test_the_phone_model_s_filters_are_triangles_of_equal_area_with_corners_on_whole_bins(vtln):
    corners = 700 * (10 ** (np.linspace(mel(130), mel(6800), 27) / 2595) - 1)
    corners = np.round(corners / 31.25) * 31.25
    expected = triangles(corners, vtln) * 2 / (corners[2:] - corners[:-2])
    np.testing.assert_allclose(phone_filters(vtln), expected, atol=1e-7)


@pytest.mark.parametrize("config", KINDS)
@pytest.mark.parametrize("vtln", VTLN)
def test_features_are_those_that_the_bundled_weights_were_trained_on(config, vtln):
    """The values were computed before librosa's filters replaced Headroom's own."""
    with np.load(Path(__file__).with_name("feature_values.npz")) as stored:
        samples, expected = stored["samples"] / np.float32(32768), stored[f"{config.kind}_{vtln}"]
    rows = feature_rows(samples, 0, len(expected), config, utterance_stats(samples, config, vtln), vtln)
    np.testing.assert_allclose(rows, expected, atol=1e-5)


def test_librosa_and_numba_are_loaded_only_when_features_are_computed():
    program = ("import sys, headroom.pipeline, headroom.motion.train.general, headroom.motion.predict; "
               "assert not {'numba', 'librosa.filters'} & set(sys.modules)")
    subprocess.run([sys.executable, "-c", program], check=True)


def test_statistics_of_one_recording_normalise_another():
    rng = np.random.default_rng(5)
    sound = rng.standard_normal(32000).astype(np.float32) * 0.1
    late, config = np.concatenate([np.zeros(6400, np.float32), sound]), FeatureConfig()
    stats = utterance_stats(sound, config)
    windows = feature_windows(late, 10, 60, config, stats)
    expected = encode(bundled_encoder(), late, 20 - 7, 20 - 7 + 98 + 16, stats.loud_db) - stats.mean
    np.testing.assert_array_equal(windows[0], expected[:16])
    np.testing.assert_array_equal(windows[-1], expected[-16:])
    assert np.abs(windows - feature_windows(sound, 10, 60, config, stats)).max() > 0.1
