"""Takes, live controls and the animator's own keys: what is predicted may change, what was done by hand stays."""

import numpy as np
import pytest
from stand_ins import tiny_performance, tiny_subject, write_speech

START = 11


@pytest.fixture
def shot(headroom, tmp_path):
    return headroom.module("scene.shot").open_subject(headroom.scene, tiny_subject(tmp_path / "Zoë", fps=25.0))


@pytest.fixture
def performance(headroom, tmp_path):
    return headroom.module("core.performance").Performance.load(tiny_performance(tmp_path / "p.npz", seconds=2.0))


@pytest.fixture
def other(performance):
    """Another prediction of the same speech."""
    from dataclasses import replace

    return replace(performance, rotation=-performance.rotation, expression=performance.expression[::-1].copy())


@pytest.fixture
def performed(headroom, shot, performance):
    headroom.module("scene.keyframes").write_performance(shot, performance, START)
    return shot


def curve(headroom, owner, path="rotation_euler", index=1):
    return next(each for each in headroom.module("scene.compat").curves_of(owner)
                if each.data_path == path and each.array_index == index)


def keys(headroom, owner, path="rotation_euler", index=1):
    """(K, 2) frame and value."""
    return np.array([key.co[:] for key in curve(headroom, owner, path, index).keyframe_points])


def perform(headroom, shot, performance, seed=1):
    headroom.module("scene.keyframes").write_performance(shot, performance, START, seed)


def edit(headroom, shot, number, value, index=1):
    curve(headroom, shot.face, index=index).keyframe_points[number].co[1] = value


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
    headroom.module("scene.controls").reset(performed.root)
    assert keys(headroom, performed.face) == pytest.approx(plain, abs=1e-6)


def test_each_part_of_the_face_has_its_own_controls(headroom, performed):
    shape_keys = performed.face.data.shape_keys
    paths = {name: next(key for key in shape_keys.key_blocks if key.name.startswith(name)).path_from_id("value")
             for name in ("Mouth", "Eyes", "Brows")}

    def shown():
        return {"Head": keys(headroom, performed.face),
                **{name: keys(headroom, shape_keys, path, 0) for name, path in paths.items()}}

    def changed_by(change):
        before = shown()
        change(performed.root.headroom)
        return {name for name, values in shown().items() if not np.array_equal(values, before[name])}

    assert changed_by(lambda head: setattr(head.mouth, "gain", 1.5)) == {"Mouth"}
    assert changed_by(lambda head: setattr(head.upper, "lag", 0.1)) == {"Eyes", "Brows"}
    assert changed_by(lambda head: setattr(head, "hold_head", True)) == {"Head"}
    assert changed_by(lambda head: setattr(head, "brows_raise", 0.5)) == {"Brows"}
    assert np.ptp(keys(headroom, performed.face)[:, 1]) == pytest.approx(0, abs=1e-6)


def test_takes_are_kept_raw_and_switched_with_the_edits_in_place(headroom, performed, performance, other):
    edit(headroom, performed, 20, 1.25)
    perform(headroom, performed, other)
    head = performed.root.headroom
    assert [take.name for take in head.takes] == ["Take 1 (seed 0)", "Take 2 (seed 1)"] and head.active_take == 1
    for number, expected in ((0, performance), (1, other)):
        head.active_take = number
        after = keys(headroom, performed.face)
        assert after[20, 1] == pytest.approx(1.25) and after[40, 1] == pytest.approx(expected.rotation[40, 1], abs=1e-6)
    tracks = performed.face.animation_data.nla_tracks
    assert [(track.name, track.mute) for track in tracks] == [("Take 1 (seed 0)", True), ("Take 2 (seed 1)", True)]
    strip = tracks[0].strips[0]
    assert (strip.frame_start, strip.frame_end) == (START, START + 49)


def test_the_same_seed_again_replaces_its_take(headroom, performed, other):
    perform(headroom, performed, other, seed=0)
    assert len(performed.root.headroom.takes) == 1 and len(headroom.bpy.data.actions) == 4
    assert keys(headroom, performed.face)[:, 1] == pytest.approx(other.rotation[:, 1], abs=1e-6)


def test_removing_a_take_takes_its_motion_along_and_shows_the_other(headroom, performed, performance, other):
    perform(headroom, performed, other)
    assert headroom.bpy.ops.headroom.remove_take() == {"FINISHED"}
    assert len(headroom.bpy.data.actions) == 4 and len(performed.face.animation_data.nla_tracks) == 1
    assert keys(headroom, performed.face)[:, 1] == pytest.approx(performance.rotation[:, 1], abs=1e-6)


