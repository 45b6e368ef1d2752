"""Live controls and the animator's own keys: what is predicted may change, what was done by hand stays."""

import numpy as np
import pytest
from curve_readers import START, curve, edit, keys, perform


def test_an_edited_key_survives_performing_again_and_the_rest_is_new(headroom, performed, other):
    edit(headroom, performed, 20, 1.25)
    perform(headroom, performed, other)
    after = keys(headroom, performed.face)
    assert after[20] == pytest.approx([START + 20, 1.25])
    far = np.abs(np.arange(50) - 20) > 5
    assert after[far, 1] == pytest.approx(other.rotation[far, 1], abs=1e-6)
    assert curve(headroom, performed.face).keyframe_points[20].type == "KEYFRAME"


def test_generated_keys_are_led_up_to_an_edited_one(headroom, performed, other):
    edit(headroom, performed, 20, 1.25)
    perform(headroom, performed, other)
    offset = keys(headroom, performed.face)[:, 1] - other.rotation[:, 1]
    assert (np.diff(offset[15:21]) > 0).all() and (np.diff(offset[20:26]) < 0).all()
    assert offset[15] == pytest.approx(0, abs=1e-6)


def test_a_moved_key_leaves_a_gap_and_keeps_its_handles(headroom, performed, other):
    key = curve(headroom, performed.face).keyframe_points[20]
    key.co = START + 20.4, 0.9
    key.interpolation, key.handle_left_type, key.handle_right_type = "BEZIER", "FREE", "FREE"
    key.handle_left, key.handle_right = (START + 19.8, 0.7), (START + 20.8, 1.0)
    perform(headroom, performed, other)
    found = next(key for key in curve(headroom, performed.face).keyframe_points if key.co[1] == pytest.approx(0.9))
    assert found.co[0] == pytest.approx(START + 20.4) and found.interpolation == "BEZIER"
    assert list(found.handle_left) == pytest.approx([START + 19.8, 0.7], abs=1e-4)
    assert START + 20 not in keys(headroom, performed.face)[:, 0]


def test_keys_deleted_over_a_span_stay_deleted_for_every_take(headroom, performed, other):
    points = curve(headroom, performed.face).keyframe_points
    for number in reversed(range(10, 31)):
        points.remove(points[number])
    for _ in range(2):
        perform(headroom, performed, other)
        assert list(keys(headroom, performed.face)[:, 0] - START) == [*range(10), *range(31, 50)]


def test_controls_come_and_go_without_a_trace_and_do_not_touch_own_keys(headroom, performed):
    edit(headroom, performed, 20, 1.25)
    head = performed.root.headroom
    head.falloff = 0.0
    plain = keys(headroom, performed.face)
    head.head.gain, head.head.lag, head.head.smoothing, head.head_turn[1] = 0.5, 0.12, 0.1, 0.2
    changed = keys(headroom, performed.face)
    assert changed[20] == pytest.approx(plain[20]) and np.abs(changed - plain)[:, 1].max() > 0.1
    headroom.module("scene.anim.controls").reset(performed.root)
    assert keys(headroom, performed.face) == pytest.approx(plain, abs=1e-6)


def test_each_part_of_the_face_has_its_own_controls(headroom, performed):
    shape_keys = performed.face.data.shape_keys
    paths = {name: next(key for key in shape_keys.key_blocks if key.name.startswith(name)).path_from_id("value")
             for name in ("Mouth", "Eyes", "Gaze", "Brows")}

    def shown():
        return {"Head": keys(headroom, performed.face),
                **{name: keys(headroom, shape_keys, path, 0) for name, path in paths.items()}}

    def changed_by(change):
        before = shown()
        change(performed.root.headroom)
        return {name for name, values in shown().items() if not np.array_equal(values, before[name])}

    assert changed_by(lambda head: setattr(head.mouth, "gain", 1.5)) == {"Mouth"}
    assert changed_by(lambda head: setattr(head.upper, "lag", 0.1)) == {"Eyes", "Gaze", "Brows"}
    assert changed_by(lambda head: setattr(head, "hold_head", True)) == {"Head"}
    assert changed_by(lambda head: setattr(head, "brows_raise", 0.5)) == {"Brows"}
    assert changed_by(lambda head: setattr(head, "look_left", 0.5)) == {"Gaze"}
    assert np.ptp(keys(headroom, performed.face)[:, 1]) == pytest.approx(0, abs=1e-6)


