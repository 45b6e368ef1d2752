"""Takes: stored raw, switched, cut and removed; they survive saving, undo, copies and an artist's own actions."""

from pathlib import Path

import numpy as np
import pytest
from curve_readers import START, edit, keys, perform
from stand_ins import tiny_subject


def test_takes_are_stored_raw_and_switching_them_leaves_user_keys_in_place(headroom, performed, performance, other):
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


def test_performing_the_same_seed_again_replaces_its_take(headroom, performed, other):
    perform(headroom, performed, other, seed=0)
    assert len(performed.root.headroom.takes) == 1 and len(headroom.bpy.data.actions) == 4
    assert keys(headroom, performed.face)[:, 1] == pytest.approx(other.rotation[:, 1], abs=1e-6)


def half_written_take(headroom, shot, performance, monkeypatch, seed=0):
    """The iterator of a take of which 30 channels are written."""
    takes, settings = headroom.module("scene.anim.takes"), headroom.module("core.take_settings").TakeSettings
    monkeypatch.setattr(takes, "SLICE_SECONDS", -1.0)
    steps = takes.add_take(shot.ref, performance, settings(Path("no-strip.wav"), seed))
    for _ in range(30):
        next(steps)
    return steps


def state_of(headroom, shot):
    """The takes of a head with their tracks and keys, and every action with its users."""
    head = shot.root.headroom
    takes = [(take.name, take.uid, take.samples, take.head, take.expression) for take in head.takes]
    tracks = [[(track.name, track.strips[0].action) for track in owner.animation_data.nla_tracks]
              for owner in (shot.face, shot.face.data.shape_keys)]
    actions = sorted((action.name, action.users) for action in headroom.bpy.data.actions)
    return takes, head.active_take, tracks, actions, keys(headroom, shot.face).tolist()


@pytest.mark.parametrize("seed", [0, 1])
def test_closing_a_half_written_take_changes_nothing(headroom, performed, other, monkeypatch, seed):
    before = state_of(headroom, performed)
    steps = half_written_take(headroom, performed, other, monkeypatch, seed)
    compose = headroom.module("scene.anim.compose")
    assert not compose.is_out_of_date(performed, compose.make_plan(performed))
    assert len(headroom.bpy.data.actions) == 6
    steps.close()
    assert state_of(headroom, performed) == before


def test_undo_while_a_take_is_written_stops_it_with_a_message(headroom, performed, other, monkeypatch):
    bpy = headroom.bpy
    for message in ("before", "performed"):
        bpy.ops.ed.undo_push(message=message)
    steps = half_written_take(headroom, performed, other, monkeypatch)
    bpy.ops.ed.undo()
    with pytest.raises(headroom.module("core.errors").HeadroomError,
                       match=r"The take was undone while it was written\. Perform again\."):
        next(steps)
    shot = headroom.module("scene.build.shot").shots_in(bpy.context.scene)[0]
    assert [take.name for take in shot.root.headroom.takes] == ["Take 1 (seed 0)"] and len(bpy.data.actions) == 4


def test_the_same_seed_with_a_replayed_head_is_another_take(headroom, performed, other):
    perform(headroom, performed, other, seed=0, pose="replayed")
    head = performed.root.headroom
    assert [take.name for take in head.takes] == ["Take 1 (seed 0)", "Take 2 (seed 0, replayed head)"]
    assert head.active_take == 1


def test_removing_a_take_removes_its_motion_and_plays_the_other(headroom, performed, performance, other):
    perform(headroom, performed, other)
    headroom.module("scene.anim.takes").remove_take(performed, 1)
    assert len(headroom.bpy.data.actions) == 4 and len(performed.face.animation_data.nla_tracks) == 1
    assert keys(headroom, performed.face)[:, 1] == pytest.approx(performance.rotation[:, 1], abs=1e-6)


