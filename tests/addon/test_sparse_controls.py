"""Controls have sparse keys, and detail adds what their curves lack, so that the face plays as it was predicted."""

from dataclasses import replace

import numpy as np
import pytest
from curve_readers import curve, keys, perform
from stand_ins import tiny_performance, tiny_subject

START = 1
ERROR = 0.01


@pytest.fixture
def performance(headroom, tmp_path):
    """Two seconds whose controls rest at 0 and at 1, as those of a face do."""
    made = headroom.module("core.performance").Performance.load(
        tiny_performance(tmp_path / "p.npz", seconds=2.0, controls=True))
    return replace(made, controls=np.clip(1.4 * made.controls - 0.2, 0, 1).astype(np.float32))


@pytest.fixture
def sparse(headroom, performance, tmp_path):
    """A head with controls that plays the performance with sparse keys."""
    folder = tiny_subject(tmp_path / "s", controls=True)
    shot = headroom.module("scene.build.shot").open_subject(headroom.scene, folder)
    perform(headroom, shot, performance, start=START)
    shot.root.headroom.every_frame = False
    return shot


def played(headroom, shot, frames):
    """The controls (T, 52) and detail (T, 64) that Blender gives the shape keys, in their own units."""
    blocks, names = shot.face.data.shape_keys.key_blocks, ("headroom_control_keys", "headroom_detail_keys")
    curve_of = {each.data_path: each for each in headroom.module("scene.compat").curves_of(shot.face.data.shape_keys)}
    curves = [[(blocks[name], curve_of[blocks[name].path_from_id("value")]) for name in shot.root[group]]
              for group in names]
    controls, detail = (np.array([[np.clip(each.evaluate(frame), key.slider_min, key.slider_max) for key, each in group]
                                  for frame in frames.tolist()]) for group in curves)
    return controls, detail * np.array(shot.root["headroom_key_units"])


def expression(headroom, shot, frames):
    """The coefficients (T, 64) that the shape keys add up to."""
    controls, detail = played(headroom, shot, frames)
    return controls @ shot.control_directions + detail


def frames_of(headroom, shot):
    return headroom.module("scene.anim.compose").make_plan(shot).frames


def control_path(shot, name="jawOpen"):
    return shot.face.data.shape_keys.key_blocks[name].path_from_id("value")


def test_few_keys_are_within_the_error_and_the_sum_is_what_was_predicted(headroom, sparse, performance):
    frames = frames_of(headroom, sparse)
    controls, _ = played(headroom, sparse, frames)
    assert 1e-4 < np.abs(controls - performance.controls).max() <= 1.001 * ERROR
    assert expression(headroom, sparse, frames) == pytest.approx(performance.expression, abs=1e-5)
    counts = [len(keys(headroom, sparse.face.data.shape_keys, control_path(sparse, name), 0))
              for name in sparse.root["headroom_control_keys"]]
    assert np.mean(counts) < 0.6 * len(frames)
    assert len(keys(headroom, sparse.face.data.shape_keys, control_path(sparse, "Detail 01"), 0)) == len(frames)


def test_blender_shows_the_sum(headroom, sparse, performance):
    rig, frame = sparse.subject.rig(), 33
    headroom.scene.frame_set(START + frame)
    shown = sparse.face.evaluated_get(headroom.bpy.context.evaluated_depsgraph_get())
    points = np.empty(len(shown.data.vertices) * 3, dtype=np.float32)
    shown.data.vertices.foreach_get("co", points)
    expected = rig.neutral + np.tensordot(performance.expression[frame], rig.expression, axes=1)
    assert points.reshape(-1, 3) * 1000 == pytest.approx(expected, abs=1e-2)


def test_extremes_and_rests_of_a_control_are_exact(headroom, sparse, performance):
    controls, _ = played(headroom, sparse, frames_of(headroom, sparse))
    for column, values in zip(controls.T, performance.controls.T):
        rests = np.convolve((values == 0) | (values == 1), np.ones(3), "same") == 3
        assert column[rests] == pytest.approx(values[rests], abs=1e-6)
        assert (column.max(), column.min()) == pytest.approx((values.max(), values.min()), abs=1e-6)


def test_all_curves_are_those_that_are_shaped_by_hand_and_the_detail_has_its_own_button(headroom, sparse):
    curves = [each for owner in (sparse.face, sparse.face.data.shape_keys)
              for each in headroom.module("scene.compat").curves_of(owner)]
    show = headroom.bpy.ops.headroom.show_channels
    show(group="")
    assert {each.group.name for each in curves if each.hide} == {"Detail"}
    assert sum(not each.hide for each in curves) == 6 + 52
    show(group="Detail")
    assert {each.group.name for each in curves if not each.hide} == {"Detail"}


def test_sliders_still_go_from_nothing_to_all(sparse):
    blocks = sparse.face.data.shape_keys.key_blocks
    assert {(blocks[name].slider_min, blocks[name].slider_max) for name in sparse.root["headroom_control_keys"]} == {
        (0.0, 1.0)}


def use_a_cut(headroom, shot):
    other = shot.root.headroom.takes[0].uid
    cut = shot.root.headroom.cuts.add()
    cut.take, cut.first_seconds, cut.last_seconds = other, 0.6, 1.4
    headroom.module("ui.follow").controls_changed(shot.root)


def change(name, value):
    """A change of one control; `name` is relative to the head's controls."""
    def apply(headroom, shot):
        owner, _, control = name.rpartition(".")
        setattr(shot.root.headroom.path_resolve(owner) if owner else shot.root.headroom, control, value)
    return apply


def scene_rate(headroom, shot):
    headroom.scene.render.fps, headroom.scene.render.fps_base = 30, 1.001


def later_start(headroom, shot):
    shot.root["headroom_start_frame"] = 1501


