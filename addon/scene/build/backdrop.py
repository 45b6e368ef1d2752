"""The backdrop: a plane behind the head that shows the plates, so that Blender's own render has the clip's picture."""

from __future__ import annotations

from typing import Any

import bpy

from ...core.coordinates import scene_from_mm
from ...core.rig import Rig
from .nodes import at

DISTANCE_MM = 8000.0
"""Behind any head; nothing depends on the exact value."""
NODE = "Plate"
OFFSET_PATH = f'nodes["{NODE}"].image_user.frame_offset'


def build_backdrop(rig: Rig, image: bpy.types.Image, name: str, start_frame: int) -> bpy.types.Object:
    """Return a plane in camera axes that fills the full camera's picture with `image`, a movie; not linked yet.

    It is hidden in the viewport, because the camera's background image shows the same there.
    """
    mesh = bpy.data.meshes.new(f"{name} Backdrop")
    half_width = DISTANCE_MM * rig.width / rig.focal_px / 2
    half_height = half_width * rig.height / rig.width
    corners = [(x * half_width, y * half_height, -DISTANCE_MM) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    mesh.from_pydata([tuple(float(metres) for metres in scene_from_mm(corner)) for corner in corners], [],
                     [(0, 1, 2, 3)])
    mesh.uv_layers.new(name="UVMap").uv.foreach_set("vector", [0, 0, 1, 0, 1, 1, 0, 1])
    mesh.materials.append(_material(image, name, start_frame))
    backdrop = bpy.data.objects.new(f"{name} Backdrop", mesh)
    backdrop.hide_viewport, backdrop.hide_select = True, True
    return backdrop


def image_tree(backdrop: bpy.types.Object) -> Any:
    """Return the node tree in which `OFFSET_PATH` sets the frame of the movie."""
    return backdrop.data.materials[0].node_tree


def _material(image: bpy.types.Image, name: str, start_frame: int) -> bpy.types.Material:
    """Return an emission of the movie's colours, which no light changes."""
    material = bpy.data.materials.new(f"{name} Backdrop")
    if material.node_tree is None:  # before 5.0 a material starts without nodes
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    texture = at(tree.nodes.new("ShaderNodeTexImage"), 0, 0)
    texture.name, texture.image, texture.extension = NODE, image, "EXTEND"
    user = texture.image_user
    user.frame_start, user.frame_duration = start_frame, max(1, image.frame_duration)
    user.use_cyclic = user.use_auto_refresh = True
    emission = at(tree.nodes.new("ShaderNodeEmission"), 1, 0)
    output = at(tree.nodes.new("ShaderNodeOutputMaterial"), 2, 0)
    tree.links.new(texture.outputs["Color"], emission.inputs["Color"])
    tree.links.new(emission.outputs["Emission"], output.inputs["Surface"])
    return material
