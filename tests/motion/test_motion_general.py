"""General weights, ridge regression and the synchronisation of clips."""

import numpy as np
import pytest
from synthetic_speaker import DIRECTIONS, LIP, TINY, speaker, speakers

from headroom.common.arrays import correlation
from headroom.common.paths import MOTION_WEIGHTS
from headroom.face.model import bundled_model
from headroom.motion.audio.features import FeatureConfig, utterance_stats
from headroom.motion.model.general import general_model
from headroom.motion.model.model import MotionModel
from headroom.motion.model.ridge import MAX_PRIOR_FRAMES, RidgeConfig, fit_ridge, new_ridge
from headroom.motion.predict import predict, predict_motion
from headroom.motion.train.general import train_general
from headroom.motion.train.personal import train_motion
from headroom.motion.train.sound_offset import (
    OFFSET_LAGS,
    UNCERTAIN,
    align_clips,
    find_offset,
    lips_at_lags,
    shift_sound,
)


def test_the_general_model_predicts_strangers_and_learning_starts_from_it(tmp_path):
    clips = speakers(6.0, (11, 12, 13))
    model = train_general(clips, DIRECTIONS, tmp_path / "motion.safetensors", TINY)
    samples, truth = speaker(8.0, seed=14)
    assert correlation(predict(model, samples).expression @ LIP, truth.expression @ LIP) > 0.5
    loaded = MotionModel.load(tmp_path / "motion.safetensors")
    personal = train_motion(samples, truth, DIRECTIONS, TINY, initial=loaded)
    assert personal.ridge.gram is None and loaded.ridge.gram is not None
    late = np.concatenate([np.zeros(1920, np.float32), samples])
    offset = find_offset(late, truth.expression, DIRECTIONS, model.config.features, model)
    assert offset.certain and abs(offset.seconds - 0.12) < 0.03
    other, _ = speaker(8.0, seed=15)
    assert find_offset(other, truth.expression, DIRECTIONS, model.config.features, model) == UNCERTAIN


def test_clips_out_of_sync_are_aligned_with_the_help_of_the_others():
    clips = [speaker(5.0, seed=s, late_seconds=late) for s, late in enumerate((0, 0, 0.1, 0, -0.06, 0))]
    offsets = align_clips([(s, t.expression @ LIP) for s, t in clips], TINY.network.features)
    np.testing.assert_allclose(offsets, (0, 0, 0.1, 0, -0.06, 0), atol=0.02)


def test_random_features_match_kernel_ridge_regression_written_by_hand():
    rng = np.random.default_rng(0)
    windows = np.repeat(rng.standard_normal((60, 7, 2)), 4, axis=1).astype(np.float32)
    target = np.repeat(np.sin(windows[:, 0, :1]), 64, axis=1)
    config = RidgeConfig(size=2048, gamma=0.5, strength_without_prior=0.3)
    flat = windows[:, ::4].reshape(60, -1).astype(float)
    kernel = np.exp(-config.gamma * ((flat[:, None] - flat) ** 2).mean(2))
    expected = kernel @ np.linalg.solve(kernel + 0.3 * np.eye(60), target)
    features = FeatureConfig("logmel", bands=2, phones=False)
    ridge = fit_ridge(new_ridge(features, 64, config), [(windows, target)], config)
    assert np.abs(ridge.predict(windows) - expected).max() < 0.15 * np.abs(expected).max()


def test_a_prior_of_any_number_of_frames_weighs_no_more_than_its_limit():
    config = RidgeConfig(size=16)
    windows = np.ones((2_000, 28, FeatureConfig("logmel").columns), np.float32)
    clips = [(windows, np.ones((2_000, 64), np.float32))] * 40
    prior = fit_ridge(new_ridge(FeatureConfig("logmel"), 64, config), clips, config, personal=False)
    assert prior.gram.max() == pytest.approx(MAX_PRIOR_FRAMES, rel=1e-3)
    few = fit_ridge(new_ridge(FeatureConfig("logmel"), 64, config), clips[:5], config, personal=False)
    np.testing.assert_allclose(prior.cross, few.cross, rtol=1e-5, atol=1e-3)


def test_the_predicted_opening_at_every_lag_is_that_of_the_shifted_sound():
    model = train_general(speakers(6.0, (11, 12)), DIRECTIONS, None, TINY)
    samples, truth = speaker(6.0, seed=14)
    frames, features = len(truth), model.config.features
    predicted = lips_at_lags(model, samples, frames, LIP[:, None])
    for lag, opening in zip(OFFSET_LAGS / 25, predicted, strict=True):
        late = shift_sound(samples, float(lag))
        motion = predict_motion(model, late, frames, utterance_stats(late, features))
        expected = motion[:, :64] @ model.style.lip_direction
        assert correlation(opening[20:-20, 0], expected[20:-20]) > 0.95


def test_the_bundled_weights_are_small_and_belong_to_the_bundled_face_model():
    assert MOTION_WEIGHTS.stat().st_size < 12e6
    assert general_model(bundled_model().opening_direction(13, 14)) is general_model()
    assert general_model(np.ones(64)) is None
