"""The head in one frame: its evaluated mesh, and Eevee's RGBA picture of the face crop, in display values.

Each frame is evaluated in a temporary scene with a copy of the face in the given pose. The artist's scene stays
unchanged, so nothing has to be restored after a failure, a cancel or an undo. Picture and mesh are cached under a key
of everything that is visible, and are not made again while that stays the same.
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
from mathutils import Matrix

from ...core.coordinates import scene_from_mm
from ...core.errors import HeadroomError
from ...core.frame_cache import MESH, PICTURE, FrameCache, Render
from ...core.messages import message
from .. import compat
from ..build.shot import Shot
from .evaluated_mesh import show_as_rendered, write_mesh
from .render_digest import is_animated, render_digest

SAMPLES = 8
"""Enough for smooth edges, because emission has no noise. On software OpenGL 8 took 1.4 s per frame, 16 took 1.7 s."""
FILTER_PX = 1.0
REVISION = 1
"""Raised when `set_picture_settings` changes, so that pictures of the old settings are not found."""


@dataclass(frozen=True)
class PosedFrame:
    """A scene frame, which gives the expression, and the head's pose in it (radians, millimetres, (3,) each)."""

    frame: int
    rotation: np.ndarray
    translation: np.ndarray


@dataclass(frozen=True)
class EvaluatedFrame:
    """What is stored of one frame, and whether its mesh was not stored before."""

    render: Render
    is_new: bool


def evaluate_frames(shot: Shot, digest: str, frames: Sequence[PosedFrame], cache: FrameCache, seconds: float
                    ) -> list[EvaluatedFrame]:
    """Store the meshes of the first of `frames` and return them with the pictures in the cache, None where none is.

    digest: the shot's `render_digest`.
    seconds: time to use; at least one frame is evaluated.
    """
    end, evaluated, count = time.monotonic() + seconds, [], len(shot.face.data.vertices)
    with face_scene(shot) as (scene, face):
        for posed in frames:
            pose_face(scene, face, posed)
            key = _key(shot, digest, posed, expression_values(scene, face))
            is_new = cache.find(key, MESH) is None
            mesh = cache.find_or_store(key, MESH, lambda path: write_mesh(scene, face, count, path))
            evaluated.append(EvaluatedFrame(Render.stored(cache.find(key, PICTURE), mesh), is_new))
            if time.monotonic() > end:
                break
    return evaluated


def render_face(shot: Shot, posed: PosedFrame, cache: FrameCache) -> Path:
    """Return the picture of one frame, rendered unless it is cached; the pose replaces the head's own."""
    with face_scene(shot) as (scene, face):
        pose_face(scene, face, posed)
        values = expression_values(scene, face)

        def render(path: Path) -> None:
            hold_expression(face, values)
            set_picture_settings(scene, shot.resolution)
            render_still(scene, path)

        return cache.find_or_store(_key(shot, render_digest(shot), posed, values), PICTURE, render)


def pose_face(scene: bpy.types.Scene, face: bpy.types.Object, posed: PosedFrame) -> None:
    """Put the copied face into its pose and expression in a frame."""
    face.rotation_mode = "XYZ"
    face.rotation_euler = tuple(float(angle) for angle in posed.rotation)
    face.location = tuple(float(metres) for metres in scene_from_mm(posed.translation))
    scene.frame_set(posed.frame)


@contextmanager
def face_scene(shot: Shot) -> Iterator[tuple[bpy.types.Scene, bpy.types.Object]]:
    """Create a scene with only a copy of the shot's face and its crop camera; it is removed after the block."""
    scene = bpy.data.scenes.new("Headroom Render")
    face, camera = shot.face.copy(), shot.crop_camera.copy()
    mesh = face.data = face.data.copy()
    try:
        face.animation_data_clear()
        for member in (face, camera):
            member.hide_render = member.hide_viewport = False
            member.constraints.clear()
            scene.collection.objects.link(member)
        _leave_to_pose(face, shot.root)
        show_as_rendered(face)
        scene.camera = camera
        scene.render.fps, scene.render.fps_base = shot.scene.render.fps, shot.scene.render.fps_base
        yield scene, face
    finally:
        bpy.data.scenes.remove(scene)
        bpy.data.objects.remove(face)
        bpy.data.meshes.remove(mesh)
        bpy.data.objects.remove(camera)


def _leave_to_pose(face: bpy.types.Object, root: bpy.types.Object) -> None:
    """Remove what an artist added to the pose of `face`, which the poses of a match include, so that it counts once."""
    face.parent, face.parent_type = root, "OBJECT"
    face.matrix_parent_inverse = Matrix()
    face.delta_location = face.delta_rotation_euler = (0.0, 0.0, 0.0)


def expression_values(scene: bpy.types.Scene, face: bpy.types.Object) -> np.ndarray:
    """Return the values (K,) of the shape keys at the scene's frame, from F-curves and drivers."""
    keys = face.evaluated_get(scene.view_layers[0].depsgraph).data.shape_keys.key_blocks
    values = np.empty(len(keys), dtype=np.float32)
    keys.foreach_get("value", values)
    return values


def hold_expression(face: bpy.types.Object, values: np.ndarray) -> None:
    """Set the shape keys to `values` without animation.

    A render evaluates its own depsgraph, in which animation has the state it had last in the scene it belongs to.
    """
    keys = face.data.shape_keys
    keys.animation_data_clear()
    for key, value in zip(keys.key_blocks, values):
        key.value = value


def set_picture_settings(scene: bpy.types.Scene, resolution: int) -> None:
    """Render sharp, without motion blur, other light or grading: an 8-bit PNG of albedo * light to within 2 levels."""
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
    """Render `scene` at its current frame to `path`; raises HeadroomError when Blender cannot."""
    scene.render.filepath = str(path)
    scene.render.use_file_extension = False
    try:
        bpy.ops.render.render(scene=scene.name, write_still=True)
    except RuntimeError as error:
        raise HeadroomError(message(
            "Blender could not render frame {frame}: {error}. Render again when no other render is running.",
            frame=scene.frame_current, error=str(error).strip())) from error
    if not path.is_file():
        raise HeadroomError(message(
            "Blender wrote no picture of frame {frame}. Render again when no other render is running.",
            frame=scene.frame_current))


def _key(shot: Shot, digest: str, posed: PosedFrame, values: np.ndarray) -> str:
    """Return the cache key of a picture: a digest of everything that is visible in it."""
    frame = posed.frame if is_animated(shot) else None
    key = hashlib.sha256(repr((digest, frame, shot.resolution, SAMPLES, FILTER_PX, REVISION)).encode())
    for each in (values, posed.rotation, posed.translation):
        key.update(np.ascontiguousarray(each, dtype=np.float32).tobytes())
    return key.hexdigest()
