"""The control board: handles lie on the face, and dragging one keys the controls that it names."""

import numpy as np
import pytest
from curve_readers import START, control_values, controlled_head, keys
from stand_ins import tiny_subject

from addon.core.arkit import ARKIT_NAMES, other_side
from addon.core.board import HANDLES, Axis, moved_controls

FRAME = START + 20


def controlled_subject(tmp_path):
    """A subject whose controls have ARKit's names, one of which moves each vertex of its own."""
    folder = tiny_subject(tmp_path / "s", controls=True)
    rig = dict(np.load(folder / "rig.npz"))
    rig["control_names"] = np.array(ARKIT_NAMES)
    rig["control_groups"] = np.array([("Jaw" if "jaw" in name else "Eyes" if "eye" in name else "Brows"
                                       if "brow" in name else "Mouth") for name in ARKIT_NAMES])
    np.savez(folder / "rig.npz", **rig)
    return folder


@pytest.fixture
def board(headroom, tmp_path):
    """Its head with a performance."""
    shot = controlled_head(headroom, controlled_subject(tmp_path), tmp_path)
    headroom.scene.frame_set(FRAME)
    return shot


def test_every_control_of_a_handle_is_one_of_arkit_s():
    for handle in HANDLES.values():
        assert {*handle.across.names, *handle.up.names, handle.anchor} - {""} <= set(ARKIT_NAMES)


def test_an_axis_passes_from_one_control_to_the_opposite_one():
    axis = Axis(("a",), ("b", "c"))
    assert axis.moved({"a": 0.2, "b": 0.0, "c": 0.0}, -0.5) == pytest.approx({"a": 0.0, "b": 0.3, "c": 0.3})
    assert axis.moved({"a": 0.9}, 5.0) == pytest.approx({"a": 1.0, "b": 0.0, "c": 0.0})


def test_the_other_side_mirrors_a_handle_on_request():
    assert other_side("mouthSmileLeft") == "mouthSmileRight" and other_side("jawOpen") == "jawOpen"
    moved = moved_controls("Brow Left", {}, 0.0, 0.4, both_sides=True)
    assert moved["browOuterUpLeft"] == moved["browOuterUpRight"] == pytest.approx(0.4)
    assert "browOuterUpRight" not in moved_controls("Brow Left", {}, 0.0, 0.4, both_sides=False)


def test_right_in_the_picture_is_the_subject_s_left():
    assert moved_controls("Jaw", {}, 0.5, 0.0, False)["jawLeft"] == pytest.approx(0.5)
    gaze = moved_controls("Gaze", {}, 0.5, 0.0, False)
    assert gaze["eyeLookOutLeft"] == gaze["eyeLookInRight"] == pytest.approx(0.5)
    assert moved_controls("Corner Left", {}, 0.5, 0.0, False)["mouthStretchLeft"] == pytest.approx(0.5)
    assert moved_controls("Corner Right", {}, -0.5, 0.0, False)["mouthStretchRight"] == pytest.approx(0.5)


def test_dragging_keys_the_controls_of_the_handle_and_no_other(headroom, board):
    before, at_start = control_values(headroom, board, FRAME), control_values(headroom, board, START)
    headroom.bpy.ops.headroom.move_control_handle(handle="Jaw", up=-0.2)
    now = control_values(headroom, board, FRAME)
    assert now["jawOpen"] == pytest.approx(min(before["jawOpen"] + 0.2, 1.0))
    assert {name for name in now if abs(now[name] - before[name]) > 1e-6} == {"jawOpen"}
    assert control_values(headroom, board, START) == pytest.approx(at_start) and board.scene.frame_current == FRAME
    path = board.face.data.shape_keys.key_blocks["jawOpen"].path_from_id("value")
    at = dict(keys(headroom, board.face.data.shape_keys, path, 0).tolist())
    assert at[FRAME] == pytest.approx(now["jawOpen"])


