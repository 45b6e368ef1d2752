"""A head as USD: a skinned mesh whose blend shapes are the head's shapes, with the motion of a performance."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headroom.common.errors import InputError
from headroom.common.temporary import temporary_folder
from headroom.face.performance import Performance
from headroom.subject.export.shapes import METRES_PER_MM, HeadShapes
from headroom.subject.rig import Rig

if TYPE_CHECKING:
    from pxr import Usd

LEAST_OFFSET_MM = 1e-4
"""Vertices that a shape moves by less are left out of it."""
MISSING = 'USD needs a library; run `pip install "headroom[usd]"`, or choose .glb.'


def usd_file(rig: Rig, shapes: HeadShapes, performance: Performance | None, texture: str) -> bytes:
    """Return the bytes of a binary .usd, in metres, +y up, +z out of the face.

    texture: name of the albedo beside the file.

    Raises InputError where usd-core is not installed.
    """
    try:
        from pxr import Usd, UsdGeom
    except ImportError as error:
        raise InputError(MISSING) from error
    with temporary_folder() as folder:
        path = folder / "head.usdc"
        stage = Usd.Stage.CreateNew(str(path))
        UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
        UsdGeom.SetStageMetersPerUnit(stage, 1.0)
        _add_mesh(stage, rig, shapes)
        _add_material(stage, texture)
        if performance is not None:
            _add_motion(stage, shapes, performance)
        stage.GetRootLayer().Save()
        return path.read_bytes()


def _add_mesh(stage: Usd.Stage, rig: Rig, shapes: HeadShapes) -> None:
    """Add /Head, /Head/Skeleton, and /Head/Face with a blend shape prim for each shape."""
    from pxr import Sdf, UsdGeom, UsdSkel, Vt

    head = UsdSkel.Root.Define(stage, "/Head")
    stage.SetDefaultPrim(head.GetPrim())
    skeleton = UsdSkel.Skeleton.Define(stage, "/Head/Skeleton")  # blend shapes are played by a skeleton's animation
    mesh = UsdGeom.Mesh.Define(stage, "/Head/Face")
    points = _metres(rig.neutral)
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(len(rig.faces), 3, np.int32)))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(np.ascontiguousarray(rig.faces, np.int32).ravel()))
    mesh.CreateExtentAttr(Vt.Vec3fArray.FromNumpy(np.stack([points.min(0), points.max(0)])))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    uv = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.vertex)
    uv.Set(Vt.Vec2fArray.FromNumpy(np.ascontiguousarray(rig.uv, np.float32)))
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets([skeleton.GetPath()])
    targets = [_add_shape(stage, name, offsets) for name, offsets in zip(identifiers(shapes), shapes.offsets)]
    binding.CreateBlendShapesAttr(identifiers(shapes))
    binding.CreateBlendShapeTargetsRel().SetTargets(targets)


def identifiers(shapes: HeadShapes) -> list[str]:
    """Return the names of the shapes as USD allows them: letters, digits and underscores."""
    return [re.sub(r"\W", "_", name) for name in shapes.names]


def _add_shape(stage: Usd.Stage, name: str, offsets: NDArray[np.float32]) -> Any:
    from pxr import UsdSkel, Vt

    shape = UsdSkel.BlendShape.Define(stage, f"/Head/Face/{name}")
    moved = np.flatnonzero(np.linalg.norm(offsets, axis=1) > LEAST_OFFSET_MM)
    moved = moved if len(moved) else np.zeros(1, np.int64)  # Blender leaves out a shape without points
    shape.CreateOffsetsAttr(Vt.Vec3fArray.FromNumpy(_metres(offsets[moved])))
    shape.CreatePointIndicesAttr(Vt.IntArray.FromNumpy(moved.astype(np.int32)))
    return shape.GetPath()


def _add_material(stage: Usd.Stage, texture: str) -> None:
    """Add the albedo as a preview material."""
    from pxr import Sdf, UsdShade

    types = Sdf.ValueTypeNames
    material = UsdShade.Material.Define(stage, "/Head/Skin")
    surface, image, reader = (UsdShade.Shader.Define(stage, f"/Head/Skin/{name}")
                              for name in ("Surface", "Albedo", "Coordinates"))
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    reader.CreateInput("varname", types.String).Set("st")
    image.CreateIdAttr("UsdUVTexture")
    image.CreateInput("file", types.Asset).Set(texture)
    image.CreateInput("sourceColorSpace", types.Token).Set("sRGB")
    image.CreateInput("st", types.Float2).ConnectToSource(reader.ConnectableAPI(), "result")
    surface.CreateIdAttr("UsdPreviewSurface")
    surface.CreateInput("roughness", types.Float).Set(0.7)
    image.CreateOutput("rgb", types.Float3)
    surface.CreateInput("diffuseColor", types.Color3f).ConnectToSource(image.ConnectableAPI(), "rgb")
    material.CreateSurfaceOutput().ConnectToSource(surface.ConnectableAPI(), "surface")
    UsdShade.MaterialBindingAPI.Apply(stage.GetPrimAtPath("/Head/Face")).Bind(material)


def _add_motion(stage: Usd.Stage, shapes: HeadShapes, performance: Performance) -> None:
    """Animate the weights of the shapes, and the place of the head; time codes are frames."""
    from pxr import Gf, UsdGeom, UsdSkel, Vt

    stage.SetTimeCodesPerSecond(performance.fps)
    stage.SetFramesPerSecond(performance.fps)
    stage.SetStartTimeCode(0)
    stage.SetEndTimeCode(len(performance) - 1)
    animation = UsdSkel.Animation.Define(stage, "/Head/Performance")
    animation.CreateBlendShapesAttr(identifiers(shapes))
    weights = animation.CreateBlendShapeWeightsAttr()
    UsdSkel.BindingAPI.Apply(stage.GetPrimAtPath("/Head/Skeleton")).CreateAnimationSourceRel().SetTargets(
        [animation.GetPath()])
    head = UsdGeom.Xformable(stage.GetPrimAtPath("/Head"))
    place, turn = head.AddTranslateOp(), head.AddRotateXYZOp()  # x first, as the pose's matrix is Rz Ry Rx
    translation, degrees = _metres(performance.translation), np.degrees(performance.rotation)
    for frame, row in enumerate(shapes.weights(performance)):
        weights.Set(Vt.FloatArray.FromNumpy(np.ascontiguousarray(row, np.float32)), frame)
        place.Set(Gf.Vec3d(*translation[frame].tolist()), frame)
        turn.Set(Gf.Vec3f(*degrees[frame].tolist()), frame)


def _metres(millimetres: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    return np.ascontiguousarray(millimetres * METRES_PER_MM, np.float32)
