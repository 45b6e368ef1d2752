"""A head that is exported as USD has the shapes and the motion of its performance."""

import subprocess
import sys

import numpy as np
import pytest
from test_export_head import FPS, FRAMES, performance, subject  # noqa: F401

from headroom.common.errors import InputError
from headroom.face.camera import pose_vertices
from headroom.face.performance import Performance
from headroom.subject.export.head import export_head
from headroom.subject.export.shapes import head_shapes
from headroom.subject.folder import Subject

pxr = pytest.importorskip("pxr")

IN_BLENDER = """
import sys, json, bpy
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.wm.usd_import(filepath=sys.argv[1])
face = next(each for each in bpy.data.objects if each.type == "MESH")
keys = face.data.shape_keys
bpy.context.scene.frame_set(3)
print(json.dumps({"names": [key.name for key in keys.key_blocks[1:]], "vertices": len(face.data.vertices),
                  "jaw": keys.key_blocks["jawOpen"].value, "uv": len(face.data.uv_layers)}))
"""


def opened(path):
    from pxr import Usd

    return Usd.Stage.Open(str(path))


def test_the_points_of_every_frame_are_those_of_the_performance(subject, performance, tmp_path):  # noqa: F811
    from pxr import Gf, UsdGeom, UsdSkel

    files, notes = export_head(subject, tmp_path / "face.usd", performance, detail=True)
    assert sorted(path.name for path in files) == ["face.usd", "face_albedo.png"] and notes == []
    person, motion, stage = Subject.open(subject), Performance.load(performance), opened(tmp_path / "face.usd")
    assert stage.GetTimeCodesPerSecond() == FPS
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (0, FRAMES - 1)
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/Head/Face"))
    names = [str(name) for name in UsdSkel.BindingAPI(mesh).GetBlendShapesAttr().Get()]
    shapes = head_shapes(person.rig, detail=True)
    assert names == [name.replace(" ", "_") for name in shapes.names] and names[:52] == list(person.rig.control_names)
    weights = UsdSkel.Animation(stage.GetPrimAtPath("/Head/Performance")).GetBlendShapeWeightsAttr()
    for frame in range(FRAMES):
        points = np.array(mesh.GetPointsAttr().Get())
        for name, weight in zip(names, weights.Get(frame)):
            shape = UsdSkel.BlendShape(stage.GetPrimAtPath(f"/Head/Face/{name}"))
            points[np.array(shape.GetPointIndicesAttr().Get())] += weight * np.array(shape.GetOffsetsAttr().Get())
        place = UsdGeom.Xformable(stage.GetPrimAtPath("/Head")).ComputeLocalToWorldTransform(frame)
        world = np.array([place.Transform(Gf.Vec3d(*map(float, point))) for point in points[::97]]) * 1000
        vertices = person.rig.neutral + np.tensordot(motion.expression[frame], person.rig.expression, axes=(0, 0))
        expected = pose_vertices(vertices, motion.rotation[frame], motion.translation[frame])
        assert world == pytest.approx(expected[::97], abs=0.02)


def test_a_head_without_a_performance_is_still_and_textured(subject, tmp_path):  # noqa: F811
    from pxr import UsdShade

    export_head(subject, tmp_path / "face.usd")
    stage = opened(tmp_path / "face.usd")
    assert not stage.GetPrimAtPath("/Head/Performance")
    image = UsdShade.Shader(stage.GetPrimAtPath("/Head/Skin/Albedo")).GetInput("file").Get()
    assert image.path == "face_albedo.png" and (tmp_path / image.path).read_bytes().startswith(b"\x89PNG")
    assert not [error for error in [stage.GetCompositionErrors()] if error]


def test_blender_reads_the_shapes_and_their_motion(subject, performance, tmp_path):  # noqa: F811
    import json

    pytest.importorskip("bpy")
    export_head(subject, tmp_path / "face.usd", performance)
    code = IN_BLENDER.replace("sys.argv[1]", repr(str(tmp_path / "face.usd")))
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seen = json.loads([line for line in run.stdout.splitlines() if line.startswith("{")][-1])
    rig = Subject.open(subject).rig
    assert set(seen["names"]) == set(rig.control_names.tolist()) and seen["vertices"] == len(rig.neutral)
    jaw = Performance.load(performance).controls[3, rig.control_names.tolist().index("jawOpen")]
    assert seen["uv"] == 1 and seen["jaw"] == pytest.approx(float(jaw), abs=1e-3)


def test_the_library_is_optional(subject, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setitem(sys.modules, "pxr", None)
    with pytest.raises(InputError, match="USD needs a library"):
        export_head(subject, tmp_path / "face.usd")
    assert list(tmp_path.iterdir()) == []
