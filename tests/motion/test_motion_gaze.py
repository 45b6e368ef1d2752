"""Where predicted eyes look."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_speaker import LID, LIP, TINY, speaker

from headroom.motion.model.model import MotionModel
from headroom.motion.predict import predict, replayed
from headroom.motion.style.gaze import hold_gaze
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
    return train_motion(samples, truth, TINY, lip_opening=LIP, lid_opening=LID, gaze_modes=MODES), samples, truth


def directions(performance):
    """(T, 2) tens of degrees to the left and up that the eyes look at, in camera axes."""
    pitch, yaw = np.degrees(performance.rotation[:, :2]).T / 10
    return performance.expression[:, MODES] + np.stack([yaw, -pitch], 1)


def test_eyes_hold_on_to_what_they_look_at(watcher):
    """Whatever pieces the head is put together from, somebody who looked into the camera goes on doing so."""
    model, _, truth = watcher
    model = replace(model, style=replace(model.style, blink=np.zeros_like(model.style.blink)))
    speech, _ = speaker(20.0, seed=3)
    performance = predict(model, speech, seed=2)
    assert np.ptp(directions(truth)) < 1e-3
    assert np.ptp(performance.rotation[:, 1]) > 0.02, "the head moves"
    assert np.quantile(np.abs(directions(performance)), 0.95) < 0.1


def test_the_clip_s_gaze_is_replayed_with_its_head(watcher):
    model, samples, truth = watcher
    performance = replayed(model, predict(model, samples))
    count = min(len(performance), len(truth))
    np.testing.assert_allclose(performance.expression[:count, MODES], truth.expression[:count, MODES], atol=0.05)
    np.testing.assert_allclose(performance.rotation[:count], truth.rotation[:count], atol=1e-6)


def test_eyes_go_little_beyond_what_the_clip_shows():
    clip_pose, gaze = np.zeros((10, 6)), np.repeat([[-1.0, -0.9], [1.0, 0.9]], 5, axis=0)
    pose = np.zeros((5, 6))
    pose[:, 1] = np.radians([0, 10, -4, 60, -60])
    found = hold_gaze(gaze, clip_pose, np.full(5, 5), pose)
    assert found[:, 0] == pytest.approx([1, 0, 1.4, -1.5, 1.5], abs=1e-5)


def test_a_gaze_is_steadied_and_still_leaps():
    rest = np.random.default_rng(0).normal(0, 0.1, (40, 2))
    gaze = rest + np.repeat([[-1.0, 0.0], [1.0, 0.0]], 20, axis=0)
    found = hold_gaze(gaze, np.zeros((40, 6)), np.arange(40), np.zeros((40, 6)))
    assert np.diff(found[:20], axis=0).std() < 0.6 * np.diff(rest[:20], axis=0).std()
    assert found[20, 0] - found[19, 0] > 1.5


def test_the_file_keeps_the_gaze(watcher, tmp_path):
    model, samples, _ = watcher
    model.save(tmp_path / "motion.safetensors")
    again = MotionModel.load(tmp_path / "motion.safetensors")
    np.testing.assert_array_equal(predict(again, samples).expression, predict(model, samples).expression)


def test_faces_without_gaze_modes_are_as_they_were(learnt, tmp_path):
    model, samples, _ = learnt
    assert model.style.gaze.shape[1] == 0
    model.save(tmp_path / "motion.safetensors")
    again = MotionModel.load(tmp_path / "motion.safetensors")
    np.testing.assert_array_equal(predict(again, samples).expression, predict(model, samples).expression)
