"""A head that is exported for other programs is the head that was learned."""

import json
import os
import struct
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import trimesh

from headroom.common.errors import InputError
from headroom.face.camera import Camera, Crop, pose_vertices
from headroom.face.controls.names import CONTROL_GROUPS, CONTROL_NAMES
from headroom.face.directions import FaceDirections
from headroom.face.light import AMBIENT
from headroom.face.model import bundled_model
from headroom.face.performance import Performance
from headroom.subject.export.head import export_head, vertex_colours
from headroom.subject.face_controls import with_face_controls
from headroom.subject.folder import Subject, SubjectWriter
from headroom.subject.info import SubjectInfo
from headroom.subject.rig import Rig
from headroom.track.track import Track

FPS, FRAMES = 25.0, 6


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    """A subject with the parts that an export reads."""
    folder, rng = tmp_path_factory.mktemp("subject"), np.random.default_rng(0)
    expression = rng.normal(size=(FRAMES, 64)).astype(np.float32)
    track = Track(FPS, Camera(900.0, 640, 480), Crop(0, 0, 480), rng.normal(size=80) * 0.5, np.zeros(80), AMBIENT,
                  expression, np.zeros((FRAMES, 3), np.float32), np.full((FRAMES, 3), -600, np.float32),
                  np.ones(FRAMES, np.float32))
    writer = SubjectWriter(folder)
    writer.write_rig(Rig.of(bundled_model(), track, 256))
    rows, columns = np.mgrid[:64, :64]
    writer.write_albedo(np.stack([rows * 3, columns * 3, np.full((64, 64), 90)], -1).astype(np.uint8))
    writer.write_info(SubjectInfo(name="Robin"))
    return folder


@pytest.fixture(scope="module")
def performance(tmp_path_factory):
    rng = np.random.default_rng(1)
    motion = Performance(FPS, rng.normal(size=(FRAMES, 64)).astype(np.float32),
                         rng.normal(size=(FRAMES, 3)).astype(np.float32) * 0.4,
                         np.array([0, 10, -600], np.float32) + rng.normal(size=(FRAMES, 3)).astype(np.float32),
                         controls=rng.uniform(size=(FRAMES, 52)).astype(np.float32), detail_share=0.5)
    path = tmp_path_factory.mktemp("motion") / "performance.npz"
    motion.save(path)
    return path


class Glb:
    """A .glb file read by hand."""

    def __init__(self, path):
        content = path.read_bytes()
        length = struct.unpack("<I", content[12:16])[0]
        assert struct.unpack("<I", content[8:12])[0] == len(content)
        self.tree, self.data = json.loads(content[20:20 + length]), content[28 + length:]

    def accessor(self, index):
        accessor = self.tree["accessors"][index]
        view = self.tree["bufferViews"][accessor["bufferView"]]
        width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}[accessor["type"]]
        kind = {5125: "<u4", 5126: "<f4"}[accessor["componentType"]]
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        values = np.frombuffer(self.data, kind, accessor["count"] * width, start).reshape(-1, width)
        if "min" in accessor:
            assert np.allclose(values.min(0), accessor["min"]) and np.allclose(values.max(0), accessor["max"])
        return values


def assert_faces_outwards(mesh, rig):
    """Assert that the normals point out of the face: at the tip of the nose towards +z."""
    tip = int(rig.neutral[:, 2].argmax())
    nearest = int(np.linalg.norm(mesh.vertices - rig.neutral[tip] / 1000, axis=1).argmin())
    assert mesh.vertex_normals[nearest, 2] > 0.7


def test_an_obj_has_vertices_and_texture_coordinates_and_an_albedo_file(subject, tmp_path):
    files, notes = export_head(subject, tmp_path / "face.obj")
    assert notes == []
    assert {path.name for path in files} == {"face.obj", "face.mtl", "face_albedo.png"}
    rig = Subject.open(subject).rig
    mesh = trimesh.load(tmp_path / "face.obj", process=False)
    assert np.allclose(mesh.vertices, rig.neutral / 1000, atol=1e-6)
    assert np.array_equal(mesh.faces, rig.faces)
    assert np.allclose(mesh.visual.uv, rig.uv, atol=1e-6)
    assert np.array_equal(np.asarray(mesh.visual.material.image.convert("RGB")), Subject.open(subject).albedo)
    assert_faces_outwards(mesh, rig)


