"""Plate matching: the choice of keys, the shortest path, and the meaning of plate fit."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.face.performance import PoseTrack
from headroom.plate.match import (
    FORMAT,
    PlateMatch,
    key_frames,
    match_plates,
    shortest_path,
    transition_cost,
)

FORMATS = Path(__file__).parents[1] / "formats"


def swinging(frames: int, fps: float = 25.0, seed: int = 0) -> PoseTrack:
    """Return a calm head motion."""
    time = np.arange(frames)[:, None] / fps
    random = np.random.default_rng(seed)
    speed, start = random.uniform(0.2, 0.9, 6), random.uniform(0, 6, 6)
    waves = np.sin(2 * np.pi * speed * time + start)
    return PoseTrack(fps, waves[:, :3] * np.radians([5, 10, 4]), waves[:, 3:] * [15, 8, 20] + [0, 0, -900])


def part(track: PoseTrack, frames: int) -> PoseTrack:
    """Return the first frames of a motion."""
    return PoseTrack(track.fps, track.rotation[:frames], track.translation[:frames])


@pytest.mark.parametrize(("count", "fps", "spacing"), [(401, 25.0, 5), (100, 60.0, 12), (30, 10.0, 3), (2, 25.0, 1)])
def test_keys_are_a_fifth_of_a_second_apart_and_include_both_ends(count, fps, spacing):
    keys = key_frames(count, fps)
    assert keys[0] == 0 and keys[-1] == count - 1
    assert (np.diff(keys)[:-1] == spacing).all() and 0 < np.diff(keys)[-1] <= spacing


def test_a_single_frame_has_one_key():
    assert key_frames(1, 25.0).tolist() == [0]


def test_frames_between_the_extremes_get_plates_of_their_pose_too():
    clip = np.zeros((200, 3))
    clip[:100, 1], clip[100:, 1] = np.linspace(0, 20, 100), np.linspace(20, 0, 100) + 4
    wanted = PoseTrack(25.0, np.radians(np.c_[np.zeros(60), np.full(60, 10.0), np.zeros(60)]), np.zeros((60, 3)))
    wanted.rotation[30, 1] = np.radians(20)  # one frame at an extreme, which the others do not follow
    match = match_plates(wanted, PoseTrack(25.0, np.radians(clip), np.zeros((200, 3))))
    yaw = clip[match.plate, 1]
    assert np.abs(yaw[:25] - 10).mean() < 1.5


def test_the_shortest_path_equals_the_best_of_all_sequences():
    random = np.random.default_rng(1)
    for spans in ([3.0, 2.4, 4.0], [1.0, 6.5, 3.0]):
        costs = random.uniform(0, 2, (4, 7))

        def total(path, costs=costs, spans=spans):
            key_costs = sum(costs[key, plate] for key, plate in enumerate(path))
            return key_costs + sum(float(transition_cost(b - a, span)) for a, b, span in zip(path, path[1:], spans))

        best = min(product(range(7), repeat=4), key=total)
        assert total(tuple(shortest_path(costs, np.array(spans)))) == pytest.approx(total(best))


def test_plates_never_play_faster_than_the_clip():
    match = match_plates(swinging(300, 30.0, seed=2), swinging(250, 25.0, seed=3))
    assert match.plate.shape == (300,) and match.plate.dtype == np.int32
    assert np.abs(np.diff(match.plate)).max() <= 1
    assert match.plate.min() >= 0 and match.plate.max() < 250


def test_the_clips_own_motion_matches_its_own_frames():
    match = match_plates(swinging(200), swinging(200))
    assert match.plate.tolist() == list(range(200))
    assert np.allclose(match.distance, 0, atol=1e-4)


def test_plate_fit_0_keeps_the_wanted_pose_and_1_takes_the_plates():
    wanted, clip = swinging(120, seed=4), swinging(200, seed=5)
    unfitted = match_plates(wanted, clip, plate_fit=0.0)
    assert np.allclose(unfitted.rotation, wanted.rotation, atol=1e-6)
    assert np.allclose(unfitted.translation, wanted.translation, atol=1e-3)
    fitted = match_plates(wanted, clip, plate_fit=1.0)
    motion_per_frame = np.abs(np.diff(clip.rotation, axis=0)).max()
    assert np.array_equal(fitted.plate, unfitted.plate)
    assert np.abs(fitted.rotation - clip.rotation[fitted.plate]).max() <= 0.5 * motion_per_frame + 1e-6
    half = match_plates(wanted, clip, plate_fit=0.5)
    assert np.allclose(half.rotation, (unfitted.rotation + fitted.rotation) / 2, atol=1e-5)


def test_distance_is_the_angle_to_the_nearest_plate():
    clip = PoseTrack(25.0, np.zeros((50, 3)), np.tile([0.0, 0, -900], (50, 1)))
    rotated = np.zeros((20, 3))
    rotated[:, 1] = np.radians(12)
    match = match_plates(PoseTrack(25.0, rotated, clip.translation[:20]), clip)
    assert np.allclose(match.distance, 12, atol=1e-3)


def test_one_plate_is_enough_for_any_shot():
    match = match_plates(swinging(40), part(swinging(40), 1))
    assert set(match.plate.tolist()) == {0}


def test_a_motion_without_frames_is_refused():
    with pytest.raises(InputError, match="Perform a speech first"):
        match_plates(part(swinging(5), 0), swinging(5))


def edited(frames: int, first: int, end: int, seed: int = 6) -> tuple[PoseTrack, PoseTrack]:
    """Return a motion, and the same motion with other poses in the frames first..end-1."""
    before = swinging(frames, seed=seed)
    rotation = before.rotation.copy()
    rotation[first:end, 1] += np.radians(8) * np.sin(np.linspace(0, np.pi, end - first))
    return before, PoseTrack(before.fps, rotation, before.translation)


@pytest.mark.parametrize("plate_fit", [0.0, 0.6])
@pytest.mark.parametrize(("first", "end"), [(120, 130), (0, 10), (240, 250), (100, 101)])
def test_an_edit_changes_the_plates_of_the_edited_frames_only(first, end, plate_fit):
    before, after = edited(250, first, end)
    clip = swinging(200, seed=7)
    match = match_plates(before, clip, plate_fit)
    fixed = match.position.copy()
    fixed[first:end] = np.nan
    again = match_plates(after, clip, plate_fit, fixed)
    unedited = np.r_[0:first, end:250]
    for name in ("plate", "rotation", "translation", "position"):
        assert np.array_equal(getattr(again, name)[unedited], getattr(match, name)[unedited])
    assert np.abs(np.diff(again.plate)).max() <= 1
    if plate_fit == 0:
        assert np.allclose(again.rotation, after.rotation, atol=1e-6)


def test_edited_frames_are_interpolated_where_no_path_of_whole_plates_joins_their_neighbours():
    before, after = (PoseTrack(30.0, track.rotation, track.translation) for track in edited(250, 120, 150))
    clip = swinging(200, seed=7)
    match = match_plates(before, clip)
    fixed = match.position.copy()
    fixed[120:150] = np.nan
    again = match_plates(after, clip, fixed_positions=fixed)
    assert np.array_equal(again.position[150:], match.position[150:])
    assert np.abs(np.diff(again.position)).max() <= 1


def test_a_match_with_all_positions_fixed_is_the_same_match():
    wanted, clip = swinging(90, seed=6), swinging(200, seed=7)
    match = match_plates(wanted, clip, plate_fit=0.3)
    again = match_plates(wanted, clip, plate_fit=0.3, fixed_positions=match.position)
    assert all(np.array_equal(value, getattr(again, name)) for name, value in vars(match).items())


def test_a_saved_match_loads_unchanged(tmp_path):
    match = match_plates(swinging(30), swinging(60, seed=8))
    match.save(tmp_path / "match.npz")
    again = PlateMatch.load(tmp_path / "match.npz")
    for name, value in vars(match).items():
        assert np.array_equal(value, getattr(again, name)) and value.dtype == getattr(again, name).dtype


def test_a_match_of_format_1_loads():
    wanted = np.random.default_rng(0).normal(size=(12, 2, 3))
    stored = PlateMatch.load(FORMATS / "match_1.npz")
    assert np.allclose(stored.rotation, wanted[:, 0] * 0.1, rtol=1e-6)
    assert np.allclose(stored.translation, wanted[:, 1] * 5, rtol=1e-6)
    assert stored.plate.tolist() == stored.position.tolist() == list(range(5, 17))
    assert stored.plate.dtype == np.int32 and (stored.distance > 0).all() and len(stored.distance) == 12


def test_a_damaged_match_and_one_of_a_newer_format_are_refused(tmp_path):
    (tmp_path / "damaged.npz").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="not a plate match"):
        PlateMatch.load(tmp_path / "damaged.npz")
    np.savez(tmp_path / "newer.npz", format=FORMAT + 1, **vars(match_plates(swinging(5), swinging(9))))
    with pytest.raises(InputError, match="newer version"):
        PlateMatch.load(tmp_path / "newer.npz")
