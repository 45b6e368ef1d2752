"""The face's material: an emission of the albedo under the clip's light.

The displayed colour is `albedo * light(normal)` in display values (docs/architecture.md, "Colour", "Light"). Blender
works in linear light, so the product is converted to linear before it is emitted; the Standard view transform converts
it back.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np

from .nodes import at, node_group

BASIS = (
    ("1", 0.282095), ("y", 0.488603), ("z", 0.488603), ("x", 0.488603), ("xy", 1.092548),
    ("yz", 1.092548), ("3z²-1", 0.315392), ("xz", 1.092548), ("x²-y²", 0.546274),
)
"""The nine real spherical harmonics and their constants."""
MIN_LIGHT = 0.15
"""Lower bound of the light, the same as where the backend measured the albedo."""


def build_material(light: np.ndarray, albedo: Path, root: bpy.types.Object, name: str) -> bpy.types.Material:
    """Return an emission of the lit albedo.

    light: (9, 3) coefficients γ.
    root: the shot's root, to whose axes (camera axes) the light is fixed.
    """
    material = bpy.data.materials.new(f"{name} Skin")
    if material.node_tree is None:  # before 5.0 a material starts without nodes
        material.use_nodes = True
    material.use_backface_culling = True
    tree = material.node_tree
    tree.nodes.clear()
    texture = at(tree.nodes.new("ShaderNodeTexImage"), 0, 1, "Albedo")
    texture.image = load_albedo(albedo)
    texture.extension = "EXTEND"
    texture.interpolation = "Closest"  # Linear reads far mip levels on slivers of triangles, seen as dark specks
    normal = at(tree.nodes.new("ShaderNodeNewGeometry"), -2, 0)
    rotate = at(tree.nodes.new("ShaderNodeVectorRotate"), -1, 0, "World to Camera Axes")
    rotate.rotation_type, rotate.invert = "EULER_XYZ", True
    drive_rotation(rotate.inputs["Rotation"], root)
    shade = at(tree.nodes.new("ShaderNodeGroup"), 0, 0, "Light")
    shade.node_tree = light_group()
    for term, (label, _) in enumerate(BASIS):
        shade.inputs[label].default_value = [float(value) for value in light[term]]
    lit = at(tree.nodes.new("ShaderNodeVectorMath"), 1, 0, "Lit Albedo")
    lit.operation = "MULTIPLY"
    linear = at(tree.nodes.new("ShaderNodeGroup"), 2, 0, "To Linear")
    linear.node_tree = display_to_linear_group()
    emission = at(tree.nodes.new("ShaderNodeEmission"), 3, 0)
    output = at(tree.nodes.new("ShaderNodeOutputMaterial"), 4, 0)
    for source, target in (
        (normal.outputs["Normal"], rotate.inputs["Vector"]), (rotate.outputs["Vector"], shade.inputs["Normal"]),
        (texture.outputs["Color"], lit.inputs[0]), (shade.outputs["Light"], lit.inputs[1]),
        (lit.outputs["Vector"], linear.inputs["Display"]), (linear.outputs["Linear"], emission.inputs["Color"]),
        (emission.outputs["Emission"], output.inputs["Surface"]),
    ):
        tree.links.new(source, target)
    return material


def load_albedo(path: Path) -> bpy.types.Image:
    """Load the texture as display values, without conversion, and pack it so that the .blend opens anywhere."""
    image = bpy.data.images.load(str(path))
    image.colorspace_settings.name = "Non-Color"
    image.pack()
    return image


def drive_rotation(socket: bpy.types.NodeSocket, root: bpy.types.Object) -> None:
    """Drive a rotation socket by the root's Euler angles, so that the light turns with the shot."""
    for axis in range(3):
        driver = socket.driver_add("default_value", axis).driver
        driver.type = "SUM"
        target = driver.variables.new().targets[0]
        target.id = root
        target.data_path = f"rotation_euler[{axis}]"


