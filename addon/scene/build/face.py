"""The face object: a mesh whose shape keys are the rig's controls and, beneath them, its detail.

A control is one of the 52 ARKit shapes. The detail keys are the modes of the face model; they add what the controls do
not make. Neutral face, controls and detail add up to the face.
"""

from __future__ import annotations

import bpy
import numpy as np

from ...core.coordinates import scene_from_mm
from ...core.rig import KEY_LIMIT, RANGE_SIGMAS, Rig

DETAIL = "Detail"
"""Beginning of the names of detail keys, and the name of their channel group."""


def build_face(rig: Rig, name: str) -> bpy.types.Object:
    """Return a mesh object in the rig's rest pose, with a relative shape key per control and mode; not linked yet."""
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
    """Add Basis, the controls under ARKit's names with sliders from 0 to 1, and the detail keys.

    The sliders of the detail keys cover `RANGE_SIGMAS` of the clip's motion.
    """
    face.shape_key_add(name="Basis", from_mix=False)
    motions = np.tensordot(rig.controls, rig.expression, axes=(1, 0))
    for name, motion in zip(rig.control_names, motions):
        _add_key(face, str(name), rig.neutral + motion, (0.0, 1.0))
    units = rig.key_units
    for channel, name in enumerate(detail_names(rig)):
        limit = float(np.clip(RANGE_SIGMAS * rig.expression_std[channel] / units[channel], 1.0, KEY_LIMIT))
        _add_key(face, name, rig.neutral + rig.expression[channel] * units[channel], (-limit, limit))
    face.data.shape_keys.name = face.name


def detail_names(rig: Rig) -> list[str]:
    """Return the names of the detail keys; those of the modes where the rig has no controls."""
    if len(rig.controls) == 0:
        return [str(name) for name in rig.names]
    return [f"{DETAIL} {number:02d}" for number in range(1, len(rig.names) + 1)]


def _add_key(face: bpy.types.Object, name: str, points_mm: np.ndarray, limits: tuple[float, float]) -> None:
    key = face.shape_key_add(name=name, from_mix=False)
    key.data.foreach_set("co", scene_from_mm(points_mm).ravel())
    key.slider_min, key.slider_max = limits
    key.value = 0.0