def test_a_take_is_cut_into_another_within_the_preview_range(headroom, performed, performance, other):
    perform(headroom, performed, other)
    with pytest.raises(RuntimeError, match="preview range"):
        headroom.bpy.ops.headroom.cut_in_take(index=0)
    scene = headroom.scene
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, START + 20, START + 30
    assert headroom.bpy.ops.headroom.cut_in_take(index=0) == {"FINISHED"}
    after = keys(headroom, performed.face)[:, 1]
    assert after[25] == pytest.approx(performance.rotation[25, 1], abs=1e-6)
    assert after[[5, 45]] == pytest.approx(other.rotation[[5, 45], 1], abs=1e-6)
    headroom.bpy.ops.headroom.clear_cuts()
    assert keys(headroom, performed.face)[:, 1] == pytest.approx(other.rotation[:, 1], abs=1e-6)


def test_edits_are_given_back_selected_or_all(headroom, performed, performance):
    bpy = headroom.bpy
    points = curve(headroom, performed.face).keyframe_points
    for key in points:
        key.select_control_point = False
    points[10].co[1], points[20].co[1] = 1.0, 2.0
    points[20].select_control_point = True
    points.remove(points[40])
    assert bpy.ops.headroom.clear_edits(selected=True) == {"FINISHED"}
    after = keys(headroom, performed.face)
    assert len(after) == 49 and after[10, 1] == pytest.approx(1.0)
    assert after[20, 1] == pytest.approx(performance.rotation[20, 1], abs=1e-6)
    assert bpy.ops.headroom.clear_edits(selected=False) == {"FINISHED"}
    assert keys(headroom, performed.face)[:, 1] == pytest.approx(performance.rotation[:, 1], abs=1e-6)


def test_selected_keys_can_be_claimed_as_they_are(headroom, performed, performance, other):
    for key in curve(headroom, performed.face).keyframe_points:
        key.select_control_point = key.co[0] == START + 20
    for each in headroom.module("scene.compat").curves_of(performed.face.data.shape_keys):
        each.keyframe_points.foreach_set("select_control_point", np.zeros(len(each.keyframe_points), dtype=bool))
    headroom.bpy.ops.headroom.claim_keys()
    perform(headroom, performed, other)
    assert keys(headroom, performed.face)[20, 1] == pytest.approx(performance.rotation[20, 1], abs=1e-6)


def test_another_scene_rate_retimes_from_seconds_and_back_again(headroom, performed, performance):
    compose, scene = headroom.module("scene.compose").compose, headroom.scene
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


def test_saving_and_loading_in_the_middle_of_work_keeps_takes_controls_and_edits(headroom, performed, other, tmp_path):
    edit(headroom, performed, 20, 1.25)
    performed.root.headroom.mouth.gain = 0.25
    headroom.bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "Größe 日本.blend"))
    headroom.bpy.ops.wm.read_homefile(use_empty=True)
    headroom.bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "Größe 日本.blend"))
    shot = headroom.module("scene.shot").shots_in(headroom.bpy.context.scene)[0]
    assert not headroom.module("scene.compose").out_of_date(shot, headroom.module("scene.compose").make_plan(shot))
    assert shot.root.headroom.mouth.gain == 0.25
    perform(headroom, shot, other)
    assert [take.seed for take in shot.root.headroom.takes] == [0, 1]
    after = keys(headroom, shot.face)
    assert after[20, 1] == pytest.approx(1.25) and after[40, 1] == pytest.approx(other.rotation[40, 1], abs=1e-6)


def test_a_control_is_undone_with_its_keys(headroom, performed):
    bpy = headroom.bpy
    before = keys(headroom, performed.face)
    bpy.ops.ed.undo_push(message="performed")
    performed.root.headroom.head.gain = 0.5
    bpy.ops.ed.undo_push(message="gain")
    assert not np.array_equal(keys(headroom, performed.face), before)
    bpy.ops.ed.undo()
    shot = headroom.module("scene.shot").shots_in(bpy.context.scene)[0]
    assert shot.root.headroom.head.gain == 1.0 and np.array_equal(keys(headroom, shot.face), before)


def test_a_composition_cut_short_goes_on_where_it_was(headroom, performed):
    compose = headroom.module("scene.compose")
    performed.root["headroom_start_frame"] = START + 4
    assert not compose.compose(performed, 0.0)
    assert 0 < len(compose.out_of_date(performed, compose.make_plan(performed))) < 70
    while not compose.compose(performed, 0.0):
        pass
    assert keys(headroom, performed.face)[0, 0] == START + 4
    shape_keys = performed.face.data.shape_keys
    assert keys(headroom, shape_keys, shape_keys.key_blocks[-1].path_from_id("value"), 0)[0, 0] == START + 4


