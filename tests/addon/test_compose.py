"""Composing keys: live controls and other takes change generated keys, user keys stay."""

import numpy as np
import pytest
from curve_readers import START, curve, edit, keys, perform


def test_an_edited_key_survives_another_take_and_the_others_are_replaced(headroom, performed, other):
    edit(headroom, performed, 20, 1.25)
    perform(headroom, performed, other)
    after = keys(headroom, performed.face)
    assert after[20] == pytest.approx([START + 20, 1.25])
    far = np.abs(np.arange(50) - 20) > 5
    assert after[far, 1] == pytest.approx(other.rotation[far, 1], abs=1e-6)
    assert curve(headroom, performed.face).keyframe_points[20].type == "KEYFRAME"


def test_generated_keys_are_blended_to_an_edited_one(headroom, performed, other):
    edit(headroom, performed, 20, 1.25)
    perform(headroom, performed, other)
    offset = keys(headroom, performed.face)[:, 1] - other.rotation[:, 1]
    assert (np.diff(offset[15:21]) > 0).all() and (np.diff(offset[20:26]) < 0).all()
    assert offset[15] == pytest.approx(0, abs=1e-6)


def test_a_key_moved_in_time_keeps_its_handles_and_its_old_frame_stays_empty(headroom, performed, other):
    key = curve(headroom, performed.face).keyframe_points[20]
    key.co = START + 20.4, 0.9
    key.interpolation, key.handle_left_type, key.handle_right_type = "BEZIER", "FREE", "FREE"
    key.handle_left, key.handle_right = (START + 19.8, 0.7), (START + 20.8, 1.0)
    perform(headroom, performed, other)
    moved = next(key for key in curve(headroom, performed.face).keyframe_points if key.co[1] == pytest.approx(0.9))
    assert moved.co[0] == pytest.approx(START + 20.4) and moved.interpolation == "BEZIER"
    assert list(moved.handle_left) == pytest.approx([START + 19.8, 0.7], abs=1e-4)
    assert START + 20 not in keys(headroom, performed.face)[:, 0]


def test_keys_deleted_in_a_span_stay_deleted_in_every_take(headroom, performed, other):
    points = curve(headroom, performed.face).keyframe_points
    for number in reversed(range(10, 31)):
        points.remove(points[number])
    for _ in range(2):
        perform(headroom, performed, other)
        assert list(keys(headroom, performed.face)[:, 0] - START) == [*range(10), *range(31, 50)]


def test_resetting_controls_restores_the_keys_and_user_keys_never_change(headroom, performed):
    edit(headroom, performed, 20, 1.25)
    head = performed.root.headroom
    head.falloff = 0.0
    before = keys(headroom, performed.face)
    head.head.gain, head.head.lag, head.head.smoothing, head.head_turn[1] = 0.5, 0.12, 0.1, 0.2
    changed = keys(headroom, performed.face)
    assert changed[20] == pytest.approx(before[20]) and np.abs(changed - before)[:, 1].max() > 0.1
    headroom.module("scene.anim.controls").reset(performed.root)
    assert keys(headroom, performed.face) == pytest.approx(before, abs=1e-6)


def test_each_layer_has_its_own_controls(headroom, performed):
    shape_keys = performed.face.data.shape_keys
    paths = {name: next(key for key in shape_keys.key_blocks if key.name.startswith(name)).path_from_id("value")
             for name in ("Mouth", "Eyes", "Gaze", "Brows")}

    def all_keys():
        return {"Head": keys(headroom, performed.face),
                **{name: keys(headroom, shape_keys, path, 0) for name, path in paths.items()}}

    def changed_by(change):
        before = all_keys()
        change(performed.root.headroom)
        return {name for name, values in all_keys().items() if not np.array_equal(values, before[name])}

    assert changed_by(lambda head: setattr(head.mouth, "gain", 1.5)) == {"Mouth"}
    assert changed_by(lambda head: setattr(head.upper, "lag", 0.1)) == {"Eyes", "Gaze", "Brows"}
    assert changed_by(lambda head: setattr(head, "hold_head", True)) == {"Head"}
    assert changed_by(lambda head: setattr(head, "brows_raise", 0.5)) == {"Brows"}
    assert changed_by(lambda head: setattr(head, "gaze_left", 0.5)) == {"Gaze"}
    assert np.ptp(keys(headroom, performed.face)[:, 1]) == pytest.approx(0, abs=1e-6)


