"""Eevee's picture of one face: RGBA, the face crop, display values as the material gives them.

Each frame is rendered in a scene that lives only for it, with a copy of the face in the pose asked for. Nothing of the
artist's scene is changed, so there is nothing to put back after a failure, a cancel or an undo in the middle.
A picture is kept under a key of all that it shows, and not rendered again while that is the same.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from ...core.coordinates import scene_from_mm
from ...core.errors import HeadroomError
from ...core.frame_cache import FrameCache
from .. import compat
from ..build.shot import Shot
from .render_digest import is_animated, look_digest

SAMPLES = 8
"""Enough for smooth edges; emission has no noise. On software OpenGL 8 cost 1.4 s a frame, 16 cost 1.7."""
FILTER_PX = 1.0
REVISION = 1
"""Raised when `picture_settings` change, so that older pictures are not taken for new ones."""


@dataclass(frozen=True)
class Still:
    """What one picture shows: a scene frame, and the head's pose in it (radians, millimetres, (3,) each)."""

    frame: int
    rotation: np.ndarray
    translation: np.ndarray


def look_up(shot: Shot, look: str, stills: Sequence[Still], cache: FrameCache, seconds: float) -> list[Path | None]:
    """The kept pictures of the first of some stills, None for those that have to be rendered.

    look: the shot's digest. At least one is looked up, and as many more as `seconds` allow.
    """
    end, found = time.monotonic() + seconds, []
    with face_scene(shot) as (scene, face):
        for still in stills:
            scene.frame_set(still.frame)
            found.append(cache.find(_key(shot, look, still, expression_values(scene, face))))
            if time.monotonic() > end:
                break
    return found


def render_face(shot: Shot, still: Still, cache: FrameCache) -> Path:
    """The picture of one still; expression is as keyed, the pose replaces the head's own."""
    with face_scene(shot) as (scene, face):
        scene.frame_set(still.frame)
        values = expression_values(scene, face)
        key = _key(shot, look_digest(shot), still, values)
        return cache.find(key) or _render(shot, scene, face, still, values, cache, key)


def _render(shot: Shot, scene: bpy.types.Scene, face: bpy.types.Object, still: Still, values: np.ndarray,
            cache: FrameCache, key: str) -> Path:
    face.rotation_mode = "XYZ"
    face.rotation_euler = tuple(float(angle) for angle in still.rotation)
    face.location = tuple(float(metres) for metres in scene_from_mm(still.translation))
    hold_expression(face, values)
    picture_settings(scene, shot.resolution)
    return cache.keep(key, lambda path: render_still(scene, path))


@contextmanager
def face_scene(shot: Shot) -> Iterator[tuple[bpy.types.Scene, bpy.types.Object]]:
    """A scene with nothing but a copy of the shot's face and its crop camera; all of it is gone afterwards."""
    scene = bpy.data.scenes.new("Headroom Render")
    face, camera = shot.face.copy(), shot.crop_camera.copy()
    mesh = face.data = face.data.copy()
    try:
        face.animation_data_clear()
        for member in (face, camera):
            member.hide_render = False
            member.constraints.clear()
            scene.collection.objects.link(member)
        scene.camera = camera
        scene.render.fps, scene.render.fps_base = shot.scene.render.fps, shot.scene.render.fps_base
        yield scene, face
    finally:
        bpy.data.scenes.remove(scene)
        bpy.data.objects.remove(face)
        bpy.data.meshes.remove(mesh)
        bpy.data.objects.remove(camera)


def expression_values(scene: bpy.types.Scene, face: bpy.types.Object) -> np.ndarray:
    """The values (K,) that curves and drivers give the shape keys at the scene's frame."""
    keys = face.evaluated_get(scene.view_layers[0].depsgraph).data.shape_keys.key_blocks
    values = np.empty(len(keys), dtype=np.float32)
    keys.foreach_get("value", values)
    return values


def hold_expression(face: bpy.types.Object, values: np.ndarray) -> None:
    """Give the shape keys some values for good.

    A render evaluates a graph of its own, in which animation stays as it was last seen in the scene it belongs to.
    """
    keys = face.data.shape_keys
    keys.animation_data_clear()
    for key, value in zip(keys.key_blocks, values):
        key.value = value


def _key(shot: Shot, look: str, still: Still, values: np.ndarray) -> str:
    """What the picture of a still is kept under."""
    when = still.frame if is_animated(shot) else None
    digest = hashlib.sha256(repr((look, when, shot.resolution, SAMPLES, FILTER_PX, REVISION)).encode())
    for each in (values, still.rotation, still.translation):
        digest.update(np.ascontiguousarray(each, dtype=np.float32).tobytes())
    return digest.hexdigest()


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