def test_an_animators_own_action_is_set_aside_not_overwritten(headroom, shot, performance):
    shot.face.rotation_euler[0] = 0.3
    shot.face.keyframe_insert("rotation_euler", frame=5)
    mine = shot.face.animation_data.action
    perform(headroom, shot, performance)
    assert shot.face.animation_data.action != mine
    track = shot.face.animation_data.nla_tracks[mine.name]
    assert track.mute and track.strips[0].action == mine and list(mine.frame_range) == [5, 5]


def test_an_action_pushed_down_is_still_the_one_that_is_composed(headroom, performed, other):
    data = performed.face.animation_data
    action = data.action
    track = data.nla_tracks.new()
    track.strips.new("Mine", START, action)
    data.action = None
    perform(headroom, performed, other)
    assert data.action is None
    bag = headroom.module("scene.compat").channels(action, performed.face)
    assert bag.fcurves.find("rotation_euler", index=1).keyframe_points[40].co[1] == pytest.approx(
        other.rotation[40, 1], abs=1e-6)


def test_two_heads_in_a_scene_are_dialled_apart(headroom, performed, performance, tmp_path):
    second = headroom.module("scene.shot").open_subject(headroom.scene, tiny_subject(tmp_path / "other"))
    headroom.module("scene.keyframes").write_performance(second, performance, 101)
    headroom.module("scene.keyframes").show_range(headroom.scene)
    before = keys(headroom, performed.face)
    second.root.headroom.head.gain = 0.0
    assert np.array_equal(keys(headroom, performed.face), before)
    assert np.ptp(keys(headroom, second.face)[:, 1]) == pytest.approx(0, abs=1e-6)
    assert (headroom.scene.frame_start, headroom.scene.frame_end) == (START, 150)


def test_a_copied_head_keeps_its_own_keys(headroom, performed):
    """What Shift D does: the root's properties are copied, and the working actions with the objects."""
    copies = {each: each.copy() for each in (performed.root, performed.face, performed.camera, performed.crop_camera)}
    for original, copy in copies.items():
        headroom.scene.collection.objects.link(copy)
        copy.parent = copies.get(original.parent)
    face = copies[performed.face]
    face.data = face.data.copy()
    face.animation_data.action = face.animation_data.action.copy()
    keyed = face.data.shape_keys
    keyed.animation_data.action = keyed.animation_data.action.copy()
    before = keys(headroom, performed.face)
    copies[performed.root].headroom.head.gain = 0.0
    assert np.array_equal(keys(headroom, performed.face), before)
    assert np.ptp(keys(headroom, face)[:, 1]) == pytest.approx(0, abs=1e-6)


def test_the_shown_head_follows_a_control_without_a_change_of_frame(headroom, performed):
    headroom.scene.frame_set(START + 20)
    shown = performed.face.rotation_euler[1]
    performed.root.headroom.head_turn[1] = 0.5
    headroom.bpy.context.view_layer.update()
    assert performed.face.rotation_euler[1] == pytest.approx(shown + 0.5, abs=1e-5)


def test_poses_far_from_the_clip_are_told_with_their_frames(headroom, performed, performance):
    subject = performed.subject_folder
    np.savez(subject / "track.npz", fps=25.0, rotation=performance.rotation, translation=performance.translation,
             confidence=np.r_[np.ones(30), np.full(5, 0.2), np.ones(15)])
    coverage = headroom.module("scene.coverage")
    assert coverage.off_plate(performed) == []
    edit(headroom, performed, 20, performance.rotation[20, 1] + np.radians(40))
    found = coverage.off_plate(performed)
    assert [(span.first, span.last) for span in found] == [(START + 20, START + 20)] and found[0].worst > 20
    spans, fps = coverage.unsure(performed)
    assert [(span.first, span.last) for span in spans] == [(30, 34)] and fps == 25.0


