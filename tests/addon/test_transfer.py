"""Transfer Performance: characters with the keys of six standards play a take, head and all."""

from dataclasses import replace
from math import radians
from pathlib import Path

import numpy as np
import pytest
from curve_readers import perform
from stand_ins import CONTROL_NAMES, tiny_performance, tiny_subject

MOUTHS = {
    "ARKit": ["jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight", "mouthSmileLeft",
              "mouthSmileRight", "eyeBlinkLeft", "browInnerUp"],
    "VRM 1": ["aa", "ih", "ou", "ee", "oh", "blinkLeft", "happy"],
    "VRM 0": ["A", "I", "U", "E", "O", "blink_l"],
    "Oculus": [f"viseme_{name}" for name in ("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E",
                                             "I", "O", "U")],
    "Rhubarb": list("ABCDEFGHX"),
    "MPFB2": ["aa_02", "aa_ah_ax_01", "ao_03", "aw_09", "ay_11", "d_t_n_19", "er_05", "ey_eh_uh_04", "f_v_18", "h_12",
              "k_g_ng_20", "l_14", "ow_08", "oy_10", "p_b_m_21", "r_13", "sh_ch_jh_zh_16", "sil_00", "s_z_15",
              "th_dh_17", "w_uw_07", "y_iy_ih_ix_06"],
}
SPEAKING = {"ARKit": "jawOpen", "VRM 1": "aa", "VRM 0": "A", "Oculus": "viseme_aa", "Rhubarb": "D", "MPFB2": "aa_02"}
"""The shape of each that an open vowel needs."""
CLOSED = {"Oculus": "viseme_PP", "Rhubarb": "A", "MPFB2": "p_b_m_21"}


@pytest.fixture
def speaking(headroom, tmp_path):
    """A head that says "ma" in the second second while it turns to its left and the jaw opens."""
    shot = headroom.module("scene.build.shot").open_subject(
        headroom.scene, tiny_subject(tmp_path / "speaking", controls=True))
    controls = np.zeros((50, 52), np.float32)
    controls[32:45, CONTROL_NAMES.index("jawOpen")] = 0.8
    controls[:, CONTROL_NAMES.index("eyeBlinkLeft")] = np.linspace(0, 1, 50)
    rotation = np.zeros((50, 3), np.float32)
    rotation[40:, 1] = 0.3
    phone = headroom.module("core.phones").Phone
    take = headroom.module("core.performance").Performance(
        25.0, np.zeros((50, 64), np.float32), rotation, np.tile(np.float32([10, 5, -700]), (50, 1)),
        (phone("SIL", 0.0, 1.0, 1.0), phone("M", 1.0, 1.2, 1.0), phone("AA", 1.2, 1.9, 1.0),
         phone("SIL", 1.9, 2.0, 1.0)), controls, 0.0)
    perform(headroom, shot, take, start=1)
    return shot


def make_character(bpy, names, head="head"):
    """A mesh with shape keys, on an armature with a head bone that points up and one that is tilted."""
    mesh = bpy.data.meshes.new("Character")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 0, 1)], [], [(0, 1, 2)])
    body = bpy.data.objects.new("Character", mesh)
    armature = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    for each in (body, armature):
        bpy.context.scene.collection.objects.link(each)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    for name, tail in (("neck", (0, 0, 1)), (head, (0, -0.2, 1))):
        bone = armature.data.edit_bones.new(name)
        bone.head, bone.tail, bone.roll = (0, 0, 0), tail, 0.3
    bpy.ops.object.mode_set(mode="OBJECT")
    body.modifiers.new("Armature", "ARMATURE").object = armature
    for name in ("Basis", *names):
        body.shape_key_add(name=name)
    select(bpy, body)
    return body, armature


def select(bpy, *objects):
    for each in bpy.context.selected_objects:
        each.select_set(False)
    for each in objects:
        each.select_set(True)
    bpy.context.view_layer.objects.active = objects[0]


def values(headroom, body, seconds):
    """The values of the shape keys at a time of the speech."""
    headroom.scene.frame_set(1 + round(seconds * 25))
    evaluated = body.evaluated_get(headroom.bpy.context.evaluated_depsgraph_get())
    return {key.name: key.value for key in evaluated.data.shape_keys.key_blocks[1:]}