@pytest.mark.parametrize(("button", "reason"), [
    ("remove_take", "Cannot remove the only take"),
    ("clear_cuts", "No cuts"),
    ("follow_selected_strip", "The sound strip of this speech is not selected"),
])
def test_what_has_nothing_to_work_on_says_so(headroom, performed, button, reason):
    with pytest.raises(RuntimeError, match=reason):
        getattr(headroom.bpy.ops.headroom, button)()


def test_a_take_is_cut_into_another_within_the_preview_range(headroom, performed, performance, other):
    perform(headroom, performed, other)
    scene = headroom.scene
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, START + 20, START + 30
    assert headroom.bpy.ops.headroom.use_take(index=0) == {"FINISHED"}
    after = keys(headroom, performed.face)[:, 1]
    assert after[25] == pytest.approx(performance.rotation[25, 1], abs=1e-6)
    assert after[[5, 45]] == pytest.approx(other.rotation[[5, 45], 1], abs=1e-6)
    headroom.bpy.ops.headroom.clear_cuts()
    assert keys(headroom, performed.face)[:, 1] == pytest.approx(other.rotation[:, 1], abs=1e-6)


def test_takes_controls_and_user_keys_survive_saving_and_loading(headroom, performed, other, tmp_path):
    edit(headroom, performed, 20, 1.25)
    performed.root.headroom.mouth.gain = 0.25
    headroom.bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "Größe 日本.blend"))
    headroom.bpy.ops.wm.read_homefile(use_empty=True)
    headroom.bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "Größe 日本.blend"))
    shot = headroom.module("scene.build.shot").shots_in(headroom.bpy.context.scene)[0]
    compose = headroom.module("scene.anim.compose")
    assert not compose.is_out_of_date(shot, compose.make_plan(shot))
    assert shot.root.headroom.mouth.gain == 0.25
    perform(headroom, shot, other)
    assert [take.seed for take in shot.root.headroom.takes] == [0, 1]
    after = keys(headroom, shot.face)
    assert after[20, 1] == pytest.approx(1.25) and after[40, 1] == pytest.approx(other.rotation[40, 1], abs=1e-6)


def test_undo_restores_a_control_and_its_keys(headroom, performed):
    bpy = headroom.bpy
    before = keys(headroom, performed.face)
    bpy.ops.ed.undo_push(message="performed")
    performed.root.headroom.head.gain = 0.5
    bpy.ops.ed.undo_push(message="gain")
    assert not np.array_equal(keys(headroom, performed.face), before)
    bpy.ops.ed.undo()
    shot = headroom.module("scene.build.shot").shots_in(bpy.context.scene)[0]
    assert shot.root.headroom.head.gain == 1.0 and np.array_equal(keys(headroom, shot.face), before)


def test_an_artists_own_action_is_stashed_not_overwritten(headroom, shot, performance):
    shot.face.rotation_euler[0] = 0.3
    shot.face.keyframe_insert("rotation_euler", frame=5)
    mine = shot.face.animation_data.action
    perform(headroom, shot, performance)
    assert shot.face.animation_data.action != mine
    track = shot.face.animation_data.nla_tracks[mine.name]
    assert track.mute and track.strips[0].action == mine and list(mine.frame_range) == [5, 5]


def test_an_action_pushed_down_to_the_nla_is_still_composed(headroom, performed, other):
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


def test_two_heads_in_a_scene_have_separate_controls(headroom, performed, performance, tmp_path):
    second = headroom.module("scene.build.shot").open_subject(headroom.scene, tiny_subject(tmp_path / "other"))
    perform(headroom, second, performance, start=101)
    headroom.module("scene.anim.timeline").set_frame_range(headroom.scene)
    before = keys(headroom, performed.face)
    second.root.headroom.head.gain = 0.0
    assert np.array_equal(keys(headroom, performed.face), before)
    assert np.ptp(keys(headroom, second.face)[:, 1]) == pytest.approx(0, abs=1e-6)
    assert (headroom.scene.frame_start, headroom.scene.frame_end) == (START, 150)


def test_a_copied_head_has_its_own_keys(headroom, performed):
    """Shift D copies the root's properties, and the composed actions with the objects."""
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
