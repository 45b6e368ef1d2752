"""Timeline markers of phones: at the right frames, and only the add-on's own are removed."""

from dataclasses import replace

import numpy as np
import pytest
from curve_readers import START, perform, perform_speech
from stand_ins import tiny_performance, tiny_subject, write_speech


def markers(scene):
    """(frame, name) of all markers, by frame."""
    return sorted((marker.frame, marker.name) for marker in scene.timeline_markers)


def expected(seconds, start=START, fps=25.0):
    """What the phones of `tiny_performance` become."""
    names = ("SIL", "AE", "B", "S")
    return [(round(start + number / 10 * fps), names[number % 4]) for number in range(round(seconds * 10))
            if number % 4]


def test_phones_are_marked_where_they_begin_and_silence_is_not(headroom, performed):
    assert headroom.bpy.ops.headroom.add_phone_markers() == {"FINISHED"}
    assert markers(headroom.scene) == expected(2.0)
    assert not any(marker.select for marker in headroom.scene.timeline_markers)


@pytest.mark.parametrize("fps", [24, 30, 60])
def test_markers_follow_the_scene_s_rate(headroom, performed, fps):
    headroom.scene.render.fps = fps
    headroom.bpy.ops.headroom.add_phone_markers()
    assert markers(headroom.scene) == expected(2.0, fps=fps)


def test_adding_again_replaces_the_markers_after_another_take(headroom, performed, other):
    headroom.bpy.ops.headroom.add_phone_markers()
    phones = tuple(phone._replace(symbol="M") for phone in other.phones)
    perform(headroom, performed, replace(other, phones=phones), start=START + 5)
    headroom.bpy.ops.headroom.add_phone_markers()
    assert markers(headroom.scene) == [(round(START + 5 + number * 2.5), "M") for number in range(20)]
    performed.root.headroom.active_take = 0
    headroom.bpy.ops.headroom.add_phone_markers()
    assert markers(headroom.scene) == expected(2.0, start=START + 5)


def test_only_the_add_on_s_markers_are_removed(headroom, performed):
    scene = headroom.scene
    scene.timeline_markers.new("AE", frame=expected(2.0)[0][0])  # as the add-on's, by an artist
    scene.timeline_markers.new("cut", frame=30)
    before = markers(scene)
    headroom.bpy.ops.headroom.add_phone_markers()
    moved = next(marker for marker in scene.timeline_markers if marker.name == "S")
    moved.name, moved.frame = "hiss", 99
    assert len(scene.timeline_markers) == 2 + len(expected(2.0))
    assert headroom.bpy.ops.headroom.remove_phone_markers() == {"FINISHED"}
    assert markers(scene) == sorted([*before, (99, "hiss")])  # the artist's now
    with pytest.raises(RuntimeError, match="No phone markers"):
        headroom.bpy.ops.headroom.remove_phone_markers()


def test_two_heads_keep_their_own_markers(headroom, performed, performance, tmp_path):
    bpy, scene = headroom.bpy, headroom.scene
    second = headroom.module("scene.build.shot").open_subject(scene, tiny_subject(tmp_path / "second"))
    perform(headroom, second, performance, start=200)
    for shot in (performed, second):
        bpy.context.view_layer.objects.active = shot.face
        bpy.ops.headroom.add_phone_markers()
    assert markers(scene) == expected(2.0) + expected(2.0, start=200)
    bpy.context.view_layer.objects.active = performed.face
    performed.root.name = "Renamed"
    bpy.ops.headroom.remove_phone_markers()
    assert markers(scene) == expected(2.0, start=200)


def test_markers_are_undone(headroom, performed):
    bpy = headroom.bpy
    bpy.ops.ed.undo_push(message="performed")
    bpy.ops.headroom.add_phone_markers("EXEC_DEFAULT", True)  # pushes an undo step, as a click does
    bpy.ops.headroom.remove_phone_markers("EXEC_DEFAULT", True)
    assert markers(bpy.context.scene) == []
    bpy.ops.ed.undo()
    assert markers(bpy.context.scene) == expected(2.0)
    bpy.ops.ed.undo()
    assert markers(bpy.context.scene) == []


def test_the_trimmed_part_of_a_speech_gets_no_markers(headroom, shot, performance, tmp_path):
    if not headroom.module("scene.compat").plays_sound():
        pytest.skip("This Blender has no sound.")
    perform_speech(headroom, shot, performance, write_speech(tmp_path / "speech.wav", 2.0))
    strip = headroom.module("scene.anim.strips").speech_strip(shot)
    strip.frame_final_start = START + 20
    headroom.bpy.ops.headroom.add_phone_markers()
    assert markers(headroom.scene) == [each for each in expected(2.0) if each[0] >= START + 20]


def test_the_phones_of_a_take_survive_saving(headroom, performed, tmp_path):
    bpy = headroom.bpy
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.headroom.add_phone_markers()
    assert markers(bpy.context.scene) == expected(2.0)


def test_a_take_without_phones_says_what_to_do(headroom, performed, other):
    with pytest.raises(RuntimeError, match="No phone markers"):
        headroom.bpy.ops.headroom.remove_phone_markers()
    perform(headroom, performed, replace(other, phones=()))
    with pytest.raises(RuntimeError, match=r"The active take has no phones\. Perform its"):
        headroom.bpy.ops.headroom.add_phone_markers()


def test_a_speech_of_silence_adds_no_markers(headroom, performed, other):
    silent = tuple(phone._replace(symbol="SIL") for phone in other.phones)
    perform(headroom, performed, replace(other, phones=silent))
    operator = headroom.module("ui.takes").HEADROOM_OT_add_phone_markers
    assert operator.run(None, headroom.bpy.context) == "No phones in the played part of the speech"
    assert markers(headroom.scene) == []


def test_phones_at_one_frame_share_a_marker(headroom):
    phones = headroom.module("core.phones")
    spoken = [phones.Phone(*each) for each in (("K", 0.0, 0.03, 0.5), ("W", 0.03, 0.06, 0.5), ("AY", 0.06, 0.2, 0.5))]
    assert phones.phone_labels(spoken, 1, 12.0) == [(1, "K W"), (2, "AY")]


def test_a_performance_of_an_older_version_has_no_phones(headroom, tmp_path):
    load = headroom.module("core.performance").Performance.load
    path = tiny_performance(tmp_path / "p.npz", 1.0)
    assert [phone.symbol for phone in load(path).phones][:4] == ["SIL", "AE", "B", "S"]
    with np.load(path) as data:
        arrays = dict(data)
    np.savez(tmp_path / "old.npz", **{name: value for name, value in arrays.items() if "phone" not in name})
    assert load(tmp_path / "old.npz").phones == ()
    np.savez(tmp_path / "bad.npz", **{**arrays, "phone_starts": np.zeros(2)})
    with pytest.raises(headroom.module("core.errors").InputError, match="not a performance"):
        load(tmp_path / "bad.npz")
