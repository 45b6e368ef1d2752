"""What the networks hear, and when."""

import numpy as np
import pytest

from headroom.motion.audio.features import FeatureConfig, frame_count, utterance_stats, row_levels, feature_windows

KINDS = [FeatureConfig("logmel"), FeatureConfig("mfcc", bands=26)]


def babble(seconds: float, seed: int = 0) -> np.ndarray:
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
def test_any_piece_of_the_windows_equals_that_piece_of_all(config):
    samples = babble(2.0)
    stats = utterance_stats(samples, config)
    whole = feature_windows(samples, 0, 50, config, stats)
    np.testing.assert_allclose(feature_windows(samples, 17, 31, config, stats), whole[17:31], atol=1e-5)


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
def test_an_impulse_is_heard_in_the_middle_of_its_frame(config):
    samples = babble(2.0) * 1e-3
    samples[25 * 640 + 320:][:40] = 1.0
    plain = FeatureConfig(config.kind, config.bands, normalise=False)
    heard = feature_windows(samples, 0, 50, plain, utterance_stats(samples, plain))
    change = np.abs(heard - np.median(heard, (0, 1))).sum(2)
    loudest = change[25].argmax()
    assert loudest in (12, 13, 14, 15)


@pytest.mark.parametrize("config", KINDS)
@pytest.mark.parametrize("gain", [0.05, 0.5, 1.9])
def test_loudness_does_not_matter(config, gain):
    samples = babble(2.0)
    a = feature_windows(samples, 0, 50, config, utterance_stats(samples, config))
    b = feature_windows(samples * gain, 0, 50, config, utterance_stats(samples * gain, config))
    np.testing.assert_allclose(a, b, atol=2e-3)


@pytest.mark.parametrize("samples", [np.zeros(1, np.float32), np.zeros(16000, np.float32)])
def test_silence_and_one_sample_are_heard_without_trouble(samples):
    config = FeatureConfig()
    assert np.isfinite(feature_windows(samples, 0, frame_count(samples), config, utterance_stats(samples, config))).all()