def test_edits_are_given_back_selected_or_all(headroom, performed, performance):
    bpy = headroom.bpy
    points = curve(headroom, performed.face).keyframe_points
    for key in points:
        key.select_control_point = False
    points[10].co[1], points[20].co[1] = 1.0, 2.0
    points[20].select_control_point = True
    points.remove(points[40])
    assert bpy.ops.headroom.clear_user_keys(selected=True) == {"FINISHED"}
    after = keys(headroom, performed.face)
    assert len(after) == 49 and after[10, 1] == pytest.approx(1.0)
    assert after[20, 1] == pytest.approx(performance.rotation[20, 1], abs=1e-6)
    assert bpy.ops.headroom.clear_user_keys(selected=False) == {"FINISHED"}
    assert keys(headroom, performed.face)[:, 1] == pytest.approx(performance.rotation[:, 1], abs=1e-6)


def test_selected_keys_can_be_claimed_as_they_are(headroom, performed, performance, other):
    for key in curve(headroom, performed.face).keyframe_points:
        key.select_control_point = key.co[0] == START + 20
    for each in headroom.module("scene.compat").curves_of(performed.face.data.shape_keys):
        each.keyframe_points.foreach_set("select_control_point", np.zeros(len(each.keyframe_points), dtype=bool))
    headroom.bpy.ops.headroom.mark_as_user_keys()
    perform(headroom, performed, other)
    assert keys(headroom, performed.face)[20, 1] == pytest.approx(performance.rotation[20, 1], abs=1e-6)


def test_another_scene_rate_retimes_from_seconds_and_back_again(headroom, performed, performance):
    compose, scene = headroom.module("scene.anim.compose").compose, headroom.scene
    edit(headroom, performed, 20, 1.25)
    performed.root.headroom.falloff = 0.1
    before = keys(headroom, performed.face)
    scene.render.fps, scene.render.fps_base = 30, 1.001
    assert compose(performed)
    there = keys(headroom, performed.face)
    mine = there[np.argmin(np.abs(there[:, 0] - START - 0.8 * 30 / 1.001))]
    assert mine == pytest.approx([START + 0.8 * 30 / 1.001, 1.25], abs=1e-3)
    seconds = (there[:, 0] - START) * 1.001 / 30
    late = seconds > 1.0
    assert there[late, 1] == pytest.approx(np.interp(seconds[late], np.arange(50) / 25, performance.rotation[:, 1]),
                                           abs=1e-5)
    scene.render.fps, scene.render.fps_base = 25, 1.0
    compose(performed)
    assert keys(headroom, performed.face) == pytest.approx(before, abs=1e-4)


def test_a_composition_cut_short_goes_on_where_it_was(headroom, performed):
    compose = headroom.module("scene.anim.compose")
    performed.root["headroom_start_frame"] = START + 4
    assert not compose.compose(performed, 0.0)
    assert 0 < len(compose.out_of_date(performed, compose.make_plan(performed))) < 70
    while not compose.compose(performed, 0.0):
        pass
    assert keys(headroom, performed.face)[0, 0] == START + 4
    shape_keys = performed.face.data.shape_keys
    assert keys(headroom, shape_keys, shape_keys.key_blocks[-1].path_from_id("value"), 0)[0, 0] == START + 4


def test_the_shown_head_follows_a_control_without_a_change_of_frame(headroom, performed):
    headroom.scene.frame_set(START + 20)
    shown = performed.face.rotation_euler[1]
    performed.root.headroom.head_turn[1] = 0.5
    headroom.bpy.context.view_layer.update()
    assert performed.face.rotation_euler[1] == pytest.approx(shown + 0.5, abs=1e-5)


def test_generated_keys_are_led_up_at_once_when_asked(headroom, performed, performance):
    edit(headroom, performed, 20, performance.rotation[20, 1] + 1.0)
    assert headroom.bpy.ops.headroom.blend_to_user_keys() == {"FINISHED"}
    offset = keys(headroom, performed.face)[:, 1] - performance.rotation[:, 1]
    assert offset[20] == pytest.approx(1.0) and 0.3 < offset[18] < offset[19] < 1.0
    assert keys(headroom, performed.face, index=0)[:, 1] == pytest.approx(performance.rotation[:, 0], abs=1e-6)
