"""The graph editor starts with the head's rotation, and buttons show one group of channels."""

import pytest
from curve_readers import keys, perform, perform_speech
from stand_ins import write_speech


def shown(headroom, shot):
    """The groups of the curves that are not hidden, and the number of these curves."""
    curves = [each for owner in (shot.face, shot.face.data.shape_keys)
              for each in headroom.module("scene.compat").curves_of(owner) if not each.hide]
    return {curve.group.name for curve in curves}, len(curves)


@pytest.fixture
def first_take(headroom, shot, performance, tmp_path):
    perform_speech(headroom, shot, performance, write_speech(tmp_path / "a.wav", 2.0))
    return shot


def test_the_first_performance_shows_the_three_rotations(headroom, first_take):
    assert shown(headroom, first_take) == ({"Head Rotation"}, 3)


def test_a_button_shows_one_group_and_another_all(headroom, first_take):
    groups = headroom.module("scene.anim.shown_channels").channel_groups(first_take)
    assert groups[:2] == ["Head Rotation", "Head Position"]
    for group in groups:
        headroom.bpy.ops.headroom.show_channels(group=group)
        assert shown(headroom, first_take)[0] == {group}
    assert headroom.bpy.context.view_layer.objects.active == first_take.face and first_take.face.select_get()
    headroom.bpy.ops.headroom.show_channels(group="")
    count = len(headroom.module("scene.anim.channels").channels_of(first_take))
    assert shown(headroom, first_take) == (set(groups), count)


def test_what_is_shown_stays_with_other_takes_and_dials_and_hidden_curves_play(headroom, first_take, other):
    headroom.bpy.ops.headroom.show_channels(group="Mouth")
    perform(headroom, first_take, other, seed=7)
    first_take.root.headroom.head.gain = 0.5
    assert shown(headroom, first_take)[0] == {"Mouth"}
    headroom.scene.frame_set(30)
    assert first_take.face.rotation_euler[1] == pytest.approx(keys(headroom, first_take.face)[30 - 11, 1], abs=1e-6)