@pytest.mark.parametrize("standard", MOUTHS)
def test_characters_of_six_standards_speak_and_turn_their_heads(headroom, speaking, standard):
    bpy = headroom.bpy
    body, armature = make_character(bpy, MOUTHS[standard])
    assert bpy.ops.headroom.transfer_performance() == {"FINISHED"}
    open_mouth, still = values(headroom, body, 1.6), values(headroom, body, 0.4)
    assert open_mouth[SPEAKING[standard]] > 0.7 and still[SPEAKING[standard]] < 0.05
    if standard in CLOSED:
        assert values(headroom, body, 1.1)[CLOSED[standard]] > 0.9
    if standard in ("ARKit", "VRM 1", "VRM 0"):
        blink = {"ARKit": "eyeBlinkLeft", "VRM 1": "blinkLeft", "VRM 0": "blink_l"}[standard]
        assert open_mouth[blink] == pytest.approx(40 / 49, abs=0.02)
    assert body.headroom_transfer.bone == "head" and body.headroom_transfer.head == armature
    headroom.scene.frame_set(1)
    before = looks_at(armature)
    headroom.scene.frame_set(50)
    after = looks_at(armature)
    assert before == pytest.approx([0, -1, 0], abs=1e-3)
    assert after == pytest.approx([np.sin(0.3), -np.cos(0.3), 0], abs=5e-3)  # to its own left, which is +x


def looks_at(armature, name="head"):
    """Where the character looks: the direction that was -y at rest, turned with the bone."""
    bone = armature.pose.bones[name]
    turn = bone.matrix.to_3x3() @ bone.bone.matrix_local.to_3x3().inverted()
    return list(turn.col[1] * -1)


def test_few_keys_hold_the_curves(headroom, speaking):
    body, _ = make_character(headroom.bpy, MOUTHS["ARKit"])
    headroom.bpy.ops.headroom.transfer_performance()
    curves = {curve.data_path: curve for curve in headroom.module("scene.compat").curves_of(body.data.shape_keys)}
    assert len(curves['key_blocks["eyeBlinkLeft"].value'].keyframe_points) <= 4
    source = headroom.module("scene.anim.transfer").read_take(speaking)
    for name in ("jawOpen", "eyeBlinkLeft"):
        curve = curves[f'key_blocks["{name}"].value']
        for frame, value in zip(source.frames, source.controls[name]):
            assert curve.evaluate(frame) == pytest.approx(value, abs=0.0101)


def test_edits_of_the_head_follow_when_the_button_is_pressed_again(headroom, speaking):
    bpy = headroom.bpy
    body, _ = make_character(bpy, MOUTHS["ARKit"])
    bpy.ops.headroom.transfer_performance()
    key = speaking.face.data.shape_keys.key_blocks["browInnerUp"]
    key.value = 0.6
    key.keyframe_insert("value", frame=20)
    bpy.ops.headroom.transfer_performance()
    assert values(headroom, body, 19 / 25)["browInnerUp"] == pytest.approx(0.6, abs=0.02)
    assert len(bpy.data.actions) == 6  # two of the take, two that are played, two of the character
    assert not body.data.shape_keys.animation_data.nla_tracks


def test_gain_offset_and_source_of_the_table_are_used_and_kept(headroom, speaking):
    bpy = headroom.bpy
    body, _ = make_character(bpy, MOUTHS["ARKit"])
    bpy.ops.headroom.find_shapes()
    rows = body.headroom_transfer.rows
    rows["jawOpen"].gain, rows["jawOpen"].offset = 0.5, 0.1
    rows["mouthLeft"].source, rows["mouthFunnel"].source = "jawOpen", ""
    bpy.ops.headroom.transfer_performance()
    shown = values(headroom, body, 1.6)
    assert shown["jawOpen"] == pytest.approx(0.5, abs=0.02) and shown["mouthLeft"] == pytest.approx(0.8, abs=0.02)
    assert not any("mouthFunnel" in curve.data_path for curve in
                   headroom.module("scene.compat").curves_of(body.data.shape_keys))
    bpy.ops.headroom.find_shapes()
    assert (rows["jawOpen"].gain, rows["mouthLeft"].source) == (0.5, "mouthLeft + 0.5 jawLeft")


def test_an_armature_with_custom_properties_plays_the_take(headroom, speaking):
    bpy = headroom.bpy
    _, armature = make_character(bpy, [], head="mixamorig:Head")
    for name in ("jawOpen", "eyeBlink_L", "speed"):
        armature[name] = 0.0
    select(bpy, armature)
    bpy.ops.headroom.transfer_performance()
    headroom.scene.frame_set(41)
    assert armature["jawOpen"] == pytest.approx(0.8, abs=0.02) and armature["speed"] == 0
    assert armature["eyeBlink_L"] == pytest.approx(40 / 49, abs=0.02)
    assert armature.headroom_transfer.bone == "mixamorig:Head"
    assert looks_at(armature, "mixamorig:Head") == pytest.approx([np.sin(0.3), -np.cos(0.3), 0], abs=5e-3)