CHANGES = {"mouth gain": change("mouth.gain", 0.6), "brows gain": change("upper.gain", 1.3),
           "lag": change("mouth.lag", 0.05), "smoothing": change("upper.smoothing", 0.1),
           "open": change("mouth_open", 0.4), "key error": change("key_error", 6.0), "take": change("active_take", 0),
           "cut": use_a_cut, "rate": scene_rate, "start": later_start}


@pytest.mark.parametrize("changed", CHANGES.values(), ids=CHANGES.keys())
def test_sparse_keys_play_what_keys_on_every_frame_play(headroom, sparse, performance, changed):
    reverse = replace(performance, expression=performance.expression[::-1].copy(),
                      controls=performance.controls[::-1].copy())
    perform(headroom, sparse, reverse, seed=2, start=START)
    sparse.root.headroom.every_frame = False
    changed(headroom, sparse)
    compose = headroom.module("scene.anim.compose").compose
    assert compose(sparse)
    frames = frames_of(headroom, sparse)
    few, count = expression(headroom, sparse, frames), len(keys(
        headroom, sparse.face.data.shape_keys, control_path(sparse), 0))
    sparse.root.headroom.every_frame = True
    assert compose(sparse)
    assert few == pytest.approx(expression(headroom, sparse, frames), abs=1e-4)
    assert count < len(keys(headroom, sparse.face.data.shape_keys, control_path(sparse), 0))


def test_an_edited_key_moves_the_face_and_is_not_taken_back_by_the_detail(headroom, sparse, performance):
    frames, owner, path = frames_of(headroom, sparse), sparse.face.data.shape_keys, control_path(sparse)
    points = curve(headroom, owner, path, 0).keyframe_points
    number = next(i for i in range(2, len(points)) if points[i].co[0] > START + 20)
    edited = int(points[number].co[0])
    points[number].co[1] = 0.9
    before = expression(headroom, sparse, frames)
    sparse.root.headroom.brows_raise = 0.2
    headroom.module("scene.anim.user_keys").blend_to_keys(sparse)
    assert headroom.module("scene.anim.compose").compose(sparse)
    assert curve(headroom, owner, path, 0).evaluate(edited) == pytest.approx(0.9)
    moved = expression(headroom, sparse, frames)[edited - START] - performance.expression[edited - START]
    wanted = (0.9 - performance.controls[edited - START, 0]) * sparse.control_directions[0]
    wanted[52] += 0.2
    assert moved == pytest.approx(wanted, abs=1e-4)
    far = np.abs(frames - edited) > 10
    rest = expression(headroom, sparse, frames)[far] - before[far]
    rest[:, 52] -= 0.2
    assert np.abs(rest).max() < 1e-5


def test_the_detail_follows_when_an_edit_changes_the_fit(headroom, sparse):
    path, owner = control_path(sparse), sparse.face.data.shape_keys
    points = curve(headroom, owner, path, 0).keyframe_points
    edited, points[3].co[1] = points[3].co[0], points[3].co[1] + 0.3
    headroom.module("scene.anim.user_keys").blend_to_keys(sparse)
    compose = headroom.module("scene.anim.compose").compose
    assert compose(sparse)
    times, frames = keys(headroom, owner, path, 0)[:, 0], frames_of(headroom, sparse)
    number = int(np.flatnonzero(times == edited)[0])
    few = expression(headroom, sparse, frames)
    sparse.root.headroom.every_frame = True
    assert compose(sparse)
    by_generated_keys = (frames <= times[number - 1]) | (frames >= times[number + 1])
    expected = expression(headroom, sparse, frames)
    assert few[by_generated_keys] == pytest.approx(expected[by_generated_keys], abs=1e-4)


def test_undo_restores_controls_and_detail_together(headroom, sparse, performance):
    bpy = headroom.bpy
    bpy.ops.ed.undo_push(message="performed")
    sparse.root.headroom.mouth.gain = 0.3
    bpy.ops.ed.undo_push(message="gain")
    bpy.ops.ed.undo()
    (shot,) = headroom.module("scene.build.shot").shots_in(bpy.context.scene)
    assert shot.root.headroom.mouth.gain == 1.0
    assert expression(headroom, shot, frames_of(headroom, shot)) == pytest.approx(performance.expression, abs=1e-5)


def test_cleared_edits_return_the_prediction(headroom, sparse, performance):
    points = curve(headroom, sparse.face.data.shape_keys, control_path(sparse), 0).keyframe_points
    points[4].co[1] = 0.5
    points.remove(points[8])
    user_keys = headroom.module("scene.anim.user_keys")
    sparse.root.headroom.mouth.gain = 0.5
    assert user_keys.clear_user_keys(sparse, selected=False) == 2
    sparse.root.headroom.mouth.gain = 1.0
    frames = frames_of(headroom, sparse)
    assert expression(headroom, sparse, frames) == pytest.approx(performance.expression, abs=1e-5)


def test_composing_in_pieces_gives_the_same_curves(headroom, sparse, performance):
    compose, frames = headroom.module("scene.anim.compose").compose, frames_of(headroom, sparse)
    controls, follow = headroom.module("scene.anim.controls"), headroom.module("ui.follow")
    sparse.root.headroom.every_frame = True
    controls.on_change = controls.ignore
    try:
        sparse.root.headroom.every_frame = False
        assert not compose(sparse, 0.0)
        for _ in range(200):
            compose(sparse, 0.0)
    finally:
        controls.on_change = follow.controls_changed
    assert not headroom.module("scene.anim.compose").is_out_of_date(
        sparse, headroom.module("scene.anim.compose").make_plan(sparse))
    assert expression(headroom, sparse, frames) == pytest.approx(performance.expression, abs=1e-5)
