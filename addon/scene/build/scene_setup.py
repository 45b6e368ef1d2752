"""The scene that a shot stands in: whether somebody works in it already, and setting it up as the clip was filmed."""

from __future__ import annotations

import bpy

from ...core.messages import message
from ...core.rig import Rig
from ...core.timing import scene_rate
from .. import compat

KEEPS_SCENE = "headroom_keeps_scene"
"""Custom property of the root of a shot that was opened in a scene in use, and did not change it."""
STARTUP_OBJECTS = {"Cube", "Light", "Camera"}
"""What Blender's own startup file holds."""


def is_in_use(scene: bpy.types.Scene) -> bool:
    """Return whether a scene has objects beside those of Blender's startup file, animation, or strips."""
    others = [each for each in scene.objects if each.name not in STARTUP_OBJECTS]
    animated = [each for each in (scene, *scene.objects) if each.animation_data is not None]
    return bool(others or animated or compat.strips_of(scene))


def keeps_scene(scene: bpy.types.Scene) -> bool:
    """Return whether a shot in a scene leaves rate, size, camera, colours and frame range to the artist."""
    return any(each.get(KEEPS_SCENE) for each in scene.objects)


def set_up_scene(scene: bpy.types.Scene, rig: Rig, camera: bpy.types.Object) -> None:
    """Set the scene's rate, size and camera to the clip's, and show colours unchanged.

    Plates and face are display values, so no view transform but Standard may be applied.
    """
    scene.render.fps, scene.render.fps_base = scene_rate(rig.fps)
    scene.render.resolution_x, scene.render.resolution_y = rig.width, rig.height
    scene.render.resolution_percentage = 100
    scene.render.pixel_aspect_x = scene.render.pixel_aspect_y = 1.0
    scene.view_settings.view_transform, scene.view_settings.look = "Standard", "None"
    scene.camera = camera
    for each in scene.objects:
        if each.get(KEEPS_SCENE):
            del each[KEEPS_SCENE]


def changes(scene: bpy.types.Scene, rig: Rig, camera: bpy.types.Object) -> list[str]:
    """Return what `set_up_scene` would change, a line for each."""
    render, (fps, base) = scene.render, scene_rate(rig.fps)
    compared = [
        (message("Frame rate"), f"{render.fps / render.fps_base:.5g}", f"{fps / base:.5g}"),
        (message("Size"), f"{render.resolution_x} x {render.resolution_y}", f"{rig.width} x {rig.height}"),
        (message("Camera"), scene.camera.name if scene.camera else message("none"), camera.name),
        (message("View transform"), scene.view_settings.view_transform, "Standard"),
    ]
    return [message("{name}: {before} to {after}", name=name, before=before, after=after)
            for name, before, after in compared if before != after]
