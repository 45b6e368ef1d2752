"""Plate matching: the rules for keys, the shortest path, and what plate fit means."""

from itertools import product

import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.plate.match import (
    FRAMES_PER_KEY,
    KEY_SPACING,
    PlateMatch,
    key_poses,
    match_plates,
    pose_vector,
    shortest_path,
    step_cost,
)


def swinging(frames: int, fps: float = 25.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A calm head motion: rotation (T, 3) radians and translation (T, 3) mm."""
    time = np.arange(frames)[:, None] / fps
    random = np.random.default_rng(seed)
    speed, start = random.uniform(0.2, 0.9, 6), random.uniform(0, 6, 6)
    waves = np.sin(2 * np.pi * speed * time + start)
    return waves[:, :3] * np.radians([5, 10, 4]), waves[:, 3:] * [15, 8, 20] + [0, 0, -900]


def test_keys_are_few_apart_and_hold_both_ends():
    keys = key_poses(pose_vector(*swinging(400)), 25.0)
    assert keys[0] == 0 and keys[-1] == 399
    assert len(keys) <= 400 // FRAMES_PER_KEY
    assert np.diff(keys).min() >= KEY_SPACING


def test_keys_are_the_extremes_of_each_axis():
    for axis in range(6):  # three turns, then three shifts
        poses = np.zeros((100, 6))
        poses[:, axis] = 10 * np.sin(2 * np.pi * np.arange(100) / 50)
        keys = key_poses(poses, 25.0)
        for extreme in (12.5, 37.5, 62.5, 87.5):
            assert np.abs(keys - extreme).min() <= 1


def test_a_still_head_has_two_keys_and_one_frame_has_one():
    assert key_poses(np.zeros((60, 6)), 25.0).tolist() == [0, 59]
    assert key_poses(np.zeros((1, 6)), 25.0).tolist() == [0]


def test_shortest_path_equals_trying_every_sequence():
    random = np.random.default_rng(1)
    for spans in ([3.0, 2.4, 4.0], [1.0, 6.5, 3.0]):
        costs = random.uniform(0, 2, (4, 7))

        def price(path, costs=costs, spans=spans):
            own = sum(costs[key, plate] for key, plate in enumerate(path))
            return own + sum(float(step_cost(b - a, span)) for a, b, span in zip(path, path[1:], spans))

        best = min(product(range(7), repeat=4), key=price)
        assert price(tuple(shortest_path(costs, np.array(spans)))) == pytest.approx(price(best))


def test_plates_never_play_faster_than_the_clip():
    rotation, translation = swinging(300, 30.0, seed=2)
    plate_rotation, plate_translation = swinging(250, 25.0, seed=3)
    match = match_plates(rotation, translation, 30.0, plate_rotation, plate_translation, 25.0)
    assert match.plate.shape == (300,) and match.plate.dtype == np.int32
    assert np.abs(np.diff(match.plate)).max() <= 1
    assert match.plate.min() >= 0 and match.plate.max() < 250


def test_the_clips_own_motion_gets_its_own_frames():
    rotation, translation = swinging(200)
    match = match_plates(rotation, translation, 25.0, rotation, translation, 25.0)
    assert match.plate.tolist() == list(range(200))
    assert np.allclose(match.distance, 0, atol=1e-4)


def test_plate_fit_0_keeps_the_pose_and_1_gives_the_plates():
    rotation, translation = swinging(120, seed=4)
    plates = swinging(200, seed=5)
    kept = match_plates(rotation, translation, 25.0, *plates, 25.0, plate_fit=0.0)
    assert np.allclose(kept.rotation, rotation, atol=1e-6) and np.allclose(kept.translation, translation, atol=1e-3)
    fitted = match_plates(rotation, translation, 25.0, *plates, 25.0, plate_fit=1.0)
    a_frames_motion = np.abs(np.diff(plates[0], axis=0)).max()
    assert np.array_equal(fitted.plate, kept.plate)
    assert np.abs(fitted.rotation - plates[0][fitted.plate]).max() <= 0.5 * a_frames_motion + 1e-6
    half = match_plates(rotation, translation, 25.0, *plates, 25.0, plate_fit=0.5)
    assert np.allclose(half.rotation, (kept.rotation + fitted.rotation) / 2, atol=1e-5)


def test_distance_tells_how_far_the_pose_is_from_any_plate():
    plates = np.zeros((50, 3)), np.tile([0.0, 0, -900], (50, 1))
    turned = np.zeros((20, 3))
    turned[:, 1] = np.radians(12)
    match = match_plates(turned, plates[1][:20], 25.0, *plates, 25.0)
    assert np.allclose(match.distance, 12, atol=1e-3)


def test_one_plate_is_enough_for_any_shot():
    rotation, translation = swinging(40)
    match = match_plates(rotation, translation, 25.0, rotation[:1], translation[:1], 25.0)
    assert set(match.plate.tolist()) == {0}


def test_nothing_to_match_is_said():
    with pytest.raises(InputError):
        match_plates(np.zeros((0, 3)), np.zeros((0, 3)), 25.0, np.zeros((5, 3)), np.zeros((5, 3)), 25.0)


def edited(frames, first, end, seed=6):
    """A motion, and the same with another pose in the frames first..end-1."""
    rotation, translation = swinging(frames, seed=seed)
    other = rotation.copy()
    other[first:end, 1] += np.radians(8) * np.sin(np.linspace(0, np.pi, end - first))
    return (rotation, translation), (other, translation)


@pytest.mark.parametrize("plate_fit", [0.0, 0.6])
@pytest.mark.parametrize(("first", "end"), [(120, 130), (0, 10), (240, 250), (100, 101)])
def test_an_edit_changes_what_lies_under_the_edited_frames_and_nothing_else(first, end, plate_fit):
    before, after = edited(250, first, end)
    plates = swinging(200, seed=7)
    found = match_plates(*before, 25.0, *plates, 25.0, plate_fit=plate_fit)
    held = found.position.copy()
    held[first:end] = np.nan
    again = match_plates(*after, 25.0, *plates, 25.0, plate_fit=plate_fit, held=held)
    kept = np.r_[0:first, end:250]
    for name in ("plate", "rotation", "translation", "position"):
        assert np.array_equal(getattr(again, name)[kept], getattr(found, name)[kept])
    assert np.abs(np.diff(again.plate)).max() <= 1
    if plate_fit == 0:
        assert np.allclose(again.rotation, after[0], atol=1e-6)


def test_an_edit_between_plates_that_do_not_meet_in_whole_steps_goes_straight():
    before, after = edited(250, 120, 150)
    plates = swinging(200, seed=7)
    found = match_plates(*before, 30.0, *plates, 25.0)
    held = found.position.copy()
    held[120:150] = np.nan
    again = match_plates(*after, 30.0, *plates, 25.0, held=held)
    assert np.array_equal(again.position[150:], found.position[150:])
    assert np.abs(np.diff(again.position)).max() <= 1


def test_a_match_whose_frames_are_all_held_is_the_same_match():
    before, _ = edited(90, 0, 1)
    plates = swinging(200, seed=7)
    found = match_plates(*before, 25.0, *plates, 25.0, plate_fit=0.3)
    again = match_plates(*before, 25.0, *plates, 25.0, plate_fit=0.3, held=found.position)
    assert all(np.array_equal(value, getattr(again, name)) for name, value in vars(found).items())


def test_a_match_saved_and_loaded_is_the_same(tmp_path):
    match = match_plates(*swinging(30), 25.0, *swinging(60, seed=8), 25.0)
    match.save(tmp_path / "match.npz")
    again = PlateMatch.load(tmp_path / "match.npz")
    for name, value in vars(match).items():
        assert np.array_equal(value, getattr(again, name)) and value.dtype == getattr(again, name).dtype
    (tmp_path / "broken.npz").write_bytes(b"nonsense")
    with pytest.raises(InputError):
        PlateMatch.load(tmp_path / "broken.npz")
