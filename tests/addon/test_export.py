"""An animated head that is exported and imported again has every vertex at the same position."""

import numpy as np
import pytest
from curve_readers import perform
from stand_ins import tiny_performance, tiny_subject

FRAMES = (1, 13, 25)
METRES = 2e-5


@pytest.fixture
def shot(headroom, tmp_path):
    shot = headroom.module("scene.build.shot").open_subject(headroom.scene, tiny_subject(tmp_path / "Zoë"))
    performance = headroom.module("core.performance").Performance.load(tiny_performance(tmp_path / "p.npz"))
    perform(headroom, shot, performance, start=1)
    headroom.module("scene.anim.timeline").set_frame_range(headroom.scene)
    return shot


def points(bpy, face):
    """World positions (frames, V, 3) of an animated mesh at FRAMES."""
    positions = []
    for frame in FRAMES:
        bpy.context.scene.frame_set(frame)
        evaluated = face.evaluated_get(bpy.context.evaluated_depsgraph_get())
        mesh = evaluated.to_mesh()
        flat = np.empty(len(mesh.vertices) * 3, dtype=np.float32)
        mesh.vertices.foreach_get("co", flat)
        world = np.array(evaluated.matrix_world)
        positions.append(flat.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3])
        evaluated.to_mesh_clear()
    return np.array(positions)


def round_trip(bpy, export, import_again, expected):
    """Export, import into an empty file of the same rate, and compare vertex by vertex."""
    export()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = 25
    import_again()
    face = next(each for each in bpy.data.objects if each.type == "MESH" and each.data.shape_keys)
    keys = face.data.shape_keys.key_blocks
    assert len(keys) == 65
    for key in list(keys)[1:]:  # imported shape keys have the range 0..1, which would clamp
        key.slider_min, key.slider_max = -10.0, 10.0
    for before, after in zip(expected, points(bpy, face)):
        nearest = np.sqrt(((before[:, None] - after[None]) ** 2).sum(-1)).min(axis=1)
        assert nearest.max() < METRES, nearest.max()


def test_gltf_keeps_shape_keys_and_pose(headroom, shot, tmp_path):
    bpy, path = headroom.bpy, str(tmp_path / "Größe.glb")
    if not hasattr(bpy.types, "EXPORT_SCENE_OT_gltf"):
        bpy.ops.preferences.addon_enable(module="io_scene_gltf2")
    round_trip(bpy, lambda: bpy.ops.export_scene.gltf(filepath=path, export_animation_mode="ACTIVE_ACTIONS"),
              lambda: bpy.ops.import_scene.gltf(filepath=path), points(bpy, shot.face))
    assert len(bpy.data.actions) <= 2  # raw takes are not exported


def test_usd_keeps_shape_keys_and_pose(headroom, shot, tmp_path):
    bpy, path = headroom.bpy, str(tmp_path / "Größe.usdc")
    if not bpy.app.build_options.usd:
        pytest.skip("this Blender was built without USD")
    round_trip(bpy, lambda: bpy.ops.wm.usd_export(filepath=path, export_animation=True, export_shapekeys=True),
              lambda: bpy.ops.wm.usd_import(filepath=path), points(bpy, shot.face))
