"""Phone posteriors, and the acoustic model of CMU Sphinx that they come from."""

import struct
from pathlib import Path

import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.motion.audio.features import FeatureConfig, feature_windows, utterance_stats
from headroom.motion.audio.phones import CONTEXT, COUNT, PhoneModel, bundled_phones, phone_cepstra
from headroom.motion.audio.sphinx import read_phone_model

PHONES, GAUSSIANS, STATES = 4, 5, 30


@pytest.fixture
def values():
    """Means, variances (P, 3, G, 13) and stored weights (3, G, states) of a small acoustic model."""
    rng = np.random.default_rng(0)
    shape = (PHONES, 3, GAUSSIANS, 13)
    return (rng.normal(size=shape).astype(np.float32), rng.uniform(0.5, 2, shape).astype(np.float32),
            rng.integers(0, 60, (3, GAUSSIANS, STATES)).astype(np.uint8))


@pytest.fixture
def folder(values, tmp_path):
    means, variances, stored = values
    for name, array in (("means", means), ("variances", variances)):
        header = b"s3\nversion 1.0\nchksum0 yes\n      endhdr\n"
        counts = struct.pack("<I3i3ii", 0x11223344, PHONES, 3, GAUSSIANS, 13, 13, 13, array.size)
        (tmp_path / name).write_bytes(header + counts + array.tobytes() + b"\0\0\0\0")
    text = b"cluster_count 0\0"
    (tmp_path / "sendump").write_bytes(struct.pack("<i", len(text)) + text + struct.pack("<3i", 0, GAUSSIANS, STATES)
                                       + stored.tobytes())
    return tmp_path


def test_an_acoustic_model_is_read_as_it_was_written(folder, values):
    means, variances, stored = values
    model = read_phone_model(folder)
    assert np.array_equal(model.means, means) and np.array_equal(model.variances, variances)
    phone, stream, state = 2, 1, 1
    weights = 1.0001 ** (-1024.0 * stored[stream, :, 3 * phone + state])
    np.testing.assert_allclose(model.weights[phone, stream, :, state], weights / weights.sum(), rtol=1e-5)


def test_a_missing_file_is_named(folder):
    (folder / "sendump").unlink()
    with pytest.raises(InputError, match="lacks sendump"):
        read_phone_model(folder)


def test_posteriors_match_a_loop_written_by_hand(folder):
    model = read_phone_model(folder)
    cepstra = np.random.default_rng(1).normal(size=(8 + 2 * CONTEXT, 13)).astype(np.float32)
    expected = np.zeros((8, PHONES))
    for row in range(8):
        index = row + CONTEXT
        delta = lambda t: cepstra[t + 2] - cepstra[t - 2]  # noqa: E731
        streams = (cepstra[index], delta(index), delta(index + 1) - delta(index - 1))
        for phone in range(PHONES):
            states = np.zeros(3)
            for stream, x in enumerate(streams):
                mean, variance = model.means[phone, stream], model.variances[phone, stream]
                density = np.exp(-0.5 * ((x - mean) ** 2 / variance + np.log(2 * np.pi * variance)).sum(1))
                states += np.log(density @ model.weights[phone, stream])
            expected[row, phone] = np.exp(0.5 * states.max())
    expected /= expected.sum(1, keepdims=True)
    np.testing.assert_allclose(model.posteriors(cepstra), expected, rtol=2e-3, atol=1e-6)


def test_a_saved_model_gives_the_same_posteriors(folder, tmp_path):
    model = read_phone_model(folder)
    model.save(tmp_path / "phones.npz")
    cepstra = np.random.default_rng(2).normal(size=(20, 13)).astype(np.float32)
    np.testing.assert_allclose(PhoneModel.load(tmp_path / "phones.npz").posteriors(cepstra), model.posteriors(cepstra),
                               atol=0.01)


def test_the_first_released_format_opens():
    model = PhoneModel.load(Path(__file__).resolve().parents[1] / "formats" / "phones_1.npz")
    rng = np.random.default_rng(0)  # as in the command that made it
    weights = rng.uniform(size=(4, 3, 5, 3))
    means, variances = rng.normal(size=(4, 3, 5, 13)), rng.uniform(0.5, 2, (4, 3, 5, 13))
    np.testing.assert_allclose(model.means, means, atol=2e-3)
    np.testing.assert_allclose(model.variances, variances, atol=2e-3)
    np.testing.assert_allclose(model.weights, weights / weights.sum(2, keepdims=True), atol=1e-3)


def test_other_files_and_newer_formats_are_refused(tmp_path):
    np.savez(tmp_path / "newer.npz", format=2)
    with pytest.raises(InputError, match="newer version"):
        PhoneModel.load(tmp_path / "newer.npz")
    np.savez(tmp_path / "other.npz", means=np.zeros(3))
    with pytest.raises(InputError, match="not a phone model"):
        PhoneModel.load(tmp_path / "other.npz")


def test_the_bundled_model_distinguishes_a_vowel_a_hiss_and_silence():
    rng = np.random.default_rng(0)
    time = np.arange(16000) / 16000
    buzz = sum(np.sin(2 * np.pi * 120 * k * time) * np.exp(-((120 * k - 700) / 300) ** 2) for k in range(1, 30))
    hiss = np.diff(rng.standard_normal(16001), 1)
    sound = np.concatenate([buzz, 0.3 * hiss, np.zeros(16000)]).astype(np.float32) * 0.1
    config = FeatureConfig("logmel")
    phones = feature_windows(sound, 0, 75, config, utterance_stats(sound, config))[:, 12, config.spectral_columns:]
    assert phones.shape == (75, COUNT)
    np.testing.assert_allclose(phones.sum(1), 1, atol=1e-4)
    vowel, fricative, pause = phones[5:20].mean(0), phones[30:45].mean(0), phones[55:70].mean(0)
    assert len({int(vowel.argmax()), int(fricative.argmax()), int(pause.argmax())}) == 3


def test_cepstra_of_a_row_do_not_depend_on_the_rows_around():
    power = np.random.default_rng(3).random((30, 257)).astype(np.float32)
    np.testing.assert_allclose(phone_cepstra(power)[10:20], phone_cepstra(power[10:20]), atol=1e-4)


def test_the_bundled_model_has_the_phones_of_english():
    model = bundled_phones()
    assert model.means.shape[:2] == (COUNT, 3) and model.weights.shape[3] == 3
    np.testing.assert_allclose(model.weights.sum(2), 1, atol=0.01)