@pytest.mark.parametrize(("forward", "mode", "expected"), [
    ("-Y", "XYZ", (1, 0)), ("Y", "ZYX", (-1, 0)), ("X", "QUATERNION", (0, 1)), ("-X", "AXIS_ANGLE", (0, -1))])
def test_an_object_turns_about_its_own_pose_with_the_axis_that_it_faces(headroom, speaking, forward, mode, expected):
    """A head that looks along `forward` turns to its own left by 0.3 radians."""
    bpy = headroom.bpy
    body, _ = make_character(bpy, MOUTHS["ARKit"])
    ball = bpy.data.objects.new("Ball", None)
    headroom.scene.collection.objects.link(ball)
    ball.rotation_euler[2] = radians(20)
    ball.rotation_mode = mode
    bpy.ops.headroom.find_shapes()
    settings = body.headroom_transfer
    settings.head, settings.bone, settings.forward, settings.head_gain = ball, "", forward, 0.5
    bpy.ops.headroom.transfer_performance()
    front = {"-Y": (0, -1, 0), "Y": (0, 1, 0), "X": (1, 0, 0), "-X": (-1, 0, 0)}[forward]
    headroom.scene.frame_set(1)
    before = ball.matrix_world.to_3x3()
    headroom.scene.frame_set(50)
    turn = ball.matrix_world.to_3x3() @ before.inverted()
    looks = np.array(turn) @ front
    assert [looks[:2] @ expected, looks[2]] == pytest.approx([np.sin(0.15), 0], abs=5e-3)


def test_a_characters_own_animation_is_kept(headroom, speaking):
    bpy = headroom.bpy
    body, armature = make_character(bpy, [*MOUTHS["ARKit"], "Wrinkle"])
    blocks = body.data.shape_keys.key_blocks
    for name in ("jawOpen", "Wrinkle"):
        blocks[name].value = 0.25
        blocks[name].keyframe_insert("value", frame=5)
    armature.pose.bones["neck"].keyframe_insert("location", frame=5)
    for _ in range(2):
        bpy.ops.headroom.transfer_performance()
    curves_of = headroom.module("scene.compat").curves_of
    assert 'key_blocks["Wrinkle"].value' in [curve.data_path for curve in curves_of(body.data.shape_keys)]
    (track,) = body.data.shape_keys.animation_data.nla_tracks  # the jaw's own key is there
    assert track.mute and track.strips[0].action != body.data.shape_keys.animation_data.action
    assert any("neck" in curve.data_path for curve in curves_of(armature))
    assert not armature.animation_data.nla_tracks


def test_shapes_that_a_driver_moves_are_left_out(headroom, speaking):
    body, _ = make_character(headroom.bpy, MOUTHS["ARKit"])
    body.data.shape_keys.key_blocks["jawOpen"].driver_add("value")
    headroom.bpy.ops.headroom.find_shapes()
    assert "jawOpen" not in body.headroom_transfer.rows
    assert body.headroom_transfer.rows["mouthLeft"].source


def test_a_file_is_transferred_without_a_head(headroom, tmp_path):
    """As `headroom perform --neutral` writes one: the jaw opens, the head turns to the left at the end."""
    bpy = headroom.bpy
    headroom.scene.render.fps, headroom.scene.frame_start = 50, 11
    rows = [f"00:00:0{frame // 25}:{frame % 25:02d},{frame / 50},{-0.3 * (frame >= 40)}" for frame in range(50)]
    (tmp_path / "take.csv").write_text("\n".join(["Timecode,JawOpen,HeadYaw", *rows]))
    body, armature = make_character(bpy, MOUTHS["ARKit"])
    assert bpy.ops.headroom.transfer_file(filepath=str(tmp_path / "take.csv")) == {"FINISHED"}
    headroom.scene.frame_set(11 + 50)
    assert body.data.shape_keys.key_blocks["jawOpen"].value == pytest.approx(0.5, abs=0.02)
    headroom.scene.frame_set(11 + 99)
    assert looks_at(armature) == pytest.approx([np.sin(0.3), -np.cos(0.3), 0], abs=5e-3)
    assert bpy.ops.headroom.transfer_file(filepath=str(tmp_path / "take.csv"), mirror=True) == {"FINISHED"}
    assert looks_at(armature) == pytest.approx([-np.sin(0.3), -np.cos(0.3), 0], abs=5e-3)
    tiny_performance(tmp_path / "older.npz")
    with pytest.raises(RuntimeError, match=r"older\.npz has no controls for a character"):
        bpy.ops.headroom.transfer_file(filepath=str(tmp_path / "older.npz"))
    tiny_performance(tmp_path / "take.npz", controls=True)
    assert bpy.ops.headroom.transfer_file(filepath=str(tmp_path / "take.npz")) == {"FINISHED"}


