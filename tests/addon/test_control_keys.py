"""A head with controls: named shape keys, and beneath them the detail, which together are exactly the prediction."""

import numpy as np
import pytest
from curve_readers import keys, perform
from stand_ins import CONTROL_NAMES, tiny_performance, tiny_subject


@pytest.fixture
def shot(headroom, tmp_path):
    return headroom.module("scene.build.shot").open_subject(headroom.scene, tiny_subject(tmp_path / "s", controls=True))


@pytest.fixture
def rig(headroom, shot):
    return shot.subject.rig()


def load(headroom, path):
    return headroom.module("core.performance").Performance.load(path)


def shown_offsets(headroom, shot):
    """Offsets (V, 3) mm of the face's vertices from the neutral face, as Blender evaluates them."""
    shown = shot.face.evaluated_get(headroom.bpy.context.evaluated_depsgraph_get())
    points = np.empty(len(shown.data.vertices) * 3, dtype=np.float32)
    shown.data.vertices.foreach_get("co", points)
    return points.reshape(-1, 3) * 1000 - shot.subject.rig().neutral


def test_the_keys_are_the_controls_in_order_and_then_the_detail(shot):
    blocks = shot.face.data.shape_keys.key_blocks
    assert [key.name for key in blocks] == ["Basis", *CONTROL_NAMES, *(f"Detail {i:02d}" for i in range(1, 65))]
    assert {(key.slider_min, key.slider_max) for key in blocks[1:53]} == {(0.0, 1.0)}


def test_a_control_moves_the_face_as_the_rig_says(headroom, shot, rig):
    shot.face.data.shape_keys.key_blocks["jawOpen"].value = 0.5
    expected = np.tensordot(rig.controls[0] * 0.5, rig.expression, axes=1)
    assert shown_offsets(headroom, shot) == pytest.approx(expected, abs=2e-3)


def test_controls_and_detail_play_exactly_what_was_predicted(headroom, shot, rig, tmp_path):
    performance = load(headroom, tiny_performance(tmp_path / "p.npz", controls=True))
    frames = perform(headroom, shot, performance, start=1)
    for sample in (0, 7, 20):
        headroom.scene.frame_set(int(frames[sample]))
        expected = np.tensordot(performance.expression[sample], rig.expression, axes=1)
        assert shown_offsets(headroom, shot) == pytest.approx(expected, abs=1e-2)
    values = keys(headroom, shot.face.data.shape_keys, 'key_blocks["jawOpen"].value', 0)[:, 1]
    assert values == pytest.approx(performance.controls[:, 0], abs=1e-6)
    assert shot.root.headroom.takes[0].detail_share == pytest.approx(0.25)


def test_curves_of_controls_are_in_the_groups_of_the_face(headroom, shot, tmp_path):
    perform(headroom, shot, load(headroom, tiny_performance(tmp_path / "p.npz", controls=True)))
    curves = headroom.module("scene.compat").curves_of(shot.face.data.shape_keys)
    groups = {}
    for curve in curves:
        groups.setdefault(curve.group.name, []).append(curve.data_path)
    assert {name: len(paths) for name, paths in groups.items()} == {
        "Jaw": 1, "Mouth": 2, "Eyes": 1, "Brows": 1, "Nose": 47, "Detail": 64}


def test_a_performance_without_controls_plays_on_a_head_with_them(headroom, shot, rig, tmp_path):
    performance = load(headroom, tiny_performance(tmp_path / "p.npz"))
    frames = perform(headroom, shot, performance, start=1)
    headroom.scene.frame_set(int(frames[5]))
    expected = np.tensordot(performance.expression[5], rig.expression, axes=1)
    assert shown_offsets(headroom, shot) == pytest.approx(expected, abs=1e-2)


def test_a_performance_with_controls_plays_on_a_head_of_an_older_version(headroom, tmp_path):
    shot = headroom.module("scene.build.shot").open_subject(headroom.scene, tiny_subject(tmp_path / "old"))
    performance = load(headroom, tiny_performance(tmp_path / "p.npz", controls=True))
    frames = perform(headroom, shot, performance, start=1)
    headroom.scene.frame_set(int(frames[5]))
    expected = np.tensordot(performance.expression[5], shot.subject.rig().expression, axes=1)
    assert shown_offsets(headroom, shot) == pytest.approx(expected, abs=1e-2)


def test_a_deleted_control_leaves_the_other_channels_as_they_are(headroom, shot, tmp_path):
    shot.face.shape_key_remove(shot.face.data.shape_keys.key_blocks["mouthSmileLeft"])
    performance = load(headroom, tiny_performance(tmp_path / "p.npz", controls=True))
    perform(headroom, shot, performance)
    values = keys(headroom, shot.face.data.shape_keys, 'key_blocks["eyeBlinkLeft"].value', 0)[:, 1]
    assert values == pytest.approx(performance.controls[:, 3], abs=1e-6)


@pytest.mark.parametrize("controls", [np.zeros((3, 52)), np.zeros((25, 51))])
def test_controls_that_do_not_fit_are_refused(headroom, tmp_path, controls):
    path = tiny_performance(tmp_path / "p.npz")
    np.savez(path, **{**np.load(path), "controls": controls, "detail_share": 0.0})
    with pytest.raises(headroom.module("core.errors").InputError, match="not a performance"):
        load(headroom, path)