def test_a_ply_has_the_albedo_s_colour_at_every_vertex(subject, tmp_path):
    assert export_head(subject, tmp_path / "face.ply") == ([tmp_path / "face.ply"], [])
    rig = Subject.open(subject).rig
    mesh = trimesh.load(tmp_path / "face.ply", process=False)
    assert np.allclose(mesh.vertices, rig.neutral / 1000, atol=1e-6) and np.array_equal(mesh.faces, rig.faces)
    u, v = rig.uv.T
    expected = np.stack([((1 - v) * 64 - 0.5) * 3, (u * 64 - 0.5) * 3, np.full(len(u), 90)], 1)
    inside = ((rig.uv > 0.02) & (rig.uv < 0.98)).all(1)
    assert np.abs(mesh.visual.vertex_colors[inside, :3] - expected[inside]).max() <= 2
    assert_faces_outwards(mesh, rig)


def test_a_glb_has_the_52_arkit_shapes_as_morph_targets_with_regions(subject, tmp_path):
    export_head(subject, tmp_path / "face.glb")
    rig, glb = Subject.open(subject).rig, Glb(tmp_path / "face.glb")
    mesh = glb.tree["meshes"][0]
    primitive = mesh["primitives"][0]
    assert mesh["extras"] == {"targetNames": list(CONTROL_NAMES), "regions": list(CONTROL_GROUPS)}
    assert len(primitive["targets"]) == len(mesh["weights"]) == 52
    for target, direction in zip(primitive["targets"], rig.controls):
        offsets = np.einsum("e,evc->vc", direction, rig.expression)
        assert np.allclose(glb.accessor(target["POSITION"]), offsets / 1000, atol=1e-6)
    assert np.allclose(glb.accessor(primitive["attributes"]["POSITION"]), rig.neutral / 1000, atol=1e-6)
    u, v = glb.accessor(primitive["attributes"]["TEXCOORD_0"]).T
    assert np.allclose(np.stack([u, 1 - v], 1), rig.uv, atol=1e-6)
    assert np.allclose(np.linalg.norm(glb.accessor(primitive["attributes"]["NORMAL"]), axis=1), 1, atol=1e-3)
    assert "animations" not in glb.tree
    loaded = trimesh.load(tmp_path / "face.glb", process=False).geometry["Head"]
    assert np.array_equal(loaded.faces, rig.faces)
    assert_faces_outwards(loaded, rig)


def test_a_performance_moves_weights_and_head_in_metres_and_seconds(subject, performance, tmp_path):
    _, (note,) = export_head(subject, tmp_path / "face.glb", performance)
    assert note == "face.glb has the motion of the 52 ARKit shapes alone. Use --detail to export all of the motion."
    motion, glb = Performance.load(performance), Glb(tmp_path / "face.glb")
    (animation,) = glb.tree["animations"]
    channels = {c["target"]["path"]: animation["samplers"][c["sampler"]] for c in animation["channels"]}
    node = glb.tree["nodes"][animation["channels"][0]["target"]["node"]]
    assert node["mesh"] == 0 and "matrix" not in node
    for sampler in channels.values():
        assert np.allclose(glb.accessor(sampler["input"])[:, 0], np.arange(FRAMES) / FPS)
    assert np.allclose(glb.accessor(channels["weights"]["output"]).reshape(FRAMES, 52), motion.controls)
    rotations = glb.accessor(channels["rotation"]["output"])
    translations = glb.accessor(channels["translation"]["output"])
    assert ((rotations[1:] * rotations[:-1]).sum(1) > 0).all()
    points = np.array([[70.0, 0, 0], [0, 90, 10], [0, 0, 100]])
    for frame in range(FRAMES):
        expected = pose_vertices(points, motion.rotation[frame], motion.translation[frame]) / 1000
        x, y, z, w = rotations[frame]
        matrix = trimesh.transformations.quaternion_matrix([w, x, y, z])[:3, :3]
        assert np.allclose(points / 1000 @ matrix.T + translations[frame], expected, atol=1e-5)


def test_with_detail_the_shapes_add_up_to_the_performance(subject, performance, tmp_path):
    assert export_head(subject, tmp_path / "face.glb", performance, detail=True)[1] == []
    motion, rig, glb = Performance.load(performance), Subject.open(subject).rig, Glb(tmp_path / "face.glb")
    mesh, (animation,) = glb.tree["meshes"][0], glb.tree["animations"]
    assert mesh["extras"]["targetNames"][52:54] == ["Detail 01", "Detail 02"]
    assert mesh["extras"]["regions"][52:] == rig.regions.tolist()
    sampler = next(animation["samplers"][c["sampler"]] for c in animation["channels"]
                   if c["target"]["path"] == "weights")
    weights = glb.accessor(sampler["output"]).reshape(FRAMES, 116)
    targets = np.stack([glb.accessor(target["POSITION"]) for target in mesh["primitives"][0]["targets"]])
    moved = np.tensordot(weights, targets, axes=1)
    assert np.allclose(moved, np.tensordot(motion.expression, rig.expression, axes=1) / 1000, atol=1e-5)


