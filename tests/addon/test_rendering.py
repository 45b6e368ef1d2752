"""Rendered pictures have the display values albedo * light, and rendering leaves the artist's file unchanged."""

from types import SimpleNamespace

import numpy as np
import pytest
from curve_readers import perform
from stand_ins import even_light, read_picture, tiny_subject, write_movie

POSE = np.zeros((1, 3), dtype=np.float32), np.array([[0.0, 0.0, -700.0]], dtype=np.float32)


def render_one(headroom, shot, path, rotation=POSE[0]):
    rendering = headroom.module("scene.output.rendering")
    cache = headroom.module("core.frame_cache").FrameCache([path / "frames"])
    return read_picture(rendering.render_face(shot, rendering.PosedFrame(3, rotation[0], POSE[1][0]), cache))


def harmonics(normal: np.ndarray) -> np.ndarray:
    """The nine terms (9,) of docs/architecture.md at one unit normal."""
    x, y, z = normal
    return np.array([.282095, .488603 * y, .488603 * z, .488603 * x, 1.092548 * x * y, 1.092548 * y * z,
                     .315392 * (3 * z * z - 1), 1.092548 * x * z, .546274 * (x * x - y * y)])


@pytest.mark.parametrize("colour", [(3, 40, 200), (128, 90, 255)])
def test_under_even_light_the_picture_has_the_albedo(headroom, tmp_path, colour):
    subject = tiny_subject(tmp_path / "even", albedo=colour)
    shot = headroom.module("scene.build.shot").open_subject(headroom.scene, subject)
    picture = render_one(headroom, shot, tmp_path)
    inside = picture[picture[..., 3] == 255][:, :3].astype(int)
    assert len(inside) > 500
    assert np.abs(inside - colour).max() <= 1


