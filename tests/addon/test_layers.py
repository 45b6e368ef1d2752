"""Live controls, user keys and coverage as functions of numbers, without Blender."""

import numpy as np
import pytest

from addon.core.coverage import ClipTrack, pose_distance, spans_above
from addon.core.layers import Cut, Layer, cut_weight, play_layer, smooth
from addon.core.user_keys import (
    GeneratedRecord,
    KeySummary,
    blend_to_keys,
    deleted_frames,
    is_deleted,
    is_free,
    is_user_key,
    retimed,
)

RNG = np.random.default_rng(5)


def test_default_controls_change_nothing():
    values = RNG.normal(size=50).astype(np.float32)
    assert play_layer(values, 25.0, Layer(), 0.0, np.arange(50) / 25) == pytest.approx(values, abs=1e-6)


def test_smoothing_matches_a_gaussian_written_as_a_loop():
    values, sigma = RNG.normal(size=30), 1.7
    expected = []
    for here in range(30):
        total = weights = 0.0
        for step in range(-6, 7):
            weight = np.exp(-0.5 * (step / sigma) ** 2)
            total += weight * values[min(max(here + step, 0), 29)]
            weights += weight
        expected.append(total / weights)
    assert smooth(values, sigma) == pytest.approx(np.array(expected))


def test_smoothing_one_sample_keeps_it():
    assert smooth(np.array([3.0]), 5.0) == pytest.approx([3.0])


def test_gain_scales_the_motion_about_its_median():
    values = np.array([0.0, 1.0, 1.0, 1.0, 4.0])
    assert play_layer(values, 1.0, Layer(gain=2.0), 0.0, np.arange(5)) == pytest.approx([-1, 1, 1, 1, 7])
    assert play_layer(values, 1.0, Layer(gain=0.0), 0.5, np.arange(5)) == pytest.approx([1.5] * 5)


def test_a_positive_lag_is_later_and_the_ends_hold():
    values = np.array([1.0, 2.0, 3.0, 4.0])
    assert play_layer(values, 2.0, Layer(lag_seconds=0.5), 0.0, np.arange(4) / 2) == pytest.approx([1, 1, 2, 3])
    assert play_layer(values, 2.0, Layer(lag_seconds=-1.0), 0.0, np.arange(4) / 2) == pytest.approx([3, 4, 4, 4])


def test_the_weight_of_a_cut_is_1_inside_half_at_its_ends_and_0_outside():
    weight = cut_weight(np.array([0.0, 1.0, 1.5, 2.0, 3.0]), Cut("b", 1.0, 2.0), 0.2)
    assert weight == pytest.approx([0, 0.5, 1, 0.5, 0])


def test_blending_adds_the_whole_offset_at_its_key_and_none_beyond_the_falloff():
    seconds = np.arange(0, 3, 0.04)
    result = blend_to_keys(np.zeros(len(seconds)), seconds, np.array([1.0]), np.array([2.0]), 0.2)
    assert result[np.abs(seconds - 1.0) >= 0.2 - 1e-9] == pytest.approx(0)
    inside = np.abs(seconds - 1.0) < 0.19
    assert (np.diff(result[inside & (seconds <= 1.0)]) > 0).all() and result[25] == pytest.approx(2.0)


@pytest.mark.parametrize("gap", [0.05, 0.15, 0.3, 0.39, 1.0])
def test_blending_is_continuous_and_reaches_every_key(gap):
    key_seconds, offsets = np.array([1.0, 1.0 + gap]), np.array([2.0, -1.0])
    seconds = np.linspace(0.5, 2.5, 20001)
    result = blend_to_keys(np.zeros(len(seconds)), seconds, key_seconds, offsets, 0.2)
    assert np.abs(np.diff(result)).max() < 0.02
    assert np.interp(key_seconds, seconds, result) == pytest.approx(offsets, abs=0.02)


