"""The gaze of predicted performances."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_speaker import DIRECTIONS, TINY, speaker

from headroom.motion.model.model import MotionModel
from headroom.motion.predict import predict, replayed
from headroom.motion.style.gaze import compensated_gaze
from headroom.motion.train.personal import train_motion

MODES = (50, 51)


@pytest.fixture(scope="module")
def watcher():
    """A speaker who looks into the camera whatever the head does."""
    samples, truth = speaker(12.0)
    expression = truth.expression.copy()
    pitch, yaw = np.degrees(truth.rotation[:, :2]).T / 10
    expression[:, MODES] = np.stack([-yaw, pitch], 1)
    truth = replace(truth, expression=expression)
    return train_motion(samples, truth, replace(DIRECTIONS, gaze_modes=MODES), TINY), samples, truth


def gaze_direction(performance):
    """(T, 2) gaze to the left and up in camera axes, tens of degrees."""
    pitch, yaw = np.degrees(performance.rotation[:, :2]).T / 10
    return performance.expression[:, MODES] + np.stack([yaw, -pitch], 1)


def test_eyes_fixate_the_same_point_in_every_head_pose(watcher):
    """Somebody who looked into the camera does so in all segments of the motion graph."""
    model, _, truth = watcher
    model = replace(model, style=replace(model.style, blinks=replace(model.style.blinks, rate=0.0)))
    speech, _ = speaker(20.0, seed=3)
    performance = predict(model, speech, seed=2)
    assert np.ptp(gaze_direction(truth)) < 1e-3
    assert np.ptp(performance.rotation[:, 1]) > 0.02, "the head moves"
    assert np.quantile(np.abs(gaze_direction(performance)), 0.95) < 0.1


def test_the_clip_s_gaze_is_replayed_with_its_head(watcher):
    model, samples, truth = watcher
    performance = replayed(model, predict(model, samples))
    count = min(len(performance), len(truth))
    np.testing.assert_allclose(performance.expression[:count, MODES], truth.expression[:count, MODES], atol=0.05)
    np.testing.assert_allclose(performance.rotation[:count], truth.rotation[:count], atol=1e-6)


def test_the_gaze_leaves_the_clip_s_range_by_half_a_unit_at_most():
    clip_pose, gaze = np.zeros((10, 6)), np.repeat([[-1.0, -0.9], [1.0, 0.9]], 5, axis=0)
    pose = np.zeros((5, 6))
    pose[:, 1] = np.radians([0, 10, -4, 60, -60])
    compensated = compensated_gaze(gaze, clip_pose, np.full(5, 5), pose)
    assert compensated[:, 0] == pytest.approx([1, 0, 1.4, -1.5, 1.5], abs=1e-5)


def test_jitter_of_the_gaze_is_smoothed_and_saccades_stay_sharp():
    rest = np.random.default_rng(0).normal(0, 0.1, (40, 2))
    gaze = rest + np.repeat([[-1.0, 0.0], [1.0, 0.0]], 20, axis=0)
    smoothed = compensated_gaze(gaze, np.zeros((40, 6)), np.arange(40), np.zeros((40, 6)))
    assert np.diff(smoothed[:20], axis=0).std() < 0.6 * np.diff(rest[:20], axis=0).std()
    assert smoothed[20, 0] - smoothed[19, 0] > 1.5


def test_the_file_stores_the_gaze(watcher, tmp_path):
    model, samples, _ = watcher
    model.save(tmp_path / "motion.safetensors")
    loaded = MotionModel.load(tmp_path / "motion.safetensors")
    np.testing.assert_array_equal(predict(loaded, samples).expression, predict(model, samples).expression)


def test_faces_without_gaze_modes_have_no_gaze_in_the_file(learned, tmp_path):
    model, samples, _ = learned
    assert model.style.gaze.shape[1] == 0
    model.save(tmp_path / "motion.safetensors")
    loaded = MotionModel.load(tmp_path / "motion.safetensors")
    np.testing.assert_array_equal(predict(loaded, samples).expression, predict(model, samples).expression)