def test_clearing_removes_the_selected_user_keys_or_all(headroom, performed, performance):
    clear_user_keys = headroom.module("scene.anim.user_keys").clear_user_keys
    compose = headroom.module("scene.anim.compose").compose
    points = curve(headroom, performed.face).keyframe_points
    for key in points:
        key.select_control_point = False
    points[10].co[1], points[20].co[1] = 1.0, 2.0
    points[20].select_control_point = True
    points.remove(points[40])
    assert clear_user_keys(performed, selected=True) == 1 and compose(performed)
    after = keys(headroom, performed.face)
    assert len(after) == 49 and after[10, 1] == pytest.approx(1.0)
    assert after[20, 1] == pytest.approx(performance.rotation[20, 1], abs=1e-6)
    assert clear_user_keys(performed, selected=False) == 2 and compose(performed)
    assert keys(headroom, performed.face)[:, 1] == pytest.approx(performance.rotation[:, 1], abs=1e-6)


def test_selected_generated_keys_can_become_user_keys(headroom, performed, performance, other):
    for key in curve(headroom, performed.face).keyframe_points:
        key.select_control_point = key.co[0] == START + 20
    for each in headroom.module("scene.compat").curves_of(performed.face.data.shape_keys):
        each.keyframe_points.foreach_set("select_control_point", np.zeros(len(each.keyframe_points), dtype=bool))
    assert headroom.module("scene.anim.user_keys").mark_as_user(performed) == 1
    perform(headroom, performed, other)
    assert keys(headroom, performed.face)[20, 1] == pytest.approx(performance.rotation[20, 1], abs=1e-6)


def test_another_scene_rate_keeps_seconds_and_the_old_rate_restores_the_keys(headroom, performed, performance):
    compose, scene = headroom.module("scene.anim.compose").compose, headroom.scene
    edit(headroom, performed, 20, 1.25)
    performed.root.headroom.falloff = 0.1
    before = keys(headroom, performed.face)
    scene.render.fps, scene.render.fps_base = 30, 1.001
    assert compose(performed)
    after = keys(headroom, performed.face)
    edited = after[np.argmin(np.abs(after[:, 0] - START - 0.8 * 30 / 1.001))]
    assert edited == pytest.approx([START + 0.8 * 30 / 1.001, 1.25], abs=1e-3)
    seconds = (after[:, 0] - START) * 1.001 / 30
    late = seconds > 1.0
    assert after[late, 1] == pytest.approx(np.interp(seconds[late], np.arange(50) / 25, performance.rotation[:, 1]),
                                           abs=1e-5)
    scene.render.fps, scene.render.fps_base = 25, 1.0
    compose(performed)
    assert keys(headroom, performed.face) == pytest.approx(before, abs=1e-4)


def test_an_interrupted_composition_continues_with_the_remaining_channels(headroom, performed):
    compose = headroom.module("scene.anim.compose")
    performed.root["headroom_start_frame"] = START + 4
    assert not compose.compose(performed, 0.0)
    assert 0 < len(list(compose.out_of_date(performed, compose.make_plan(performed)))) < 70
    while not compose.compose(performed, 0.0):
        pass
    assert keys(headroom, performed.face)[0, 0] == START + 4
    shape_keys = performed.face.data.shape_keys
    assert keys(headroom, shape_keys, shape_keys.key_blocks[-1].path_from_id("value"), 0)[0, 0] == START + 4


def test_the_head_in_the_viewport_follows_a_control_at_once(headroom, performed):
    headroom.scene.frame_set(START + 20)
    before = performed.face.rotation_euler[1]
    performed.root.headroom.head_turn[1] = 0.5
    headroom.bpy.context.view_layer.update()
    assert performed.face.rotation_euler[1] == pytest.approx(before + 0.5, abs=1e-5)


def test_blend_to_keys_blends_at_once_and_only_channels_with_user_keys(headroom, performed, performance):
    edit(headroom, performed, 20, performance.rotation[20, 1] + 1.0)
    assert headroom.module("scene.anim.user_keys").blend_to_keys(performed) == 1
    headroom.module("scene.anim.compose").compose(performed)
    offset = keys(headroom, performed.face)[:, 1] - performance.rotation[:, 1]
    assert offset[20] == pytest.approx(1.0) and 0.3 < offset[18] < offset[19] < 1.0
    assert keys(headroom, performed.face, index=0)[:, 1] == pytest.approx(performance.rotation[:, 0], abs=1e-6)
