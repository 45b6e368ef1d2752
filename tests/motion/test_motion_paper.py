"""The paper's mapping as a configuration."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from synthetic_speaker import DIRECTIONS, speaker, speakers

from headroom.motion.audio.features import feature_windows, utterance_stats
from headroom.motion.model.model import MotionModel
from headroom.motion.model.network import MotionNetwork
from headroom.motion.predict import predict
from headroom.motion.style.measure import measure_style, normalise_motion
from headroom.motion.style.speaker_style import unnormalised_style
from headroom.motion.train.general import train_general
from headroom.motion.train.losses import LossEmphasis
from headroom.motion.train.paper import PAPER, PAPER_NETWORK
from headroom.motion.train.personal import train_motion


def test_the_network_has_the_size_of_the_authors_one():
    network = MotionNetwork(PAPER_NETWORK)
    count = sum(p.numel() for p in network.parameters() if p.requires_grad)
    assert count == pytest.approx(29.43e6, rel=2e-3)
    assert sum(p.numel() for p in network.recurrent.parameters()) == pytest.approx(1.58e6, rel=2e-3)
    with torch.no_grad():
        motion, state = network.eval()(torch.zeros(2, 3, 28, 12))
    assert motion.shape == (2, 3, 70) and state[0].shape == (3, 2, 256)


def test_cepstra_are_those_of_a_loop_written_by_hand():
    rng = np.random.default_rng(0)
    samples = (0.1 * rng.standard_normal(16000)).astype(np.float32)
    config = PAPER_NETWORK.features
    stats = utterance_stats(samples, config)
    cepstra = feature_windows(samples, 5, 6, config, stats)[0, 3]
    level = 10 ** (-stats.loud_db / 20)
    piece = samples[5 * 640 - 9 * 160:][:400] * level
    emphasised = [piece[0] * 0.03] + [piece[i] - 0.97 * piece[i - 1] for i in range(1, 400)]
    power = np.abs(np.fft.rfft(emphasised, 512)) ** 2 / 512
    mel = lambda hertz: 2595 * np.log10(1 + hertz / 700)  # noqa: E731
    corners = 700 * (10 ** (np.linspace(mel(60), mel(7600), 28) / 2595) - 1)
    logs = []
    for band in range(26):
        low, middle, high = corners[band:band + 3]
        weights = [max(0, min((f - low) / (middle - low), (high - f) / (high - middle)))
                   for f in np.arange(257) * 16000 / 512]
        logs.append(np.log(power @ weights + 1e-7))
    for k in range(1, 13):
        cepstrum = np.sqrt(2 / 26) * sum(logs[n] * np.cos(np.pi * k * (2 * n + 1) / 52) for n in range(26))
        assert cepstra[k - 1] == pytest.approx(cepstrum * (1 + 11 * np.sin(np.pi * k / 22)), rel=1e-3, abs=1e-3)


def test_targets_are_coefficients_radians_and_decimetres():
    samples, truth = speaker(4.0)
    style = unnormalised_style(measure_style(samples, truth, DIRECTIONS))
    targets = normalise_motion(truth, style)
    np.testing.assert_allclose(targets[:, :64], truth.expression)
    np.testing.assert_allclose(targets[:, 64:67], truth.rotation, atol=1e-6)
    from_mean = truth.translation - truth.translation.mean(0)
    np.testing.assert_allclose(targets[:, 67:], from_mean / 100, atol=1e-4)
    assert torch.equal(LossEmphasis.of(style, DIRECTIONS, PAPER.loss).weights, torch.ones(64))


@pytest.fixture
def tiny():
    return replace(PAPER, network=replace(PAPER_NETWORK, code=16, hidden=16), steps=2, validate_every=2,
                   batch=replace(PAPER.batch, size=2))


def test_a_person_can_be_learned_with_it_and_the_file_stores_the_model(tiny, tmp_path):
    samples, truth = speaker(4.0)
    model = train_motion(samples, truth, DIRECTIONS, tiny)
    assert model.ridge is None and len(model.networks) == 1
    model.save(tmp_path / "motion.safetensors")
    loaded = MotionModel.load(tmp_path / "motion.safetensors")
    performance = predict(model, samples)
    np.testing.assert_array_equal(predict(loaded, samples).rotation, performance.rotation)
    # unlike the poses of the motion graph, the network's are those of its own output in radians
    assert model.style.pose_deviation[0] == 1 and model.style.expression_deviation[0] == 1


def test_general_weights_can_be_learned_with_it_and_a_person_from_them(tiny):
    general = train_general([*speakers(3.0, [1]), *speakers(1.2, [2])], DIRECTIONS, None, tiny)
    assert general.config == tiny.network and general.ridge is None
    np.testing.assert_array_equal(general.style.expression_deviation, 1)
    samples, truth = speaker(4.0)
    personal = train_motion(samples, truth, DIRECTIONS, tiny, initial=general)
    assert personal.config == tiny.network
    assert np.isfinite(predict(personal, samples).expression).all()