def test_keys_have_the_type_of_auto_keying_and_generated_ones_blend_to_them(headroom, board):
    path = board.face.data.shape_keys.key_blocks["jawOpen"].path_from_id("value")
    before = dict(keys(headroom, board.face.data.shape_keys, path, 0).tolist())
    headroom.scene.tool_settings.keyframe_type = "EXTREME"
    headroom.bpy.ops.headroom.move_control_handle(handle="Jaw", up=0.3)
    after = dict(keys(headroom, board.face.data.shape_keys, path, 0).tolist())
    assert after[FRAME + 2] < before[FRAME + 2] - 0.05 and after[FRAME + 10] == pytest.approx(before[FRAME + 10])
    curves = headroom.module("scene.compat").curves_of(board.face.data.shape_keys)
    points = next(curve for curve in curves if curve.data_path == path).keyframe_points
    assert [point.type for point in points if point.co[0] == FRAME] == ["EXTREME"]


def test_the_head_is_turned_nodded_and_tilted(headroom, board):
    start = list(board.face.rotation_euler)
    headroom.bpy.ops.headroom.move_control_handle(handle="Head", across=10.0, up=5.0)
    headroom.bpy.ops.headroom.move_control_handle(handle="Head Roll", up=3.0)
    headroom.scene.frame_set(FRAME)
    change = np.degrees(np.array(board.face.rotation_euler) - start)
    assert change == pytest.approx([-5, 10, 3], abs=1e-3)


def test_handles_lie_on_the_face_on_their_side(headroom, board):
    module = headroom.module("scene.anim.board")
    found = module.anchors(board.face)
    assert list(found) == list(HANDLES)
    points = board.face.data.vertices
    for name, handle in HANDLES.items():
        if handle.side:
            assert points[found[name]].co.x * handle.side > 0
    places = module.positions(board, found)
    evaluated = board.face.evaluated_get(headroom.bpy.context.evaluated_depsgraph_get())
    assert (places["Jaw"] - evaluated.matrix_world @ evaluated.data.vertices[found["Jaw"]].co).length < 1e-6


def test_a_drag_that_is_given_up_leaves_the_keys_and_the_face(headroom, board):
    module, before = headroom.module("scene.anim.board"), control_values(headroom, board, FRAME)
    shown, turned = board.face.data.shape_keys.key_blocks["jawOpen"].value, list(board.face.rotation_euler)
    rest = module.rest_of(board)
    assert "jawOpen" in module.show_moved(board, rest, "Jaw", 0.0, -0.3, False)
    assert board.face.data.shape_keys.key_blocks["jawOpen"].value != pytest.approx(shown)
    assert "°" in module.show_moved(board, rest, "Head", 5.0, 0.0, False)
    module.show_unmoved(board, rest)
    assert board.face.data.shape_keys.key_blocks["jawOpen"].value == pytest.approx(before["jawOpen"])
    assert control_values(headroom, board, FRAME) == pytest.approx(before)
    assert list(board.face.rotation_euler) == pytest.approx(turned)


def test_a_head_without_a_take_moves_as_far_as_the_handle_and_back(headroom, tmp_path):
    shot = headroom.module("scene.build.shot").open_subject(headroom.scene, controlled_subject(tmp_path))
    module, blocks = headroom.module("scene.anim.board"), shot.face.data.shape_keys.key_blocks
    rest, turned = module.rest_of(shot), list(shot.face.rotation_euler)
    for part in (0.1, 0.2, 0.3):  # what the mouse reports during one drag
        module.show_moved(shot, rest, "Jaw", 0.0, -part, False)
        module.show_moved(shot, rest, "Head", 10 * part, 0.0, False)
    assert blocks["jawOpen"].value == pytest.approx(0.3)
    assert np.degrees(shot.face.rotation_euler.y - turned[1]) == pytest.approx(3, abs=1e-4)
    module.show_unmoved(shot, rest)
    assert blocks["jawOpen"].value == 0.0 and list(shot.face.rotation_euler) == pytest.approx(turned)
    assert module.key_moved(shot, rest, "Jaw", 0.0, -0.3, False) == 1 and blocks["jawOpen"].value == pytest.approx(0.3)


def test_a_handle_stays_under_the_mouse(headroom, board):
    module = headroom.module("scene.anim.board")
    vertex = module.anchors(board.face)["Jaw"]
    _, up = module.unit_vectors(board, "Jaw", vertex)
    key, basis = (board.face.data.shape_keys.key_blocks[name] for name in ("jawOpen", "Basis"))
    expected = board.face.matrix_world.to_3x3() @ (basis.data[vertex].co - key.data[vertex].co)
    assert (up - expected).length < 1e-7
