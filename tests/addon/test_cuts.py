"""Cuts by part of the face: head, mouth, and brows and eyes play other takes; all that holds for keys still does."""

import numpy as np
import pytest
from curve_readers import START, edit, keys, perform

UPPER = 45  # a detail key of the eyes; the first ones belong to the mouth


@pytest.fixture
def two_takes(headroom, performed, other):
    """A head that plays its second take, and a preview range of frames 20 to 30 of the speech."""
    perform(headroom, performed, other)
    set_range(headroom, 20, 30)
    return performed


def set_range(headroom, first, last):
    scene = headroom.scene
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, START + first, START + last


def use_take(headroom, index=0, **parts):
    assert headroom.bpy.ops.headroom.use_take(index=index, **parts) == {"FINISHED"}


def played(headroom, shot):
    """Part of the face -> values of one of its channels."""
    blocks = shot.face.data.shape_keys
    return {"head": keys(headroom, shot.face)[:, 1], **{
        part: keys(headroom, blocks, blocks.key_blocks[1 + number].path_from_id("value"), 0)[:, 1]
        for part, number in (("mouth", 0), ("upper", UPPER))}}


def of_takes(headroom, shot):
    """What each take plays alone; the head plays its last one afterwards."""
    heads, values = shot.root.headroom, []
    for number in range(len(heads.takes)):
        heads.active_take = number
        values.append(played(headroom, shot))
    return values


def differs(a, b):
    return np.abs(a - b).max() > 0.01


@pytest.mark.parametrize("off", ["head", "mouth", "upper"])
def test_a_part_that_is_off_plays_the_active_take_and_the_others_the_cut(headroom, two_takes, off):
    first, second = of_takes(headroom, two_takes)
    use_take(headroom)
    setattr(two_takes.root.headroom.cuts[0], off, False)
    for part, values in played(headroom, two_takes).items():
        assert differs(first[part][24:27], second[part][24:27])
        assert values[24:27] == pytest.approx((second if part == off else first)[part][24:27], abs=1e-6)
        assert values[:16] == pytest.approx(second[part][:16], abs=1e-6)
        assert values[35:] == pytest.approx(second[part][35:], abs=1e-6)


def test_without_a_preview_range_the_mouth_of_one_take_plays_with_the_head_of_another(headroom, two_takes):
    first, second = of_takes(headroom, two_takes)
    headroom.scene.use_preview_range = False
    use_take(headroom, head=False, upper=False)
    values = played(headroom, two_takes)
    assert values["mouth"] == pytest.approx(first["mouth"], abs=1e-6)
    assert values["head"] == pytest.approx(second["head"], abs=1e-6)
    assert values["upper"] == pytest.approx(second["upper"], abs=1e-6)
    assert headroom.module("ui.cuts").cut_text(two_takes, two_takes.root.headroom.cuts[0]) == (
        "Take 1 (seed 0): Whole speech")


def test_each_part_plays_the_last_cut_that_has_it(headroom, two_takes, performance):
    perform(headroom, two_takes, performance, seed=2)
    first, second, third = of_takes(headroom, two_takes)
    use_take(headroom, index=1)
    use_take(headroom, index=0, mouth=False, upper=False)
    values = played(headroom, two_takes)
    assert values["head"][25] == pytest.approx(first["head"][25], abs=1e-6)
    assert values["mouth"][25] == pytest.approx(second["mouth"][25], abs=1e-6)
    assert values["mouth"][5] == pytest.approx(third["mouth"][5], abs=1e-6)
    headroom.bpy.ops.headroom.remove_cut(index=1)
    assert played(headroom, two_takes)["head"][25] == pytest.approx(second["head"][25], abs=1e-6)
    headroom.bpy.ops.headroom.remove_cut(index=0)
    assert played(headroom, two_takes)["mouth"] == pytest.approx(third["mouth"], abs=1e-6)
    with pytest.raises(RuntimeError, match="No cuts"):
        headroom.bpy.ops.headroom.remove_cut(index=0)


