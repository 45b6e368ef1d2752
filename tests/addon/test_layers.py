"""The maths of the live controls and of leading generated keys up to an animator's, without Blender."""

import numpy as np
import pytest

from addon.core.coverage import Clip, pose_distance, spans_above
from addon.core.layers import Cut, Layer, cut_weight, played, smooth
from addon.core.user_keys import Written, free_of, led_up, moved, own_keys, removed_frames, still_removed

RNG = np.random.default_rng(5)


def test_controls_at_their_defaults_change_nothing():
    values = RNG.normal(size=50).astype(np.float32)
    assert played(values, 25.0, Layer(), 0.0, np.arange(50) / 25) == pytest.approx(values, abs=1e-6)


def test_smoothing_is_a_gaussian_written_by_hand():
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


def test_smoothing_keeps_the_length_even_of_one_sample():
    assert smooth(np.array([3.0]), 5.0) == pytest.approx([3.0])


def test_gain_is_about_the_usual_value_which_stays():
    values = np.array([0.0, 1.0, 1.0, 1.0, 4.0])
    assert played(values, 1.0, Layer(gain=2.0), 0.0, np.arange(5)) == pytest.approx([-1, 1, 1, 1, 7])
    assert played(values, 1.0, Layer(gain=0.0), 0.5, np.arange(5)) == pytest.approx([1.5] * 5)


def test_lag_plays_later_and_the_ends_hold():
    values = np.array([1.0, 2.0, 3.0, 4.0])
    assert played(values, 2.0, Layer(lag_seconds=0.5), 0.0, np.arange(4) / 2) == pytest.approx([1, 1, 2, 3])
    assert played(values, 2.0, Layer(lag_seconds=-1.0), 0.0, np.arange(4) / 2) == pytest.approx([3, 4, 4, 4])


def test_a_cut_is_whole_inside_half_at_its_ends_and_nothing_outside():
    weight = cut_weight(np.array([0.0, 1.0, 1.5, 2.0, 3.0]), Cut("b", 1.0, 2.0), 0.2)
    assert weight == pytest.approx([0, 0.5, 1, 0.5, 0])


def test_leading_up_carries_an_offset_whole_at_its_key_and_not_beyond_the_falloff():
    seconds = np.arange(0, 3, 0.04)
    result = led_up(np.zeros(len(seconds)), seconds, np.array([1.0]), np.array([2.0]), 0.2)
    assert result[np.abs(seconds - 1.0) >= 0.2 - 1e-9] == pytest.approx(0)
    inside = np.abs(seconds - 1.0) < 0.19
    assert (np.diff(result[inside & (seconds <= 1.0)]) > 0).all() and result[25] == pytest.approx(2.0)


@pytest.mark.parametrize("gap", [0.05, 0.15, 0.3, 0.39, 1.0])
def test_leading_up_is_continuous_and_meets_every_key(gap):
    own, offsets = np.array([1.0, 1.0 + gap]), np.array([2.0, -1.0])
    seconds = np.linspace(0.5, 2.5, 20001)
    result = led_up(np.zeros(len(seconds)), seconds, own, offsets, 0.2)
    assert np.abs(np.diff(result)).max() < 0.02
    assert np.interp(own, seconds, result) == pytest.approx(offsets, abs=0.02)


def test_leading_up_without_own_keys_changes_nothing():
    values = RNG.normal(size=9)
    assert led_up(values, np.arange(9), np.zeros(0), np.zeros(0), 2.0) is values


def test_a_key_is_the_animators_when_its_type_value_or_frame_is_not_what_was_written():
    written = Written(10.0, 25.0, first=10, values=np.array([0.0, 1.0, 2.0, np.nan, 4.0], dtype=np.float32))
    frames = np.array([10.0, 11.0, 12.4, 13.0, 14.0, 20.0])
    values = np.array([0.0, 1.5, 2.0, 3.0, 4.0, 0.0])
    generated = np.array([True, True, True, True, False, True])
    assert list(own_keys(frames, values, generated, written)) == [False, True, True, True, True, True]
    assert list(removed_frames(np.array([10.0, 12.0, 14.0]), written)) == [11]


def test_what_was_removed_stays_removed_until_a_key_is_there_again():
    written = Written(1.0, 25.0, first=1, values=np.array([0.0, np.nan, 2.0], dtype=np.float32),
                      removed=np.array([2], dtype=np.int32))
    assert list(removed_frames(np.array([1.0, 3.0]), written)) == [2]
    assert list(removed_frames(np.array([1.0, 2.0, 3.0]), written)) == []


@pytest.mark.parametrize("fps", [24.0, 30 / 1.001, 60.0])
def test_keys_and_clearings_move_with_the_speech_and_come_back_at_the_old_rate(fps):
    written = Written(11.0, 25.0)
    frames = np.array([11.0, 36.0, 50.0])
    there = moved(frames, written, 101.5, fps)
    assert (there - 101.5) / fps == pytest.approx((frames - 11) / 25)
    assert list(moved(there, Written(101.5, fps), 11.0, 25.0)) == list(frames)
    new = np.arange(101, 101 + int(2 * fps))
    expected = [frame for frame in new if round(11 + (frame - 101.5) / fps * 25) in (36, 37)]
    assert list(new[still_removed(new, np.array([36, 37]), written, 101.5, fps)]) == expected


def test_generated_frames_yield_to_own_keys_nearer_than_half_a_frame():
    assert list(free_of(np.arange(5), np.array([1.0, 2.6]))) == [True, False, True, False, True]


def test_pose_distance_is_a_loop_over_the_clip_and_zero_on_it():
    clip = Clip(25.0, RNG.normal(0, 0.2, (40, 3)), RNG.normal(0, 20, (40, 3)) + np.array([0, 0, -700]), np.ones(40))
    rotation, translation = RNG.normal(0, 0.3, (7, 3)), RNG.normal(0, 30, (7, 3)) + np.array([0, 0, -700])
    expected = [min(np.sqrt((np.degrees(turn - other) ** 2).sum() + (((shift - place) / 10) ** 2).sum())
                    for other, place in zip(clip.rotation, clip.translation))
                for turn, shift in zip(rotation, translation)]
    assert pose_distance(rotation, translation, clip) == pytest.approx(np.array(expected), abs=1e-3)
    assert pose_distance(clip.rotation, clip.translation, clip) == pytest.approx(np.zeros(40), abs=1e-3)


def test_frames_over_a_limit_are_told_as_spans_with_their_worst():
    values = np.zeros(30)
    values[[3, 4, 7, 20]] = 5, 6, 9, 4.5
    found = spans_above(np.arange(100, 130), values, 4.0, join=3)
    assert [(each.first, each.last, each.worst) for each in found] == [(103, 107, 9.0), (120, 120, 4.5)]
    assert spans_above(np.arange(30), values, 10.0) == []
