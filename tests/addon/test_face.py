"""The head in Blender is the rig's linear model, and its cameras project like the rig's."""

import numpy as np
import pytest
from stand_ins import CHANNELS, tiny_subject

MM = 0.001


@pytest.fixture
def rig(headroom, subject):
    return headroom.module("core.rig").Rig.load(subject / "rig.npz")


def evaluated_vertices(bpy, face) -> np.ndarray:
    """World positions (V, 3) of the face as Blender evaluates it."""
    graph = bpy.context.evaluated_depsgraph_get()
    graph.update()
    shown = face.evaluated_get(graph)
    mesh = shown.to_mesh()
    points = np.empty(len(mesh.vertices) * 3, dtype=np.float32)
    mesh.vertices.foreach_get("co", points)
    points = points.reshape(-1, 3)
    world = np.array(shown.matrix_world)
    return points @ world[:3, :3].T + world[:3, 3]


def rotation_matrix(pitch, yaw, roll) -> np.ndarray:
    """Rz(roll) Ry(yaw) Rx(pitch), written out."""
    c, s = np.cos, np.sin
    rx = np.array([[1, 0, 0], [0, c(pitch), -s(pitch)], [0, s(pitch), c(pitch)]])
    ry = np.array([[c(yaw), 0, s(yaw)], [0, 1, 0], [-s(yaw), 0, c(yaw)]])
    rz = np.array([[c(roll), -s(roll), 0], [s(roll), c(roll), 0], [0, 0, 1]])
    return rz @ ry @ rx


def test_shape_keys_have_the_rigs_names_and_order(shot, rig):
    keys = shot.face.data.shape_keys.key_blocks
    assert [key.name for key in keys] == ["Basis", *rig.names]


def test_shape_key_values_mix_like_the_linear_model(headroom, shot, rig):
    coefficients = np.random.default_rng(0).normal(0, rig.expression_std)
    for key, value in zip(list(shot.face.data.shape_keys.key_blocks)[1:], coefficients / rig.key_units):
        key.value = value
    expected = rig.neutral + np.einsum("e,evc->vc", coefficients, rig.expression)
    shot.face.parent = None
    shot.face.location = shot.face.rotation_euler = (0, 0, 0)
    assert evaluated_vertices(headroom.bpy, shot.face) / MM == pytest.approx(expected, abs=2e-3)


def test_a_channel_with_a_large_range_gets_a_longer_shape_key(headroom, rig, subject):
    values = dict(np.load(subject / "rig.npz"))
    values["expression_std"] = np.full(CHANNELS, 20.0)
    np.savez(subject / "rig.npz", **values)
    shot = headroom.module("scene.build.shot").open_subject(headroom.scene, subject)
    key = shot.face.data.shape_keys.key_blocks[1]
    key.value = 60 / 12
    assert key.value == pytest.approx(5.0) and shot.root["headroom_key_units"][0] == pytest.approx(12.0)


@pytest.mark.parametrize("crop", [(210, 40, 240), (-30, 150, 300), (400, -20, 260)])
def test_projected_vertices_match_the_formula_of_the_camera(headroom, rig, subject, crop):
    from bpy_extras.object_utils import world_to_camera_view
    from mathutils import Vector

    values = dict(np.load(subject / "rig.npz"))
    values["crop"] = np.array(crop)
    np.savez(subject / "rig.npz", **values)
    shot = headroom.module("scene.build.shot").open_subject(headroom.scene, subject)
    rng = np.random.default_rng(1)
    x, y, size = crop
    for _ in range(3):
        rotation = rng.uniform(-0.6, 0.6, 3)
        translation = rng.uniform((-150, -80, -900), (150, 80, -500))
        shot.face.rotation_euler = rotation
        shot.face.location = translation * MM
        points = rig.neutral @ rotation_matrix(*rotation).T + translation
        u = rig.width / 2 + rig.focal_px * points[:, 0] / -points[:, 2]
        v = rig.height / 2 - rig.focal_px * points[:, 1] / -points[:, 2]
        world = [Vector(point) for point in evaluated_vertices(headroom.bpy, shot.face)]
        scene = headroom.scene
        full = np.array([world_to_camera_view(scene, shot.camera, point) for point in world])
        assert full[:, 0] * rig.width == pytest.approx(u, abs=0.01)
        assert (1 - full[:, 1]) * rig.height == pytest.approx(v, abs=0.01)
        scene.render.resolution_x = scene.render.resolution_y = rig.resolution
        cropped = np.array([world_to_camera_view(scene, shot.crop_camera, point) for point in world])
        scene.render.resolution_x, scene.render.resolution_y = rig.width, rig.height
        assert cropped[:, 0] * size + x == pytest.approx(u, abs=0.01)
        assert (1 - cropped[:, 1]) * size + y == pytest.approx(v, abs=0.01)


def test_only_the_first_subject_sets_rate_and_size_of_the_scene(headroom, tmp_path):
    open_subject = headroom.module("scene.build.shot").open_subject
    open_subject(headroom.scene, tiny_subject(tmp_path / "one", fps=30 / 1.001))
    render = headroom.scene.render
    assert (render.fps, round(render.fps_base, 3)) == (30, 1.001)
    assert (render.resolution_x, render.resolution_y) == (640, 360)
    open_subject(headroom.scene, tiny_subject(tmp_path / "two", fps=25))
    assert render.fps == 30
    assert len(headroom.module("scene.build.shot").shots_in(headroom.scene)) == 2


def test_a_folder_that_is_no_subject_is_refused_and_nothing_is_built(headroom, tmp_path):
    with pytest.raises(headroom.module("core.errors").InputError, match=r"not a subject folder.*Choose"):
        headroom.module("scene.build.shot").open_subject(headroom.scene, tmp_path)
    assert not headroom.bpy.data.objects