def test_the_picture_has_all_nine_terms_of_the_light_in_camera_axes(headroom, tmp_path):
    """A flat face has one normal, so its picture has one colour, which the nine terms predict."""
    light = even_light() * 0.7
    light[1:] = np.random.default_rng(5).uniform(-0.25, 0.25, (8, 3))
    subject = tiny_subject(tmp_path / "flat", light=light, albedo=(150, 160, 170))
    values = dict(np.load(subject / "rig.npz"))
    values["neutral"][:, 2] = 0
    np.savez(subject / "rig.npz", **values)
    shot = headroom.module("scene.build.shot").open_subject(headroom.scene, subject)
    shot.root.rotation_euler = (0.3, -0.4, 1.0)  # when an artist rotates the shot, light and camera rotate with it
    for pitch, yaw in ((0.0, 0.0), (0.5, -0.4), (-0.3, 0.7)):
        picture = render_one(headroom, shot, tmp_path, np.array([[pitch, yaw, 0.0]]))
        normal = np.array([np.sin(yaw) * np.cos(pitch), -np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
        expected = np.clip(np.array([150, 160, 170]) * (harmonics(normal) @ light), 0, 255)
        inside = picture[picture[..., 3] == 255][:, :3]
        assert np.abs(inside - expected).max() <= 2


def test_the_background_is_transparent_and_alpha_is_not_premultiplied(headroom, tmp_path):
    subject = tiny_subject(tmp_path / "alpha", albedo=(200, 100, 50))
    picture = render_one(headroom, headroom.module("scene.build.shot").open_subject(headroom.scene, subject), tmp_path)
    assert picture[0, 0, 3] == 0
    edge = picture[(picture[..., 3] > 60) & (picture[..., 3] < 250)]
    assert len(edge) and np.abs(edge[:, :3].astype(int) - (200, 100, 50)).max() <= 6


def test_other_heads_objects_and_lights_are_not_in_the_picture(headroom, tmp_path):
    bpy = headroom.bpy
    shot = headroom.module("scene.build.shot").open_subject(headroom.scene, tiny_subject(tmp_path / "only"))
    alone = render_one(headroom, shot, tmp_path)
    headroom.module("scene.build.shot").open_subject(headroom.scene, tiny_subject(tmp_path / "other"))
    bpy.ops.mesh.primitive_cube_add(size=0.2, location=(0, 0.5, 0))
    bpy.ops.object.light_add(type="SUN")
    shot.face.hide_render = True
    assert (render_one(headroom, shot, tmp_path) == alone).all()


def test_the_expression_is_that_of_the_rendered_frame(headroom, subject, tmp_path):
    shot = headroom.module("scene.build.shot").open_subject(headroom.scene, subject)
    expression = np.zeros((4, 64), dtype=np.float32)
    expression[3] = np.random.default_rng(2).normal(0, 3, 64)
    rest = np.zeros((4, 3), dtype=np.float32)
    performance = headroom.module("core.performance").Performance(shot.fps, expression, rest, rest - [0, 0, 700])
    perform(headroom, shot, performance, start=0)
    headroom.scene.frame_set(0)
    animated = render_one(headroom, shot, tmp_path)
    assert shot.face.data.shape_keys.key_blocks[1].value == 0
    keys = shot.face.data.shape_keys
    keys.animation_data_clear()
    neutral = render_one(headroom, shot, tmp_path)
    for key, value in zip(keys.key_blocks[1:], expression[3] / shot.root["headroom_key_units"]):
        key.value = value
    assert (render_one(headroom, shot, tmp_path) == animated).all()
    assert (neutral != animated).any()


def test_rendering_changes_nothing_in_the_file_even_when_it_fails(headroom, subject, tmp_path):
    bpy, scene = headroom.bpy, headroom.scene
    shot = headroom.module("scene.build.shot").open_subject(scene, subject)
    scene.render.engine, scene.render.filepath = "BLENDER_WORKBENCH", "//mine"
    scene.frame_set(17)

    def state():
        settings = {name: str(getattr(scene.render, name)) for name in scene.render.bl_rna.properties.keys()
                    if name not in ("rna_type", "views", "stereo_views")}
        counts = len(bpy.data.scenes), len(bpy.data.objects), len(bpy.data.meshes), len(bpy.data.actions)
        return settings, counts, scene.frame_current, scene.view_settings.view_transform, scene.camera.name

    before = state()
    rendering = headroom.module("scene.output.rendering")
    cache = headroom.module("core.frame_cache").FrameCache([tmp_path])
    rendering.render_face(shot, rendering.PosedFrame(2, POSE[0][0], POSE[1][0]), cache)
    assert state() == before
    with pytest.raises(ZeroDivisionError), rendering.face_scene(shot):
        raise ZeroDivisionError
    assert state() == before


@pytest.mark.parametrize(("error", "words"), [
    (RuntimeError("Error: busy\n"), r"Blender could not render frame 7: Error: busy\. Render again"),
    (None, r"Blender wrote no picture of frame 7\. Render again"),
])
def test_a_frame_that_blender_does_not_render_is_named(headroom, tmp_path, monkeypatch, error, words):
    def render(**settings):
        if error is not None:
            raise error

    rendering = headroom.module("scene.output.rendering")
    monkeypatch.setattr(rendering, "bpy", SimpleNamespace(ops=SimpleNamespace(render=SimpleNamespace(render=render))))
    headroom.scene.frame_set(7)
    with pytest.raises(headroom.module("core.errors").HeadroomError, match=words):
        rendering.render_still(headroom.scene, tmp_path / "a.png")


def test_blenders_own_render_has_the_head_over_the_matched_plate(headroom, tmp_path):
    bpy, scene = headroom.bpy, headroom.scene
    subject = tiny_subject(tmp_path / "subject", albedo=(250, 10, 10))
    write_movie(subject / "plates.mp4", 30, size=(640, 360))  # plate i has the grey value 40 + i
    shot = headroom.module("scene.build.shot").open_subject(scene, subject)
    headroom.module("scene.anim.plate_keys").key_plates(shot, np.array([1, 40]), np.array([28, 3]))
    scene.render.resolution_percentage = 10
    scene.eevee.taa_render_samples = 4
    for frame, grey in ((1, 68), (40, 43)):  # the shot is longer than the clip
        scene.frame_set(frame)
        scene.render.filepath = str(tmp_path / f"own {frame}.png")
        bpy.ops.render.render(write_still=True)
        picture = read_picture(tmp_path / f"own {frame}.png").astype(int)
        assert picture.shape == (36, 64, 4)
        around = np.concatenate([part.reshape(-1, 4) for part in (picture[:3], picture[-3:], picture[:, :9])])
        error = np.abs(around - [grey, grey, grey, 255])
        assert np.median(error) <= 3 and error.max() <= 12  # the encoder delays slow changes of grey
        assert np.abs(picture[18, 33, :3] - [250, 10, 10]).max() <= 3
    assert shot.backdrop.hide_viewport and not shot.backdrop.hide_render
    assert headroom.module("scene.build.shot").open_subject(scene, subject).backdrop.hide_render
