"""Learning one person, and the losses and data of the training."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from synthetic_speaker import DIRECTIONS, LIP, TINY, speaker, speakers

from headroom.common.errors import Cancelled, InputError
from headroom.common.progress import no_progress
from headroom.motion.audio.features import FeatureConfig, feature_windows, pool_windows, utterance_stats
from headroom.motion.model.network import MotionNetwork, NetworkConfig
from headroom.motion.style.measure import measure_style, normalise_motion
from headroom.motion.train import personal
from headroom.motion.train.augment import NO_AUGMENTATION
from headroom.motion.train.dataset import BatchConfig, Sample, make_sample, random_batch
from headroom.motion.train.general import train_general
from headroom.motion.train.held_out import best_strength, lip_error, shrinkage
from headroom.motion.train.lag_search import LAGS_SECONDS, best_lag, estimate_offset, windows_at_lags
from headroom.motion.train.loop import TrainingTask, train_network
from headroom.motion.train.losses import PAPER_LOSS, LossConfig, LossEmphasis, motion_losses
from headroom.motion.train.personal import train_motion
from headroom.motion.train.sound_offset import shift_sound


def test_equation_2_matches_a_loop_written_by_hand():
    rng = torch.Generator().manual_seed(0)
    e, p, te, tp = (torch.randn(2, 5, n, generator=rng) for n in (64, 6, 64, 6))
    predicted, target = torch.cat([e, p], -1), torch.cat([te, tp], -1)
    emphasis = LossEmphasis(torch.ones(64), torch.zeros(64, 3))
    losses = motion_losses(predicted, target, torch.ones(2, 5), emphasis, PAPER_LOSS)
    still = sum(float(((p[b, t + 1] - p[b, t]) ** 2).sum()) for b in range(2) for t in range(4)) / 2
    expected = float(((e - te) ** 2).mean()) + 0.2 * float(((p - tp) ** 2).mean()) + 0.01 * still
    assert float(sum(losses.values())) == pytest.approx(expected, rel=1e-5)


def test_masked_frames_do_not_matter():
    predicted, target = torch.randn(1, 6, 70), torch.zeros(1, 6, 70)
    mask = torch.tensor([[0.0, 0, 1, 1, 1, 1]])
    changed = predicted.clone()
    changed[:, :2] += 100
    emphasis = LossEmphasis(torch.ones(64), torch.ones(64, 3))
    assert motion_losses(predicted, target, mask, emphasis, LossConfig()) == \
        motion_losses(changed, target, mask, emphasis, LossConfig())


def test_one_sample_can_be_overfitted():
    samples, _ = speaker(1.0)
    motion = np.random.default_rng(0).standard_normal((25, 70)).astype(np.float32)
    motion = np.cumsum(motion, 0) / 5
    sample = make_sample(samples, motion, FeatureConfig(), NO_AUGMENTATION, np.random.default_rng(0))
    torch.manual_seed(0)
    network = MotionNetwork(NetworkConfig(width=16, code=32, hidden=64, layers=3, dropout=0.0))
    config = replace(TINY, steps=400, batch=BatchConfig(size=1, min_frames=25, max_frames=25, warm_up=0),
                     optimiser=replace(TINY.optimiser, rate=6e-3), augment=NO_AUGMENTATION,
                     loss=LossConfig(pose=1.0, velocity=0, lips=0))
    task = TrainingTask([sample], None, LossEmphasis(torch.ones(64), torch.zeros(64, 3)), (0,))
    train_network(network, task, config, no_progress)
    with torch.no_grad():
        predicted, _ = network.eval()(sample.clean_windows())
    error = predicted[0] - sample.motion
    assert float((error**2).mean()) < 0.05 * float(sample.motion.var())


def test_sound_and_motion_of_random_pieces_are_synchronised():
    rows = torch.arange(4 * 40 + 24, dtype=torch.float32)[None, :, None].expand(1, -1, 12).contiguous()
    motion = torch.arange(40, dtype=torch.float32)[:, None].expand(-1, 70).contiguous()
    clip = Sample(rows, motion, FeatureConfig("mfcc"))
    config = BatchConfig(size=8, min_frames=10, max_frames=10, warm_up=3)
    batch = random_batch([clip], config, NO_AUGMENTATION, np.random.default_rng(0))
    assert batch.windows.shape == (8, 10, 28, 12) and batch.mask.shape == (8, 10)
    assert torch.equal(batch.windows[:, :, 0, 0], 4 * batch.motion[:, :, 0])
    assert set(batch.mask[:, :3].unique().tolist()) == {0.0, 1.0} and batch.mask[:, 3:].all()


def test_the_shards_of_a_batch_are_the_batch():
    clip = Sample(torch.randn(2, 4 * 40 + 24, 12), torch.randn(40, 70), FeatureConfig("mfcc"))
    config, augment = BatchConfig(size=4), replace(NO_AUGMENTATION, jitter=0.5, masked_rows=5)
    batch = random_batch([clip], config, augment, np.random.default_rng(3))
    for rank in range(2):
        shard = random_batch([clip], config, augment, np.random.default_rng(3), slice(rank, 4, 2))
        assert torch.equal(shard.windows, batch.windows[rank::2]) and torch.equal(shard.mask, batch.mask[rank::2])


@pytest.mark.parametrize("late_seconds", [-0.12, 0.08, 0.16])
def test_the_offset_of_a_late_sound_is_found(late_seconds):
    samples, truth = speaker(12.0, late_seconds=late_seconds)
    offset = estimate_offset(samples, truth.expression @ LIP, FeatureConfig())
    assert abs(offset - late_seconds) < 0.041


def test_windows_at_all_lags_are_those_of_the_shifted_sound():
    samples, truth = speaker(6.0)
    config, frames = FeatureConfig("logmel"), len(truth)
    stats = utterance_stats(samples, config)
    inside = slice(4, frames - 4)  # windows at the ends reach into the silence beside the shifted sound
    for lag, windows in zip(LAGS_SECONDS, windows_at_lags(samples, frames, config), strict=True):
        expected = pool_windows(feature_windows(shift_sound(samples, float(lag)), 0, frames, config, stats))
        np.testing.assert_allclose(windows[inside], expected[inside], atol=2e-3)


def test_unrelated_sound_gives_no_offset():
    samples, _ = speaker(12.0, seed=1)
    _, truth = speaker(12.0, seed=2)
    assert estimate_offset(samples, truth.expression @ LIP, FeatureConfig()) == 0.0
    assert best_lag(np.full(len(LAGS_SECONDS), 0.5)) == 0.0  # flat
    assert best_lag(np.linspace(0, 0.9, len(LAGS_SECONDS))) == 0.0  # one-sided


def test_shifted_sound_is_padded_with_silence():
    samples = np.arange(16000, dtype=np.float32)
    assert shift_sound(samples, 0.1)[0] == 1600 and shift_sound(samples, 0.1)[-1] == 0
    assert shift_sound(samples, -0.1)[1600] == 0 and shift_sound(samples, -0.1)[1601] == 1


def test_training_continues_from_a_model_and_from_any_frame_rate(learned):
    model, samples, truth = learned
    again = train_motion(samples, truth.resampled(29.97), DIRECTIONS, replace(TINY, steps=10), initial=model)
    assert len(again.networks) == TINY.members
    assert again.held_out > 0.5


def test_training_can_be_cancelled_and_refuses_a_clip_below_two_seconds(learned):
    _, samples, truth = learned

    def stop(fraction, message):
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        train_motion(samples, truth, DIRECTIONS, TINY, stop)
    with pytest.raises(InputError, match="two seconds"):
        train_motion(samples[:8000], truth, DIRECTIONS, TINY)


def test_general_weights_are_kept_where_no_learning_pays(monkeypatch):
    general = train_general(speakers(6.0, (11, 12, 13)), DIRECTIONS, None, TINY)
    samples, truth = speaker(4.0, seed=14)
    monkeypatch.setattr(personal, "best_strength", lambda *_: 0.0)
    model = train_motion(samples, truth, DIRECTIONS, replace(TINY, steps=10), initial=general)
    assert model.networks is general.networks and model.ridge_weight == general.ridge_weight
    np.testing.assert_array_equal(model.ridge.weights, general.ridge.weights)
    assert model.ridge.gram is None and model.held_out > 0.2
    np.testing.assert_allclose(model.style.pose_mean, truth.pose_vectors.mean(0), rtol=1e-5)


def test_as_much_is_learned_as_held_out_frames_support():
    samples, truth = speaker(6.0)
    style = measure_style(samples, truth, DIRECTIONS)
    clip = Sample(torch.zeros(1, 0, 0), torch.from_numpy(normalise_motion(truth, style)), FeatureConfig())
    right, wrong = clip.motion.numpy(), np.random.default_rng(0).standard_normal(clip.motion.shape)
    assert best_strength(wrong, right, style, clip) == 1.0
    assert best_strength(right, 3 * wrong, style, clip) == 0.0
    assert best_strength(right, right, style, clip) == 1.0  # a tie
    assert 0 < best_strength(0.4 * right, 0.4 * right + 0.5 * wrong, style, clip) < 1
    assert lip_error(style, right, clip) == 0
    assert lip_error(style, 0 * right, clip) == pytest.approx(0.5)  # this face has no width and no protrusion


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_a_network_between_two_predicts_between_them(strength):
    torch.manual_seed(0)
    start = MotionNetwork(TINY.network).eval()
    end = copy.deepcopy(start)
    with torch.no_grad():
        end.output.bias += 1
        between = start.towards(end, strength)
        windows = torch.randn(1, 6, 16, FeatureConfig().columns)
        torch.testing.assert_close(between(windows)[0], start(windows)[0] + strength)


def test_dimensions_that_held_out_frames_do_not_support_are_shrunk():
    rng = np.random.default_rng(0)
    true = rng.standard_normal((300, 70)).astype(np.float32)
    predicted = true.copy()
    predicted[:, 1] = rng.standard_normal(300)
    predicted[:, 2] = 2 * true[:, 2]
    predicted[:, 3] = 0.5 * true[:, 3]
    factor = shrinkage(predicted, Sample(torch.zeros(1, 4 * 300 + 24, 40), torch.from_numpy(true), 40))
    np.testing.assert_allclose(factor[[0, 1, 2, 3]], [1, 0, 0.5, 1], atol=0.15)


def test_a_network_with_an_expression_map_predicts_mapped_expressions_and_the_same_pose():
    matrix = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
    network = MotionNetwork(TINY.network).eval()
    windows = torch.randn(1, 5, TINY.network.features.grid.window_rows, TINY.network.features.columns)
    with torch.no_grad():
        before, _ = network(windows)
        after, _ = network.with_expression_map(matrix)(windows)
    assert torch.allclose(after[..., :64], before[..., :64] @ torch.from_numpy(matrix).T, atol=1e-4)
    assert torch.equal(after[..., 64:], before[..., 64:])