def test_a_constraint_a_driver_and_an_nla_layer_count_when_the_pose_is_sampled(headroom, performed, performance):
    keyframes, frames = headroom.module("scene.keyframes"), np.arange(START, START + 5)
    assert not keyframes.moved_by_more_than_keys(performed)
    assert keyframes.evaluated_pose(performed, frames)[0] == pytest.approx(
        keyframes.sample_pose(performed, frames)[0], abs=1e-5)
    limit = performed.face.constraints.new("LIMIT_ROTATION")
    limit.use_limit_y, limit.min_y, limit.max_y, limit.owner_space = True, 0.3, 0.3, "LOCAL"
    rotation, translation = keyframes.sample_pose(performed, frames)
    assert rotation[:, 1] == pytest.approx(np.full(5, 0.3), abs=1e-5)
    assert translation == pytest.approx(performance.translation[:5], abs=1e-2)
    assert headroom.scene.frame_current == 1
    performed.face.constraints.remove(limit)
    curve(headroom, performed.face).mute = True
    driver = performed.face.driver_add("rotation_euler", 1).driver
    driver.expression = "0.25"
    assert keyframes.sample_pose(performed, frames)[0][:, 1] == pytest.approx(np.full(5, 0.25), abs=1e-5)


def test_moving_and_trimming_the_sound_strip_moves_and_trims_the_animation(headroom, shot, performance, tmp_path):
    compat, compose = headroom.module("scene.compat"), headroom.module("scene.compose").compose
    if not compat.plays_sound():
        pytest.skip("this Blender was built without sound")
    speech = write_speech(tmp_path / "Grüße.wav", 2.0)
    headroom.module("scene.produce").apply_performance(shot, performance, speech, START)
    strip = headroom.module("scene.strips").speech_strip(shot)
    assert compat.strip_span(strip) == (START, START + 50)
    edit(headroom, shot, 20, 1.25)
    strip.frame_start += 30
    compose(shot)
    assert keys(headroom, shot.face)[[0, 20, -1], 0] == pytest.approx([START + 30, START + 50, START + 79])
    assert keys(headroom, shot.face)[20, 1] == pytest.approx(1.25) and shot.start_frame == START + 30
    strip.frame_offset_start, strip.frame_offset_end = 10, 25
    compose(shot)
    assert list(keys(headroom, shot.face)[:, 0]) == list(range(START + 40, START + 55))
    strip.frame_offset_start, strip.frame_offset_end = 0, 0
    compose(shot)
    assert keys(headroom, shot.face)[:, 0] == pytest.approx(np.arange(START + 30, START + 80))
    assert keys(headroom, shot.face)[40, 1] == pytest.approx(performance.rotation[40, 1], abs=1e-6)


def test_a_renamed_head_keeps_its_speech_and_a_copy_has_none(headroom, shot, performance, tmp_path):
    if not headroom.module("scene.compat").plays_sound():
        pytest.skip("this Blender was built without sound")
    headroom.module("scene.produce").apply_performance(shot, performance, write_speech(tmp_path / "a.wav", 2.0), START)
    strips, name = headroom.module("scene.strips"), shot.root.name
    shot.root.name = "Анна"
    assert strips.speech_strip(shot) is not None
    shot.root.name = name
    copy = shot.root.copy()
    from dataclasses import replace
    assert strips.speech_strip(replace(shot, root=copy)) is None


def test_a_speech_that_is_not_followed_stays_until_it_is_followed_again(headroom, shot, performance, tmp_path):
    if not headroom.module("scene.compat").plays_sound():
        pytest.skip("this Blender was built without sound")
    headroom.module("scene.produce").apply_performance(shot, performance, write_speech(tmp_path / "a.wav", 2.0), START)
    shot.root.headroom.follow_strip = False
    headroom.module("scene.strips").speech_strip(shot).frame_start += 30
    headroom.module("scene.compose").compose(shot)
    assert keys(headroom, shot.face)[0, 0] == START
    shot.root.headroom.follow_strip = True
    assert keys(headroom, shot.face)[0, 0] == START + 30


def test_a_moments_rest_tells_the_panel_of_edits_and_far_poses(headroom, performed, performance):
    import time

    live = headroom.module("ui.live")
    np.savez(performed.subject_folder / "track.npz", fps=25.0, rotation=performance.rotation,
             translation=performance.translation, confidence=np.ones(50))
    edit(headroom, performed, 20, performance.rotation[20, 1] + np.radians(40))
    curve(headroom, performed.face, "location", 0).keyframe_points.remove(
        curve(headroom, performed.face, "location", 0).keyframe_points[3])
    live.look_again()
    while (pause := live.tick()) is not None:
        time.sleep(min(pause, 0.05))
    found = live.status(performed)
    assert found.own_keys == 2 and [span.first for span in found.off_plate] == [START + 20]


def test_nothing_listens_any_more_when_the_extension_is_off(headroom):
    import bpy

    live = headroom.module("ui.live")
    try:
        live.unregister()
        assert not any(handler in getattr(bpy.app.handlers, name) for name, handler in live.HANDLERS)
    finally:
        live.register()
    assert all(getattr(bpy.app.handlers, name).count(handler) == 1 for name, handler in live.HANDLERS)
