"""Learning one person."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from synthetic_speaker import LID, LIP, TINY, speaker

from headroom.common.errors import Cancelled, InputError
from headroom.common.progress import no_progress
from headroom.motion.audio.features import FeatureConfig, utterance_stats, feature_windows
from headroom.motion.audio.lag_search import LAGS_SECONDS, best_lag, estimate_offset, heard_at_lags, pooled, shifted
from headroom.motion.model.model import MotionModel
from headroom.motion.model.network import MotionNetwork, NetworkConfig
from headroom.motion.predict import predict
from headroom.motion.train.dataset import AugmentConfig, Sample, as_windows, make_sample, pose_of, random_batch
from headroom.motion.train.general import train_general
from headroom.motion.train.loop import train_network
from headroom.motion.train.losses import PAPER_LOSS, LossConfig, motion_losses
from headroom.motion.train.personal import train_motion, shrinkage


def test_equation_2_matches_a_loop_written_by_hand():
    rng = torch.Generator().manual_seed(0)
    e, p, te, tp = (torch.randn(2, 5, n, generator=rng) for n in (64, 6, 64, 6))
    terms = motion_losses(e, p, te, tp, torch.ones(2, 5), torch.ones(64), torch.zeros(64), PAPER_LOSS)
    still = sum(float(((p[b, t + 1] - p[b, t]) ** 2).sum()) for b in range(2) for t in range(4)) / 2
    expected = float(((e - te) ** 2).mean()) + 0.2 * float(((p - tp) ** 2).mean()) + 0.01 * still
    assert float(sum(terms.values())) == pytest.approx(expected, rel=1e-5)


def test_unjudged_frames_do_not_matter():
    e, p = torch.randn(1, 6, 64), torch.randn(1, 6, 6)
    mask = torch.tensor([[0.0, 0, 1, 1, 1, 1]])
    truth = torch.zeros(1, 6, 64), torch.zeros(1, 6, 6)
    spoilt = e.clone()
    spoilt[:, :2] += 100
    a = motion_losses(e, p, *truth, mask, torch.ones(64), torch.ones(64), LossConfig())
    b = motion_losses(spoilt, p, *truth, mask, torch.ones(64), torch.ones(64), LossConfig())
    assert a == b


def test_one_sample_can_be_overfitted():
    samples, _ = speaker(1.0)
    none = AugmentConfig(1, jitter=0, tilt=0, masked_rows=0, masked_columns=0)
    motion = np.random.default_rng(0).standard_normal((25, 70)).astype(np.float32)
    motion = np.cumsum(motion, 0) / 5
    sample = make_sample(samples, motion, FeatureConfig(), none, np.random.default_rng(0))
    torch.manual_seed(0)
    network = MotionNetwork(NetworkConfig(width=16, code=32, hidden=64, layers=3, dropout=0.0))
    config = replace(TINY, steps=400, batch=1, shortest=25, longest=25, warm_up=0, rate=6e-3, augment=none,
                     loss=LossConfig(pose=1.0, velocity=0, lips=0))
    train_network(network, [sample], None, (torch.ones(64), torch.zeros(64)), config, (0,), no_progress)
    with torch.no_grad():
        expression, pose, _ = network.eval()(as_windows(sample.rows))
    error = torch.cat([expression, pose], -1)[0] - sample.motion
    assert float((error**2).mean()) < 0.05 * float(sample.motion.var())


def test_random_pieces_keep_sound_and_motion_together():
    rows = torch.arange(4 * 40 + 24, dtype=torch.float32)[None, :, None].expand(1, -1, 3).contiguous()
    clip = Sample(rows, torch.arange(40, dtype=torch.float32)[:, None].expand(-1, 70).contiguous(), 3)
    none = AugmentConfig(1, jitter=0, tilt=0, masked_rows=0, masked_columns=0)
    heard, motion, mask = random_batch([clip], 8, 10, 3, none, np.random.default_rng(0))
    assert heard.shape == (8, 10, 28, 3) and mask.shape == (8, 10)
    assert torch.equal(heard[:, :, 0, 0], 4 * motion[:, :, 0])


@pytest.mark.parametrize("late_seconds", [-0.12, 0.08, 0.16])
def test_a_late_sound_is_found_and_corrected(late_seconds):
    samples, truth = speaker(12.0, late_seconds=late_seconds)
    found = estimate_offset(samples, truth.expression @ LIP, FeatureConfig())
    assert abs(found - late_seconds) < 0.041


def test_one_hearing_gives_what_shifting_the_sound_to_every_lag_gives():
    samples, truth = speaker(6.0)
    config, frames = FeatureConfig(), len(truth)
    stats, reach = utterance_stats(samples, config), 4  # frames at the ends, whose feature_windows meet the shifted sound's silence
    for lag, heard in zip(LAGS_SECONDS, heard_at_lags(samples, frames, config), strict=True):
        expected = pooled(feature_windows(shifted(samples, float(lag)), 0, frames, config, stats))
        whole = slice(reach, frames - reach)
        np.testing.assert_allclose(heard[whole], expected[whole], atol=2e-3)


def test_unrelated_sound_gives_no_offset():
    samples, _ = speaker(12.0, seed=1)
    _, truth = speaker(12.0, seed=2)
    assert estimate_offset(samples, truth.expression @ LIP, FeatureConfig()) == 0.0
    assert best_lag(np.full(len(LAGS_SECONDS), 0.5)) == 0.0  # flat
    assert best_lag(np.linspace(0, 0.9, len(LAGS_SECONDS))) == 0.0  # one-sided


def test_shifted_sound_moves_and_is_filled_with_silence():
    samples = np.arange(16000, dtype=np.float32)
    assert shifted(samples, 0.1)[0] == 1600 and shifted(samples, 0.1)[-1] == 0
    assert shifted(samples, -0.1)[1600] == 0 and shifted(samples, -0.1)[1601] == 1


def test_the_saved_model_predicts_the_same(learnt, tmp_path):
    model, samples, _ = learnt
    model.save(tmp_path / "motion.safetensors")
    loaded = MotionModel.load(tmp_path / "motion.safetensors")
    assert loaded.config == model.config and loaded.audio_offset_seconds == model.audio_offset_seconds
    np.testing.assert_array_equal(predict(loaded, samples).expression, predict(model, samples).expression)


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "motion.safetensors").write_text("nonsense")
    with pytest.raises(InputError, match="not a motion model"):
        MotionModel.load(tmp_path / "motion.safetensors")


def test_training_continues_from_a_model_and_from_any_frame_rate(learnt):
    model, samples, truth = learnt
    again = train_motion(samples, truth.resampled(29.97), replace(TINY, steps=10), initial=model, lip_opening=LIP,
                         lid_opening=LID)
    assert len(again.networks) == TINY.members
    assert again.held_out > 0.5


def test_training_can_be_cancelled_and_refuses_a_moment(learnt):
    _, samples, truth = learnt

    def stop(fraction, message):
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        train_motion(samples, truth, TINY, stop, lip_opening=LIP, lid_opening=LID)
    with pytest.raises(InputError, match="two seconds"):
        train_motion(samples[:8000], truth, TINY, lip_opening=LIP, lid_opening=LID)


def test_a_person_is_never_learnt_worse_than_the_model_began():
    general = train_general([speaker(6.0, seed=s) for s in (11, 12, 13)], LIP, LID, None, TINY)
    samples, truth = speaker(4.0, seed=14)
    rng = np.random.default_rng(0)
    shaken = replace(truth, expression=truth.expression + rng.standard_normal(truth.expression.shape) * 1.5)
    hurting = replace(TINY, readout=replace(TINY.readout, own_weight=3e3, strength=1e-6))
    personal = train_motion(samples, shaken, hurting, initial=general, lip_opening=LIP, lid_opening=LID)
    assert personal.networks is general.networks and personal.ridge_weight == general.ridge_weight
    np.testing.assert_array_equal(personal.readout.weights, general.readout.weights)
    assert personal.held_out > 0.2
    np.testing.assert_allclose(personal.style.pose_mean, pose_of(shaken).mean(0), rtol=1e-5)


def test_what_held_out_frames_do_not_bear_out_is_toned_down():
    rng = np.random.default_rng(0)
    true = rng.standard_normal((300, 70)).astype(np.float32)
    said = true.copy()
    said[:, 1] = rng.standard_normal(300)
    said[:, 2] = 2 * true[:, 2]
    said[:, 3] = 0.5 * true[:, 3]
    trust = shrinkage(said, Sample(torch.zeros(1, 4 * 300 + 24, 40), torch.from_numpy(true), 40))
    np.testing.assert_allclose(trust[[0, 1, 2, 3]], [1, 0, 0.5, 1], atol=0.15)
    network = MotionNetwork(TINY.network)
    windows = torch.randn(1, 5, 28, TINY.network.features.columns)
    network.eval()
    before, pose, _ = network(windows)
    after, same_pose, _ = network.turned(np.diag(trust))(windows)
    assert torch.allclose(after, before * torch.from_numpy(trust).float(), atol=1e-5)
    assert torch.equal(pose, same_pose)