def light_group() -> bpy.types.NodeTree:
    """Return the group "Headroom Light": the light's colour from its coefficients and a unit normal in camera axes."""
    tree, start, end = node_group("Headroom Light", [("Normal", "VECTOR"), *((label, "VECTOR") for label, _ in BASIS)],
                                  [("Light", "VECTOR")])
    if not start:
        return tree
    split = at(tree.nodes.new("ShaderNodeSeparateXYZ"), 1, 0)
    tree.links.new(start.outputs["Normal"], split.inputs[0])
    x, y, z = split.outputs
    values = {"1": None, "x": x, "y": y, "z": z}
    for row, (label, first, second) in enumerate((("xy", x, y), ("yz", y, z), ("xz", x, z),
                                               ("xx", x, x), ("yy", y, y), ("zz", z, z))):
        values[label] = _math(tree, "MULTIPLY", (first, second), (2, row), label)
    values["3z²-1"] = _math(tree, "MULTIPLY_ADD", (values["zz"], 3.0, -1.0), (3, 6), "3z²-1")
    values["x²-y²"] = _math(tree, "SUBTRACT", (values["xx"], values["yy"]), (3, 7), "x²-y²")
    total = None
    for row, (label, constant) in enumerate(BASIS):
        term = _math(tree, "MULTIPLY", (values[label] if values[label] else 1.0, constant), (4, row),
                     f"Constant of {label}")
        add = at(tree.nodes.new("ShaderNodeVectorMath"), 5 + row * 0.5, row, label)
        add.operation = "MULTIPLY_ADD"
        tree.links.new(term, add.inputs[0])
        tree.links.new(start.outputs[label], add.inputs[1])
        if total is not None:
            tree.links.new(total, add.inputs[2])
        total = add.outputs[0]
    floor = at(tree.nodes.new("ShaderNodeVectorMath"), 10, 0, "Minimum")
    floor.operation = "MAXIMUM"
    floor.inputs[1].default_value = (MIN_LIGHT,) * 3
    tree.links.new(total, floor.inputs[0])
    tree.links.new(floor.outputs[0], end.inputs["Light"])
    return tree


def display_to_linear_group() -> bpy.types.NodeTree:
    """Return the group "Headroom Display to Linear": the piecewise sRGB curve of channels clamped to 0..1."""
    tree, start, end = node_group("Headroom Display to Linear", [("Display", "VECTOR")], [("Linear", "COLOR")])
    if not start:
        return tree
    split = at(tree.nodes.new("ShaderNodeSeparateXYZ"), 1, 0)
    join = at(tree.nodes.new("ShaderNodeCombineColor"), 7, 0)
    tree.links.new(start.outputs["Display"], split.inputs[0])
    for row in range(3):
        value = _math(tree, "ADD", (split.outputs[row], 0.0), (2, row * 3), "Clamped")
        value.node.use_clamp = True
        dark = _math(tree, "MULTIPLY", (value, 1 / 12.92), (3, row * 3), "Dark: Straight")
        base = _math(tree, "MULTIPLY_ADD", (value, 1 / 1.055, 0.055 / 1.055), (3, row * 3 + 1), "Bright: Base")
        bright = _math(tree, "POWER", (base, 2.4), (4, row * 3 + 1), "Bright: Curve")
        is_bright = _math(tree, "GREATER_THAN", (value, 0.04045), (4, row * 3 + 2), "Is Bright")
        choose = at(tree.nodes.new("ShaderNodeMix"), 6, row * 3)
        for source, target in zip((is_bright, dark, bright), choose.inputs[0:1] + choose.inputs[2:4]):
            tree.links.new(source, target)
        tree.links.new(choose.outputs[0], join.inputs[row])
    tree.links.new(join.outputs[0], end.inputs["Linear"])
    return tree


def _math(tree: Any, operation: str, operands: tuple[Any, ...], cell: tuple[float, float], label: str) -> Any:
    """Add a Math node at `cell` (column, row) of the grid and return its output socket.

    operands: sockets or numbers.
    """
    node = at(tree.nodes.new("ShaderNodeMath"), *cell, label)
    node.operation = operation
    for socket, value in zip(node.inputs, operands):
        if isinstance(value, bpy.types.NodeSocket):
            tree.links.new(value, socket)
        else:
            socket.default_value = value
    return node.outputs[0]