def test_a_performance_without_controls_gets_them(subject, performance, tmp_path, monkeypatch):
    older = replace(Performance.load(performance), controls=None, detail_share=None)
    older.save(tmp_path / "older.npz")
    effects = FaceDirections.of(bundled_model())
    style = SimpleNamespace(lip_opening=effects.lip_opening, lid_opening=effects.lid_opening)
    monkeypatch.setattr(Subject, "motion", SimpleNamespace(style=style))
    export_head(subject, tmp_path / "face.glb", tmp_path / "older.npz")
    glb = Glb(tmp_path / "face.glb")
    sampler = glb.tree["animations"][0]["samplers"][0]
    weights = glb.accessor(sampler["output"]).reshape(FRAMES, 52)
    assert np.allclose(weights, with_face_controls(older, Subject.open(subject).rig, style).controls, atol=1e-6)
    assert weights.max() > 0.1


def test_a_recording_of_live_link_face_moves_the_glb(subject, tmp_path):
    rows = [f"00:00:0{frame // 25}:{frame % 25},0.5" for frame in range(30)]
    (tmp_path / "take.csv").write_text("\n".join(["Timecode,JawOpen", *rows]))
    export_head(subject, tmp_path / "face.glb", tmp_path / "take.csv")
    sampler = Glb(tmp_path / "face.glb").tree["animations"][0]["samplers"][0]
    weights = Glb(tmp_path / "face.glb").accessor(sampler["output"]).reshape(30, 52)
    assert np.allclose(weights[:, CONTROL_NAMES.index("jawOpen")], 0.5)


def test_a_head_without_controls_has_its_modes(subject, performance, monkeypatch, tmp_path):
    rig = Subject.open(subject).rig
    bare = replace(rig, controls=rig.controls[:0], control_names=rig.control_names[:0],
                   control_groups=rig.control_groups[:0])
    monkeypatch.setattr(Subject, "rig", bare)
    assert export_head(subject, tmp_path / "face.glb", performance)[1] == []
    glb = Glb(tmp_path / "face.glb")
    assert glb.tree["meshes"][0]["extras"]["targetNames"] == rig.names.tolist()
    weights = glb.accessor(glb.tree["animations"][0]["samplers"][0]["output"]).reshape(FRAMES, 64)
    assert np.allclose(weights, Performance.load(performance).expression)


def test_blender_finds_the_shape_keys_and_their_motion(subject, performance, tmp_path):
    bpy = pytest.importorskip("bpy")
    export_head(subject, tmp_path / "face.glb", performance)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=str(tmp_path / "face.glb"))
    head = next(item for item in bpy.data.objects if item.type == "MESH")
    keys = head.data.shape_keys.key_blocks
    rig = Subject.open(subject).rig
    assert [key.name for key in keys[1:]] == list(CONTROL_NAMES)
    assert len(head.data.vertices) == len(rig.neutral) and head.data.shape_keys.animation_data.action
    bpy.ops.wm.read_factory_settings(use_empty=True)


def test_colours_between_pixels_are_interpolated():
    albedo = np.zeros((2, 2, 3), np.uint8)
    albedo[0, 1] = 200
    uv = np.array([[0.25, 0.75], [0.75, 0.75], [0.5, 0.75], [0.0, 0.0]])
    assert vertex_colours(albedo, uv)[:, 0].tolist() == [0, 200, 100, 0]


def test_only_a_glb_holds_motion_and_other_suffixes_are_refused(subject, performance, tmp_path):
    with pytest.raises(InputError, match="hold no motion"):
        export_head(subject, tmp_path / "face.obj", performance)
    with pytest.raises(InputError, match=r"must end in \.obj, \.ply, \.glb"):
        export_head(subject, tmp_path / "face.fbx")
    assert list(tmp_path.iterdir()) == []


def test_when_a_file_cannot_be_written_the_older_export_stays_whole(subject, tmp_path, monkeypatch):
    export_head(subject, tmp_path / "face.obj")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    rename, renames = os.replace, []

    def replace(source, target):
        renames.append(target)
        if len(renames) == 5:  # the older files are away, and one of the new ones is there
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(InputError, match="No space left on device"):
        export_head(subject, tmp_path / "face.obj")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
