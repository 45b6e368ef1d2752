"""The mesh of a frame has the vertices that the render shows, in camera axes."""

import numpy as np
import pytest
from stand_ins import tiny_subject

ROTATION, TRANSLATION = np.array([0.2, -0.4, 0.1]), np.array([30.0, -12.0, -640.0])


@pytest.fixture
def evaluate(headroom, tmp_path):
    """Return what is stored of one frame of a shot in that pose."""
    rendering, digest = (headroom.module(f"scene.output.{name}") for name in ("rendering", "render_digest"))
    cache = headroom.module("core.frame_cache").FrameCache([tmp_path / "frames"])
    frames = [rendering.PosedFrame(1, ROTATION, TRANSLATION)]
    return lambda shot: rendering.evaluate_frames(shot, digest.render_digest(shot), frames, cache, 1.0)[0]


@pytest.fixture
def mesh_of(evaluate):
    """Return the vertices (V, 3) of a shot in that pose."""
    return lambda shot: np.load(evaluate(shot).render.mesh)


def rotation_matrix(angles):
    """Rz(roll) Ry(yaw) Rx(pitch)."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    return (np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]]) @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
            @ np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]]))


def test_the_mesh_is_the_posed_face_in_millimetres_wherever_the_shot_stands(headroom, tmp_path, mesh_of):
    subject = tiny_subject(tmp_path / "s", controls=True)
    rig = headroom.module("core.rig").Rig.load(subject / "rig.npz")
    shot = headroom.module("scene.build.shot").open_subject(headroom.scene, subject)
    keys = shot.face.data.shape_keys.key_blocks
    keys["jawOpen"].value, keys["Detail 03"].value = 0.8, -1.5
    shot.root.rotation_euler, shot.root.location, shot.root.scale = (0.3, -0.4, 1.0), (1, -2, 3), (2, 2, 2)
    shot.face.hide_viewport = shot.face.hide_render = True
    expression = 0.8 * rig.controls[0]
    expression[2] -= 1.5 * rig.key_units[2]
    face = rig.neutral + np.tensordot(expression, rig.expression, axes=1)
    vertices = mesh_of(shot)
    assert vertices.dtype == np.float32
    assert np.abs(vertices - (face @ rotation_matrix(ROTATION).T + TRANSLATION)).max() < 0.01


@pytest.mark.parametrize(("viewport", "render"), [(False, True), (True, False)])
def test_modifiers_count_as_in_the_render_not_as_in_the_viewport(shot, mesh_of, viewport, render):
    plain = mesh_of(shot)
    twist = shot.face.modifiers.new("Twist", "SIMPLE_DEFORM")
    twist.show_viewport, twist.show_render = viewport, render
    assert (np.abs(mesh_of(shot) - plain).max() > 1) == render


def test_a_modifier_that_changes_the_number_of_vertices_leaves_the_render_without_a_mesh(shot, evaluate):
    assert evaluate(shot).render.mesh is not None
    shot.face.modifiers.new("Fine", "SUBSURF").levels = 0
    assert evaluate(shot).render.mesh is None
    assert evaluate(shot).render.mesh is None, "the second one comes from the cache"


def test_a_mesh_is_written_once_and_is_found_with_the_picture_of_the_same_frame(headroom, shot, evaluate, tmp_path):
    first, again = evaluate(shot), evaluate(shot)
    assert first.is_new and not again.is_new and first.render == again.render and first.render.picture is None
    picture = first.render.mesh.with_suffix(".png")
    picture.write_bytes(b"rendered")
    assert evaluate(shot).render == headroom.module("core.frame_cache").Render(picture, first.render.mesh)
