"""Speech to performance."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_speaker import LID, LIP, speaker

from headroom.common.arrays import correlation
from headroom.media.audio import audio_on_disk, read_audio, write_wav
from headroom.motion.audio.features import utterance_stats
from headroom.motion.predict import predict, predict_motion
from headroom.motion.style.blinks import find_blinks, measure_blinks
from headroom.motion.style.motion_graph import speed


def test_lips_follow_new_speech(learned):
    model, _, _ = learned
    samples, truth = speaker(8.0, seed=5)
    performance = predict(model, samples)
    assert len(performance) == 200 and performance.fps == 25.0
    assert correlation(performance.expression @ LIP, truth.expression @ LIP) > 0.5


def test_chunks_equal_one_pass(learned, monkeypatch):
    model, samples, _ = learned
    stats = utterance_stats(samples, model.config.features)
    in_one_pass = predict_motion(model, samples, 300, stats)
    for chunk in (1, 37, 128):
        monkeypatch.setattr("headroom.motion.predict.CHUNK_FRAMES", chunk)
        np.testing.assert_allclose(predict_motion(model, samples, 300, stats), in_one_pass, atol=1e-4)


@pytest.mark.parametrize("chunk", [7, 40, 299])
def test_a_performance_predicted_in_chunks_from_disk_equals_one_at_once(learned, tmp_path, monkeypatch, chunk):
    model, samples, _ = learned
    write_wav(tmp_path / "speech.wav", samples)
    monkeypatch.setattr("headroom.motion.predict.CHUNK_FRAMES", len(samples))
    at_once = predict(model, read_audio(tmp_path / "speech.wav"), seed=4)
    monkeypatch.setattr("headroom.motion.predict.CHUNK_FRAMES", chunk)
    with audio_on_disk(tmp_path / "speech.wav") as on_disk:
        in_chunks = predict(model, on_disk, seed=4)
    for name in ("expression", "rotation", "translation"):
        np.testing.assert_allclose(getattr(in_chunks, name), getattr(at_once, name), atol=1e-4)


def test_the_paper_s_pose_is_the_network_s(learned):
    model, samples, _ = learned
    model = replace(model, config=replace(model.config, pose="network"))
    motion = predict_motion(model, samples, 300, utterance_stats(samples, model.config.features))
    expected = motion[:, 64:] * model.style.pose_deviation + model.style.pose_mean
    np.testing.assert_allclose(predict(model, samples).pose_vectors, expected, rtol=1e-5)


def test_the_seed_changes_pose_and_blinks_but_not_the_lips(learned):
    model, samples, _ = learned
    first, second, again = (predict(model, samples, seed=s) for s in (1, 2, 1))
    np.testing.assert_array_equal(first.rotation, again.rotation)
    np.testing.assert_allclose(first.expression @ LIP, second.expression @ LIP, atol=1e-3)
    assert np.abs(first.rotation - second.rotation).max() > 0.01


def test_the_pose_has_the_person_s_range_speed_and_mean_for_minutes(learned):
    model, _, truth = learned
    samples, _ = speaker(120.0, seed=7)
    pose, own = predict(model, samples, seed=3).pose_vectors, truth.pose_vectors
    assert np.all(np.abs(speed(pose) / speed(own) - 1) < 0.5)
    assert 0.7 < np.mean(speed(pose) / speed(own)) < 1.3
    assert np.all(pose.std(0) < 1.6 * own.std(0)) and np.all(pose.std(0) > 0.5 * own.std(0))
    half = len(pose) // 2
    assert np.all(np.abs(pose[half:].mean(0) - own.mean(0)) < own.std(0))
    jumps = np.abs(np.diff(pose, axis=0)).max(0) / np.abs(np.diff(own, axis=0)).max(0)
    assert np.all(jumps < 1.8)


def test_in_silence_the_mouth_rests_while_head_and_lids_move(learned):
    model, _, _ = learned
    performance = predict(model, np.zeros(16000 * 20, np.float32), seed=1)
    opening = performance.expression @ LIP
    assert np.abs(opening - model.style.rest @ LIP).max() < 0.05
    assert performance.rotation.std(0).min() > 0
    assert len(find_blinks(performance.expression, LID)) > 1


def test_blinks_come_at_the_person_s_rate(learned):
    model, _, _ = learned
    samples, _ = speaker(120.0, seed=8)
    rate = len(find_blinks(predict(model, samples, seed=1).expression, LID)) / 120
    assert 0.6 < rate / model.style.blinks.rate < 1.4


def test_the_length_can_be_chosen(learned):
    model, samples, _ = learned
    assert len(predict(model, samples, seconds=3.0)) == 75
    assert len(predict(model, samples[:100])) == 1
    assert np.isfinite(predict(model, samples[:100], seconds=1.0).expression).all()


def test_a_measured_blink_closes_once_and_keeps_its_depth():
    lids = np.zeros(200)
    for frame in (40, 100, 160):
        lids[frame - 2:frame + 7] = [-2, -5, -8, -6, -3, -1, -2.5, -1, -0.5]  # a glance down follows
    expression = np.outer(lids, LID) / (LID @ LID)
    lid_motion = measure_blinks(expression, LID, np.zeros(64)).shape @ LID
    assert lid_motion.min() == pytest.approx(-8, abs=0.05)
    deepest = int(lid_motion.argmin())
    assert (np.diff(lid_motion[:deepest + 1]) <= 1e-4).all() and (np.diff(lid_motion[deepest:]) >= -1e-4).all()


def test_progress_rises_through_long_speech(learned, monkeypatch):
    model, samples, _ = learned
    told = []
    monkeypatch.setattr("headroom.motion.predict.CHUNK_FRAMES", 50)
    predict(model, samples, progress=lambda fraction, message: told.append(fraction))
    assert told == sorted(told) and len(set(told)) > 4 and 0 <= told[0] and told[-1] == pytest.approx(1)
