"""The mesh that a render shows: shape keys, drivers, modifiers and pose evaluated, in camera axes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...core.coordinates import mm_from_scene


def show_as_rendered(face: Any) -> None:
    """Let Blender evaluate the modifiers of `face` for the viewport as it does for a render.

    A script can only evaluate for the viewport, where modifiers may be hidden.
    """
    for modifier in face.modifiers:
        modifier.show_viewport = modifier.show_render
        if modifier.type in ("SUBSURF", "MULTIRES"):
            modifier.levels = modifier.render_levels


def write_mesh(scene: bpy.types.Scene, face: bpy.types.Object, count: int, path: Path) -> None:
    """Write the vertices of `face` at the scene's frame, (V, 3) float32, millimetres in axes of the scene's camera.

    count: V of the head; where modifiers change it, an empty file is written.
    """
    depsgraph = scene.view_layers[0].depsgraph
    evaluated, camera = face.evaluated_get(depsgraph), scene.camera.evaluated_get(depsgraph)
    mesh = evaluated.data
    with open(path, "wb") as file:  # numpy adds a suffix to paths
        if len(mesh.vertices) != count:
            return
        points = np.empty(count * 3, dtype=np.float32)
        mesh.vertices.foreach_get("co", points)
        matrix = np.array(camera.matrix_world.inverted() @ evaluated.matrix_world)
        points = points.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]
        np.save(file, mm_from_scene(points))