def test_the_ends_of_a_cut_of_one_part_blend_over_the_falloff(headroom, two_takes):
    first, second = of_takes(headroom, two_takes)
    two_takes.root.headroom.falloff = 0.4
    use_take(headroom, head=False)
    half_way = (first["mouth"][20] + second["mouth"][20]) / 2
    assert played(headroom, two_takes)["mouth"][20] == pytest.approx(half_way, abs=1e-6)


def test_own_keys_dials_moved_speech_and_scene_rate_hold_beside_a_cut_of_one_part(headroom, two_takes):
    compose = headroom.module("scene.anim.compose").compose
    first, second = of_takes(headroom, two_takes)
    use_take(headroom, head=False)
    edit(headroom, two_takes, 25, 1.25)
    head = two_takes.root.headroom
    head.mouth.gain = 0.5
    values = played(headroom, two_takes)
    median = np.median(first["mouth"])
    assert values["mouth"][25] == pytest.approx(median + 0.5 * (first["mouth"][25] - median), abs=1e-5)
    assert values["head"][25] == pytest.approx(1.25)
    head.mouth.gain = 1.0
    two_takes.root["headroom_start_frame"] = 100
    assert compose(two_takes)
    assert played(headroom, two_takes)["mouth"][25] == pytest.approx(first["mouth"][25], abs=1e-6)
    assert played(headroom, two_takes)["head"][25] == pytest.approx(1.25)
    headroom.scene.render.fps = 50
    assert compose(two_takes)
    assert played(headroom, two_takes)["mouth"][50] == pytest.approx(first["mouth"][25], abs=1e-5)
    assert played(headroom, two_takes)["mouth"][4] == pytest.approx(second["mouth"][2], abs=1e-5)
    assert played(headroom, two_takes)["head"][50] == pytest.approx(1.25)


def test_undo_restores_a_switch_and_its_keys(headroom, two_takes):
    bpy = headroom.bpy
    use_take(headroom)
    before = played(headroom, two_takes)
    bpy.ops.ed.undo_push(message="cut")
    two_takes.root.headroom.cuts[0].mouth = False
    bpy.ops.ed.undo_push(message="mouth off")
    assert differs(played(headroom, two_takes)["mouth"], before["mouth"])
    bpy.ops.ed.undo()
    shot = headroom.module("scene.build.shot").shots_in(bpy.context.scene)[0]
    assert shot.root.headroom.cuts[0].mouth
    assert played(headroom, shot)["mouth"] == pytest.approx(before["mouth"], abs=1e-6)


def test_a_cut_of_all_parts_is_stored_as_before_and_a_file_keeps_its_switches(headroom, two_takes, tmp_path):
    """A file of before has no switches; its cuts have all parts, and nothing is composed again when it is opened."""
    compose = headroom.module("scene.anim.compose")
    use_take(headroom)
    plan, cut = compose.make_plan(two_takes), two_takes.root.headroom.cuts[0]
    channel = headroom.module("scene.anim.channels").POSE_CHANNELS[1]
    of_before = f'[{{"take": "{cut.take}", "first_seconds": {cut.first_seconds}, "last_seconds": {cut.last_seconds}}}]'
    assert of_before in plan.composed_from(channel)
    stored = headroom.module("scene.compat").stored_properties(two_takes.root)["headroom"]["cuts"][0]
    assert not {"head", "mouth", "upper"} & set(stored.keys())
    cut.upper = False
    headroom.bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "cut.blend"))
    headroom.bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "cut.blend"))
    shot = headroom.module("scene.build.shot").shots_in(headroom.bpy.context.scene)[0]
    cut = shot.root.headroom.cuts[0]
    assert (cut.head, cut.mouth, cut.upper) == (True, True, False)
    assert not compose.is_out_of_date(shot, compose.make_plan(shot))


def test_the_panel_has_a_line_for_each_cut(headroom, two_takes):
    from stand_ins import Row

    use_take(headroom)
    headroom.scene.use_preview_range = False
    use_take(headroom, head=False)
    layout = Row()
    headroom.module("ui.cuts").draw_cuts(layout, two_takes)
    assert list(filter(None, layout.texts)) == [
        "Take 1 (seed 0)", f"{START + 20} to {START + 30}", "Take 1 (seed 0)", "Whole speech"]
