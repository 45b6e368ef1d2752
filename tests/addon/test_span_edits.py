"""Emphases and holds: the motion of a span is stronger or still, and everything that holds for keys still does."""

import numpy as np
import pytest
from curve_readers import START, curve, keys, perform

from addon.core.layers import SpanEdit

FALLOFF = 0.2


def test_an_emphasis_scales_about_the_centre_inside_and_not_outside():
    seconds = np.array([0.0, 0.9, 1.0, 1.5, 2.0, 2.2, 3.0])
    edit = SpanEdit(1.0, 2.0, gain=3.0)
    edited = edit.applied(np.full(7, 2.0), seconds, at_first=0.0, centre=1.0, fade_seconds=FALLOFF)
    assert edited == pytest.approx([2, 2, 3, 4, 3, 2, 2])


def test_a_hold_stands_still_inside_and_returns_over_the_falloff():
    seconds = np.array([0.0, 0.99, 1.0, 1.5, 2.0, 2.1, 2.2, 3.0])
    edited = SpanEdit(1.0, 2.0, gain=None).applied(10 * seconds, seconds, 10.0, 0.0, FALLOFF)
    assert edited == pytest.approx([0, 9.9, 10, 10, 10, 15.5, 22, 30])


@pytest.fixture
def ranged(headroom, performed):
    """A performed head and a preview range of frames 20 to 30 of the speech."""
    scene = headroom.scene
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, START + 20, START + 30
    performed.root.headroom.falloff = FALLOFF
    return performed


def yaw(headroom, shot):
    return keys(headroom, shot.face)[:, 1]


def mouth(headroom, shot):
    path = shot.face.data.shape_keys.key_blocks[1].path_from_id("value")
    return keys(headroom, shot.face.data.shape_keys, path, 0)[:, 1]


def test_emphasise_strengthens_the_chosen_layers_in_the_preview_range(headroom, ranged):
    before = yaw(headroom, ranged), mouth(headroom, ranged)
    headroom.bpy.ops.headroom.emphasise(gain=2.0, mouth=False, upper=False)
    after = yaw(headroom, ranged)
    assert after[24] == pytest.approx(2 * before[0][24] - np.median(before[0]), abs=1e-5)
    assert after[:17] == pytest.approx(before[0][:17]) and after[34:] == pytest.approx(before[0][34:])
    assert mouth(headroom, ranged) == pytest.approx(before[1])


def test_hold_freezes_the_face(headroom, ranged):
    before = yaw(headroom, ranged), mouth(headroom, ranged)
    headroom.bpy.ops.headroom.hold()
    for after, was in zip((yaw(headroom, ranged), mouth(headroom, ranged)), before):
        assert after[20:31] == pytest.approx(np.full(11, was[20]), abs=1e-6)
        assert after[:21] == pytest.approx(was[:21]) and after[36:] == pytest.approx(was[36:])


def test_buttons_need_a_preview_range(headroom, performed):
    headroom.scene.use_preview_range = False
    for button in (headroom.bpy.ops.headroom.emphasise, headroom.bpy.ops.headroom.hold):
        with pytest.raises(RuntimeError, match="No preview range"):
            button()


@pytest.mark.parametrize("button,settings", [("emphasise", {"gain"}), ("hold", set()), ("use_take", set())])
def test_blender_remembers_what_was_chosen_and_not_what_was_pressed(headroom, button, settings):
    properties = getattr(headroom.bpy.ops.headroom, button).get_rna_type().properties
    remembered = {each.identifier for each in properties if not each.is_skip_save} - {"rna_type"}
    assert remembered == {"head", "mouth", "upper"} | settings


def test_an_edit_is_live_and_its_removal_restores_the_prediction(headroom, ranged):
    before = yaw(headroom, ranged)
    headroom.bpy.ops.headroom.emphasise(gain=2.0)
    edit = ranged.root.headroom.edits[0]
    edit.gain = 0.0
    assert yaw(headroom, ranged)[24] == pytest.approx(np.median(before), abs=1e-5)
    edit.head = False
    assert yaw(headroom, ranged) == pytest.approx(before)
    edit.head = True
    headroom.bpy.ops.headroom.remove_emphasis_or_hold(index=0)
    assert len(ranged.root.headroom.edits) == 0 and yaw(headroom, ranged) == pytest.approx(before)


def test_edits_follow_the_speech_and_the_scene_rate_and_apply_to_other_takes(headroom, ranged, other):
    compose = headroom.module("scene.anim.compose").compose
    headroom.bpy.ops.headroom.hold()
    ranged.root["headroom_start_frame"] = 100
    assert compose(ranged)
    assert np.ptp(yaw(headroom, ranged)[20:31]) < 1e-6
    headroom.scene.render.fps = 50
    assert compose(ranged)
    assert np.ptp(yaw(headroom, ranged)[40:61]) < 1e-6 < np.ptp(yaw(headroom, ranged)[30:41])
    headroom.scene.render.fps = 25
    perform(headroom, ranged, other, seed=5)
    assert np.ptp(yaw(headroom, ranged)[20:31]) < 1e-6 < np.ptp(yaw(headroom, ranged)[10:20])


def test_user_keys_win_over_an_edit(headroom, ranged):
    curve(headroom, ranged.face).keyframe_points[25].co[1] = 1.0
    headroom.bpy.ops.headroom.hold()
    assert yaw(headroom, ranged)[25] == pytest.approx(1.0)


def test_the_panel_lists_the_edits(headroom, ranged):
    from stand_ins import Row

    class Layout(Row):
        def panel(self, *_, **__):
            return self, self

    headroom.bpy.ops.headroom.emphasise()
    headroom.bpy.ops.headroom.hold()
    layout = Layout()
    headroom.module("ui.span_edits").draw_span_edits(layout, ranged)
    assert layout.texts.count(f"{START + 20} to {START + 30}") == 2 and layout.texts.count("Hold") == 1
