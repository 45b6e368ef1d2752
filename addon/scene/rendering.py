"""Eevee's picture of one face: RGBA, the face crop, display values as the material gives them.

Each frame is rendered in a scene that lives only for it, with a copy of the face in the pose asked for. Nothing of the
artist's scene is changed, so there is nothing to put back after a failure, a cancel or an undo in the middle.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np

from ..core.coordinates import scene_from_mm
from ..core.errors import HeadroomError
from . import compat
from .shot import Shot, find_shot

SAMPLES = 8
"""Enough for smooth edges; emission has no noise. On software OpenGL 8 cost 1.4 s a frame, 16 cost 1.7."""
FILTER_PX = 1.0


def render_face(shot: Shot, frames: np.ndarray, rotation: np.ndarray, translation: np.ndarray, folder: Path
                ) -> Iterator[Path]:
    """Render the face at `frames` (T,) into `folder`, yielding each picture's path when it is written.

    rotation (T, 3) radians and translation (T, 3) millimetres replace the head's own pose; expression is as keyed.
    """
    names = shot.scene.name, shot.root.name
    for number, frame in enumerate(frames):
        path = folder / f"{number:06d}.png"
        with render_scene(find_shot(*names), int(frame), rotation[number], translation[number]) as scene:
            render_still(scene, path)
        yield path


@contextmanager
def render_scene(shot: Shot, frame: int, rotation: np.ndarray, translation: np.ndarray) -> Iterator[bpy.types.Scene]:
    """A scene at `frame` with nothing but the shot's face in a given pose, seen by its crop camera."""
    scene = bpy.data.scenes.new("Headroom Render")
    face, camera = shot.face.copy(), shot.crop_camera.copy()
    mesh = face.data = face.data.copy()
    try:
        face.animation_data_clear()
        face.rotation_mode = "XYZ"
        face.rotation_euler = tuple(float(angle) for angle in rotation)
        face.location = tuple(float(metres) for metres in scene_from_mm(translation))
        for member in (face, camera):
            member.hide_render = False
            member.constraints.clear()
            scene.collection.objects.link(member)
        scene.camera = camera
        scene.render.fps, scene.render.fps_base = shot.scene.render.fps, shot.scene.render.fps_base
        picture_settings(scene, shot.resolution)
        scene.frame_set(frame)
        hold_expression(scene, face)
        yield scene
    finally:
        bpy.data.scenes.remove(scene)
        bpy.data.objects.remove(face)
        bpy.data.meshes.remove(mesh)
        bpy.data.objects.remove(camera)


def hold_expression(scene: bpy.types.Scene, face: bpy.types.Object) -> None:
    """Give the shape keys for good the values that curves and drivers have at the scene's frame.

    A render evaluates a graph of its own, in which animation stays as it was last seen in the scene it belongs to.
    """
    shown = face.evaluated_get(scene.view_layers[0].depsgraph)
    values = [key.value for key in shown.data.shape_keys.key_blocks]
    keys = face.data.shape_keys
    keys.animation_data_clear()
    for key, value in zip(keys.key_blocks, values):
        key.value = value


def picture_settings(scene: bpy.types.Scene, resolution: int) -> None:
    """Crisp, still, unlit by anything else, and not graded: an 8-bit PNG holds albedo * light within a level or two."""
    compat.use_eevee(scene)
    compat.set_if_present(scene.eevee, taa_render_samples=SAMPLES, use_shadows=False, use_raytracing=False,
                          use_fast_gi=False, use_gtao=False, use_bloom=False, use_volumetric_shadows=False)
    render = scene.render
    render.resolution_x = render.resolution_y = resolution
    render.resolution_percentage = 100
    render.filter_size = FILTER_PX
    render.film_transparent = True
    render.use_motion_blur = False
    render.use_border = False
    render.use_compositing = render.use_sequencer = False
    render.dither_intensity = 0.0
    compat.write_png(render.image_settings)
    scene.display_settings.display_device = "sRGB"
    view = scene.view_settings
    view.view_transform, view.look = "Standard", "None"
    view.exposure, view.gamma, view.use_curve_mapping = 0.0, 1.0, False


def render_still(scene: bpy.types.Scene, path: Path) -> None:
    """Render `scene` at its current frame to `path`."""
    scene.render.filepath = str(path)
    scene.render.use_file_extension = False
    try:
        bpy.ops.render.render(scene=scene.name, write_still=True)
    except RuntimeError as error:
        raise HeadroomError(f"Blender could not render frame {scene.frame_current}: {str(error).strip()}. Render "
                            "again when no other render is running.") from error
    if not path.is_file():
        raise HeadroomError(f"Blender wrote no picture of frame {scene.frame_current}. Render again when no "
                            "other render is running.")
