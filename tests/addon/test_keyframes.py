"""Generated keys: on every scene frame at any rate, in two actions with named groups, and sampled poses."""

import numpy as np
import pytest
from curve_readers import perform
from stand_ins import tiny_performance, tiny_subject


@pytest.fixture(params=[25.0, 30 / 1.001, 24.0, 60.0])
def shot(request, headroom, tmp_path):
    subject = tiny_subject(tmp_path / "s", fps=request.param)
    return headroom.module("scene.build.shot").open_subject(headroom.scene, subject)


@pytest.fixture
def performance(headroom, tmp_path):
    return headroom.module("core.performance").Performance.load(tiny_performance(tmp_path / "p.npz", seconds=2.0))


def at(performance, name, seconds):
    """One array of a performance at `seconds`, (C,) or (T, C)."""
    times = np.arange(len(performance)) / performance.fps
    return np.stack([np.interp(seconds, times, column) for column in getattr(performance, name).T], axis=-1)


def test_every_scene_frame_has_a_key_with_the_value_at_its_second(headroom, shot, performance):
    frames = perform(headroom, shot, performance, start=11)
    assert list(frames) == list(range(11, 11 + round(2.0 * shot.fps)))
    curves = headroom.module("scene.compat").curves_of(shot.face)
    pitch = next(curve for curve in curves if curve.data_path == "rotation_euler" and curve.array_index == 0)
    seconds = (frames - 11) / shot.fps
    expected = np.interp(seconds, np.arange(len(performance)) / performance.fps, performance.rotation[:, 0])
    assert [key.co[1] for key in pitch.keyframe_points] == pytest.approx(expected, abs=1e-5)
    assert {key.type for key in pitch.keyframe_points} == {"GENERATED"}


def test_blender_shows_the_performance_at_a_frame(headroom, shot, performance):
    frames = perform(headroom, shot, performance, start=1)
    headroom.scene.frame_set(int(frames[9]))
    assert list(shot.face.rotation_euler) == pytest.approx(at(performance, "rotation", 9 / shot.fps), abs=1e-5)
    assert np.array(shot.face.location) * 1000 == pytest.approx(at(performance, "translation", 9 / shot.fps), abs=1e-2)
    values = [key.value for key in list(shot.face.data.shape_keys.key_blocks)[1:]]
    assert np.array(values) * shot.root["headroom_key_units"] == pytest.approx(
        at(performance, "expression", 9 / shot.fps), abs=1e-5)


def test_pose_and_expression_have_an_action_each_with_named_groups(headroom, shot, performance):
    perform(headroom, shot, performance, start=1)
    keys = shot.face.data.shape_keys
    assert shot.face.animation_data.action != keys.animation_data.action
    curves_of = headroom.module("scene.compat").curves_of
    assert {curve.group.name for curve in curves_of(shot.face)} == {"Head Rotation", "Head Position"}
    assert {curve.group.name for curve in curves_of(keys)} == {"Mouth", "Eyes", "Gaze", "Brows"}


def test_performing_again_replaces_the_keys_and_adds_no_action(headroom, shot, performance):
    perform(headroom, shot, performance, start=1)
    actions = len(headroom.bpy.data.actions)
    frames = perform(headroom, shot, performance, start=5)
    assert len(headroom.bpy.data.actions) == actions
    for owner in (shot.face, shot.face.data.shape_keys):
        for curve in headroom.module("scene.compat").curves_of(owner):
            assert [key.co[0] for key in curve.keyframe_points] == list(frames)


def test_sampled_poses_are_the_keyed_ones_including_edits(headroom, shot, performance):
    timeline = headroom.module("scene.anim.timeline")
    frames = perform(headroom, shot, performance, start=1)
    rotation, translation = timeline.sample_pose(shot, frames)
    seconds = (frames - 1) / shot.fps
    assert rotation == pytest.approx(at(performance, "rotation", seconds), abs=1e-5)
    assert translation == pytest.approx(at(performance, "translation", seconds), abs=1e-2)
    yaw = next(curve for curve in headroom.module("scene.compat").curves_of(shot.face)
               if curve.data_path == "rotation_euler" and curve.array_index == 1)
    yaw.keyframe_points[4].co[1] = 0.77
    assert timeline.sample_pose(shot, frames)[0][4, 1] == pytest.approx(0.77)


def test_a_head_without_keys_is_sampled_in_its_present_pose(headroom, shot):
    rotation, translation = headroom.module("scene.anim.timeline").sample_pose(shot, np.arange(3))
    assert rotation == pytest.approx(np.zeros((3, 3)))
    assert translation == pytest.approx(np.tile([10, 5, -700], (3, 1)), abs=1e-2)


def test_a_value_beyond_the_slider_range_widens_it(headroom, shot, performance):
    strong = np.zeros((3, 64), dtype=np.float32)
    strong[1, 0] = 9.5
    rest = np.zeros((3, 3), dtype=np.float32)
    performance = headroom.module("core.performance").Performance(shot.fps, strong, rest, rest)
    perform(headroom, shot, performance, start=0)
    headroom.scene.frame_set(1)
    unit = shot.root["headroom_key_units"][0]
    assert shot.face.data.shape_keys.key_blocks[1].value * unit == pytest.approx(9.5, rel=1e-5)


def test_sampling_a_curve_matches_its_evaluation_by_blender(headroom, shot, performance):
    curves = headroom.module("scene.anim.curves")
    perform(headroom, shot, performance, start=1)
    yaw = next(curve for curve in headroom.module("scene.compat").curves_of(shot.face)
               if curve.data_path == "rotation_euler" and curve.array_index == 1)
    for number in reversed(range(10, 20)):
        yaw.keyframe_points.remove(yaw.keyframe_points[number])
    yaw.keyframe_points[9].interpolation, yaw.keyframe_points[15].interpolation = "BEZIER", "CONSTANT"
    yaw.update()
    frames = np.arange(-5, 80, 0.25)
    expected = [yaw.evaluate(float(frame)) for frame in frames]
    assert curves.sample_curve(yaw, frames) == pytest.approx(expected, abs=1e-5)
    yaw.modifiers.new("NOISE")
    expected = [yaw.evaluate(float(frame)) for frame in frames]
    assert curves.sample_curve(yaw, frames) == pytest.approx(expected, abs=1e-5)