def test_blending_without_user_keys_changes_nothing():
    values = RNG.normal(size=9)
    assert blend_to_keys(values, np.arange(9), np.zeros(0), np.zeros(0), 2.0) is values


def test_a_key_is_the_users_when_its_type_value_or_frame_differs_from_the_record():
    record = GeneratedRecord(10.0, 25.0, first=10, values=np.array([0.0, 1.0, 2.0, np.nan, 4.0], dtype=np.float32))
    frames = np.array([10.0, 11.0, 12.4, 13.0, 14.0, 20.0])
    values = np.array([0.0, 1.5, 2.0, 3.0, 4.0, 0.0])
    generated = np.array([True, True, True, True, False, True])
    linear = KeySummary(frames, values, generated, np.ones(6, bool), np.zeros(6, bool), np.zeros((6, 4), np.float32))
    assert list(is_user_key(linear, record)) == [False, True, True, True, True, True]
    assert list(deleted_frames(np.array([10.0, 12.0, 14.0]), record)) == [11]


def test_deleted_frames_stay_deleted_until_they_have_a_key_again():
    record = GeneratedRecord(1.0, 25.0, first=1, values=np.array([0.0, np.nan, 2.0], dtype=np.float32),
                             deleted=np.array([2], dtype=np.int32))
    assert list(deleted_frames(np.array([1.0, 3.0]), record)) == [2]
    assert list(deleted_frames(np.array([1.0, 2.0, 3.0]), record)) == []


@pytest.mark.parametrize("fps", [24.0, 30 / 1.001, 60.0])
def test_user_keys_and_deletions_move_with_the_speech_and_return_at_the_old_rate(fps):
    record = GeneratedRecord(11.0, 25.0)
    frames = np.array([11.0, 36.0, 50.0])
    new_frames = retimed(frames, record, 101.5, fps)
    assert (new_frames - 101.5) / fps == pytest.approx((frames - 11) / 25)
    assert list(retimed(new_frames, GeneratedRecord(101.5, fps), 11.0, 25.0)) == list(frames)
    new = np.arange(101, 101 + int(2 * fps))
    expected = [frame for frame in new if round(11 + (frame - 101.5) / fps * 25) in (36, 37)]
    assert list(new[is_deleted(new, np.array([36, 37]), record, 101.5, fps)]) == expected


def test_frames_are_free_from_half_a_frame_beside_a_user_key():
    assert list(is_free(np.arange(5), np.array([1.0, 2.6]))) == [True, False, True, False, True]


def test_pose_distance_matches_a_loop_over_the_clip_and_is_zero_on_its_poses():
    track = ClipTrack(25.0, RNG.normal(0, 0.2, (40, 3)), RNG.normal(0, 20, (40, 3)) + np.array([0, 0, -700]),
                      np.ones(40))
    rotation, translation = RNG.normal(0, 0.3, (7, 3)), RNG.normal(0, 30, (7, 3)) + np.array([0, 0, -700])
    expected = [min(np.sqrt((np.degrees(turn - clip_turn) ** 2).sum() + (((shift - clip_shift) / 10) ** 2).sum())
                    for clip_turn, clip_shift in zip(track.rotation, track.translation))
                for turn, shift in zip(rotation, translation)]
    assert pose_distance(rotation, translation, track) == pytest.approx(np.array(expected), abs=1e-3)
    assert pose_distance(track.rotation, track.translation, track) == pytest.approx(np.zeros(40), abs=1e-3)


def test_frames_above_a_limit_become_spans_with_their_peak():
    values = np.zeros(30)
    values[[3, 4, 7, 20]] = 5, 6, 9, 4.5
    spans = spans_above(np.arange(100, 130), values, 4.0, join=3)
    assert [(each.first, each.last, each.peak) for each in spans] == [(103, 107, 9.0), (120, 120, 4.5)]
    assert spans_above(np.arange(30), values, 10.0) == []
