"""The render digest of a shot: frames with the same digest, pose and expression give the same picture."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import bpy
import numpy as np

from .. import compat
from ..build.shot import ROLE, Shot

INVISIBLE = {"name", "label", "location", "location_absolute", "width", "height", "select", "hide", "tag",
             "use_fake_user", "show_expanded", "show_options", "show_preview", "is_active", "warning_propagation"}
"""Properties of nodes, materials and modifiers that do not change a picture."""


def render_digest(shot: Shot) -> str:
    """Return a digest of mesh, modifiers, material, crop camera and Blender's version.

    Pose, expression and render settings are not in it.
    """
    digest = hashlib.sha256(f"{bpy.app.version_string} {bpy.app.build_hash!r}".encode())
    for value in _values_of_shot(shot):
        digest.update(value if isinstance(value, bytes) else repr(value).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def is_animated(shot: Shot) -> bool:
    """Return whether material or crop camera are animated; then every frame has its own picture."""
    trees = [material.node_tree for material in shot.face.data.materials if material is not None]
    owners = [*trees, *(slot for slot in shot.face.data.materials if slot), shot.crop_camera, shot.crop_camera.data]
    return any(compat.curves_of(owner) for owner in owners if owner is not None)


def _values_of_shot(shot: Shot) -> Iterator[Any]:
    """Yield everything that is visible, as bytes, text, numbers and tuples of them."""
    mesh = shot.face.data
    yield _numbers(mesh.vertices, "co", 3)
    yield from surface_values(mesh)
    for key in mesh.shape_keys.key_blocks:
        yield key.name, key.mute, key.vertex_group
        yield _numbers(key.data, "co", 3)
    yield tuple(shot.face.scale)
    yield from ((modifier.type, _properties(modifier)) for modifier in shot.face.modifiers)
    yield from camera_values(shot.crop_camera)
    for material in mesh.materials:
        if material is not None:
            yield from material_values(material)


def surface_values(mesh: bpy.types.Mesh) -> Iterator[bytes]:
    """Yield what is visible of a mesh besides its vertices: triangles, their materials and shading, UV maps."""
    yield _numbers(mesh.loops, "vertex_index", 1, np.int32)
    yield _numbers(mesh.polygons, "material_index", 1, np.int32)
    yield _numbers(mesh.polygons, "use_smooth", 1, np.bool_)
    for layer in mesh.uv_layers:
        yield _numbers(layer.uv, "vector", 2)


def camera_values(camera: bpy.types.Object) -> Iterator[Any]:
    """Yield what a camera's picture depends on."""
    yield _plain(camera.matrix_basis), _plain(camera.matrix_parent_inverse), _properties(camera.data)


def material_values(material: bpy.types.Material) -> Iterator[Any]:
    """Yield everything that is visible of a material."""
    yield _properties(material)
    yield from _values_of_tree(material.node_tree)


def _values_of_tree(tree: Any) -> Iterator[Any]:
    """Yield the drivers, nodes and links of a node tree."""
    if tree is None:
        return
    drivers = list(tree.animation_data.drivers) if tree.animation_data else []
    driven = {curve.data_path for curve in drivers}  # their values change when they are first evaluated
    yield from (_driver(curve) for curve in drivers)
    for node in tree.nodes:
        yield node.bl_idname, node.name, _properties(node)
        yield [_plain(socket.default_value) for socket in node.inputs if hasattr(socket, "default_value")
               and f"{socket.path_from_id()}.default_value" not in driven]
        if node.bl_idname == "ShaderNodeGroup":
            yield from _values_of_tree(node.node_tree)
        image = getattr(node, "image", None)
        if image is not None:
            yield _image(image)
    yield sorted((link.from_node.name, link.from_socket.identifier, link.to_node.name, link.to_socket.identifier)
                 for link in tree.links)


def _driver(curve: bpy.types.FCurve) -> Any:
    """Return a driver's path, expression and inputs, without the root's rotation, because the light turns with it."""
    driver, inputs = curve.driver, []
    for target in (target for variable in driver.variables for target in variable.targets):
        is_root_rotation = (target.data_path.startswith("rotation_euler") and target.id is not None
                            and target.id.get(ROLE))
        with suppress(ValueError, AttributeError):  # a broken driver has no value
            inputs.append("turn" if is_root_rotation else _plain(target.id.path_resolve(target.data_path)))
    return curve.data_path, curve.array_index, driver.type, driver.expression, inputs


def _image(image: bpy.types.Image) -> Any:
    """Return a digest of a packed image; path, size and date of one in a file."""
    settings = image.colorspace_settings.name, image.alpha_mode, tuple(image.size), image.is_dirty
    if image.packed_file is not None:
        return settings, hashlib.sha256(image.packed_file.data).hexdigest()
    path = bpy.path.abspath(image.filepath)
    status = os.stat(path) if os.path.isfile(path) else None
    return settings, path, status and (status.st_size, status.st_mtime_ns)


def _properties(owner: Any) -> list[tuple[str, Any]]:
    """Return the visible plain properties of a data-block, node or modifier, except read-only ones."""
    kinds = ("BOOLEAN", "INT", "FLOAT", "STRING", "ENUM")
    return [(each.identifier, _plain(getattr(owner, each.identifier))) for each in owner.bl_rna.properties
            if each.type in kinds and not each.is_readonly and each.identifier not in INVISIBLE]


def _plain(value: Any) -> Any:
    """Return a value as a number, a text, or nested tuples of numbers."""
    if isinstance(value, (str, bytes)) or not hasattr(value, "__len__"):
        return value if isinstance(value, (str, bytes, bool, int, float)) else type(value).__name__
    return tuple(_plain(each) for each in value)


def _numbers(collection: Any, name: str, width: int, kind: type = np.float32) -> bytes:
    """Return one property of every item as bytes."""
    values: np.ndarray = np.empty(len(collection) * width, dtype=kind)
    collection.foreach_get(name, values)
    return values.tobytes()