def test_several_meshes_of_a_character_are_transferred_at_once(headroom, speaking):
    bpy = headroom.bpy
    body, _ = make_character(bpy, MOUTHS["ARKit"])
    teeth, _ = make_character(bpy, ["jawOpen"])
    select(bpy, teeth, body)
    bpy.ops.headroom.transfer_performance()
    assert values(headroom, teeth, 1.6)["jawOpen"] == pytest.approx(values(headroom, body, 1.6)["jawOpen"])


def test_what_is_missing_is_said(headroom, speaking, performance):
    bpy = headroom.bpy
    operator = headroom.module("ui.transfer").HEADROOM_OT_transfer_performance
    select(bpy, speaking.face)
    assert operator.disabled_reason(bpy.context) == "Select a character with shape keys or custom properties"
    body, _ = make_character(bpy, ["Key 1"])
    with pytest.raises(RuntimeError, match="has no shape that plays anything"):
        bpy.ops.headroom.transfer_performance()
    row = body.headroom_transfer.rows["Key 1"]
    row.source = "jaw"
    with pytest.raises(RuntimeError, match="is no sum of shapes"):
        bpy.ops.headroom.transfer_performance()
    row.source = "jawOpen"
    body.headroom_transfer.head, body.headroom_transfer.bone = body.find_armature(), "gone"
    with pytest.raises(RuntimeError, match="has no bone gone"):
        bpy.ops.headroom.transfer_performance()
    older = headroom.module("scene.build.shot").open_subject(
        headroom.scene, tiny_subject(Path(bpy.app.tempdir) / "older subject"))
    perform(headroom, older, replace(performance, controls=None))
    with pytest.raises(headroom.module("core.errors").InputError, match="has no controls to write"):
        headroom.module("scene.anim.transfer").read_take(older)


def linked(headroom, speaking):
    """A character that follows the head, and the function that lets the timer do its work."""
    body, _ = make_character(headroom.bpy, MOUTHS["ARKit"])
    follow, settings = headroom.module("ui.follow"), body.headroom_transfer
    settings.live = True
    headroom.bpy.ops.headroom.transfer_performance()

    def settle():
        follow.request_scan()
        follow._scan_time = 1.0
        for _ in range(500):
            if follow.update() is None:
                return
        raise AssertionError("the timer never comes to rest")

    settle()
    return body, settle


def test_a_linked_character_follows_edits_of_the_head_and_of_its_table(headroom, speaking):
    body, settle = linked(headroom, speaking)
    before = values(headroom, body, 1.5)["jawOpen"]
    speaking.root.headroom.mouth.gain = 0.5
    settle()
    after = values(headroom, body, 1.5)["jawOpen"]
    assert after == pytest.approx(before * 0.5, abs=0.03)
    body.headroom_transfer.rows["jawOpen"].gain = 2.0
    settle()
    assert values(headroom, body, 1.5)["jawOpen"] == pytest.approx(min(after * 2, 1), abs=0.03)
    speaking.face.animation_data.action.name = "renamed"
    speaking.root["headroom_start_frame"] = 26
    settle()
    assert values(headroom, body, 2.5)["jawOpen"] == pytest.approx(min(after * 2, 1), abs=0.03)


def test_a_character_without_the_link_keeps_its_keys(headroom, speaking):
    body, settle = linked(headroom, speaking)
    body.headroom_transfer.live = False
    before = values(headroom, body, 1.5)["jawOpen"]
    speaking.root.headroom.mouth.gain = 0.5
    settle()
    assert values(headroom, body, 1.5)["jawOpen"] == pytest.approx(before)


def test_a_linked_character_may_be_deleted(headroom, speaking):
    body, settle = linked(headroom, speaking)
    take = headroom.module("scene.anim.transfer").read_take(speaking)
    steps = headroom.module("scene.anim.transfer").transfer_in_steps(take, body)
    next(steps)
    headroom.bpy.data.objects.remove(body)
    with pytest.raises(Exception, match=r"Character was removed while it was written\. Transfer again\."):
        for _ in steps:
            pass
    settle()
