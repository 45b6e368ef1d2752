"""The face object: a mesh whose shape keys are the rig's expression channels."""

from __future__ import annotations

import bpy
import numpy as np

from ...core.coordinates import scene_from_mm
from ...core.rig import KEY_LIMIT, RANGE_SIGMAS, Rig


def build_face(rig: Rig, name: str) -> bpy.types.Object:
    """Return a mesh object in the rig's rest pose, with one relative shape key per channel; not linked yet."""
    face = bpy.data.objects.new(f"{name} Face", build_mesh(rig, f"{name} Face"))
    face.rotation_mode = "XYZ"
    face.rotation_euler = tuple(float(angle) for angle in rig.rest_rotation)
    face.location = tuple(float(metres) for metres in scene_from_mm(rig.rest_translation))
    add_shape_keys(face, rig)
    return face


def build_mesh(rig: Rig, name: str) -> bpy.types.Mesh:
    """Return the neutral face in metres, shaded smooth, with its UV map."""
    mesh = bpy.data.meshes.new(name)
    triangles = np.ascontiguousarray(rig.faces, dtype=np.int32)
    mesh.vertices.add(len(rig.neutral))
    mesh.vertices.foreach_set("co", scene_from_mm(rig.neutral).ravel())
    mesh.loops.add(triangles.size)
    mesh.loops.foreach_set("vertex_index", triangles.ravel())
    mesh.polygons.add(len(triangles))
    mesh.polygons.foreach_set("loop_start", np.arange(0, triangles.size, 3, dtype=np.int32))
    mesh.update(calc_edges=True)
    mesh.shade_smooth()
    corners = np.ascontiguousarray(rig.uv[triangles.ravel()], dtype=np.float32)
    mesh.uv_layers.new(name="UVMap").uv.foreach_set("vector", corners.ravel())
    return mesh


def add_shape_keys(face: bpy.types.Object, rig: Rig) -> None:
    """Add Basis and the rig's channels under the rig's names; slider ranges cover `RANGE_SIGMAS` of the motion."""
    face.shape_key_add(name="Basis", from_mix=False)
    units = rig.key_units
    for channel, name in enumerate(rig.names):
        key = face.shape_key_add(name=str(name), from_mix=False)
        points = scene_from_mm(rig.neutral + rig.expression[channel] * units[channel])
        key.data.foreach_set("co", points.ravel())
        limit = float(np.clip(RANGE_SIGMAS * rig.expression_std[channel] / units[channel], 1.0, KEY_LIMIT))
        key.slider_min, key.slider_max = -limit, limit
        key.value = 0.0
    face.data.shape_keys.name = face.name


def expression_keys(face: bpy.types.Object) -> list[bpy.types.ShapeKey]:
    """Return all shape keys but Basis: the channels in the rig's order, then those that an artist added."""
    return list(face.data.shape_keys.key_blocks)[1:]
