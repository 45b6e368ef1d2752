"""A performance on the timeline: its frame range, its sound, and the head's pose at given frames."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy
import numpy as np
from mathutils import Matrix

from ...core.coordinates import mm_from_scene
from ...core.movie_jobs import Sound
from .. import compat
from ..build.scene_setup import keeps_scene
from ..build.shot import Shot, shots_in
from .compose import make_plan
from .curves import sample_curves
from .strips import followed_strip


def set_frame_range(scene: bpy.types.Scene) -> None:
    """Set the scene's frame range to that of its performances, from the first to the last of all heads.

    A scene that was in use when the first head was opened keeps its range.
    """
    if keeps_scene(scene):
        return
    plans = [plan for plan in map(make_plan, shots_in(scene)) if plan is not None and len(plan.frames)]
    if plans:
        scene.frame_start = min(int(plan.frames[0]) for plan in plans)
        scene.frame_end = max(int(plan.frames[-1]) for plan in plans)


def sound_between(shot: Shot, first: int, last: int) -> Sound | None:
    """Return the speech from the scene frames `first` to `last`; None where it does not sound there."""
    plan = make_plan(shot)
    if plan is None or shot.speech is None or first >= plan.placement.end or last < plan.placement.first:
        return None
    from_seconds, strip = plan.seconds_at(first), followed_strip(shot)
    if strip is None:
        return Sound(shot.speech, from_seconds)
    left, right = map(plan.seconds_at, compat.strip_span(strip))
    return Sound(shot.speech, from_seconds, (left, right))


def sample_pose(shot: Shot, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rotation (T, 3) radians and translation (T, 3) millimetres of the head at `frames`, as Blender shows it.

    F-curves are read directly where nothing else moves the head. NLA layers, drivers, constraints and other parents
    are evaluated, for which the scene is set to every frame.
    """
    return evaluated_pose(shot, frames) if needs_evaluation(shot) else keyed_pose(shot, frames)


def keyed_pose(shot: Shot, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pose of the head's own F-curves."""
    rotation = sample_curves(shot.face, "rotation_euler", frames)
    return rotation, mm_from_scene(sample_curves(shot.face, "location", frames))


def needs_evaluation(shot: Shot) -> bool:
    """Return whether anything but its location and rotation curves moves the head in its shot."""
    face, data = shot.face, shot.face.animation_data
    if face.parent != shot.root or face.parent_type != "OBJECT" or face.rotation_mode != "XYZ":
        return True
    if any(not each.mute for each in face.constraints) or face.matrix_parent_inverse != Matrix():
        return True
    if any(face.delta_location) or any(face.delta_rotation_euler):
        return True
    if data is None:
        return False
    layered = data.use_nla and any(not track.mute and any(not strip.mute for strip in track.strips)
                                   for track in data.nla_tracks)
    blended = data.action_influence < 1.0 or (len(data.nla_tracks) and data.action_blend_type != "REPLACE")
    return bool(layered or blended or len(data.drivers))


def evaluated_pose(shot: Shot, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pose of the head in its shot as Blender evaluates it; the scene's frame is restored afterwards."""
    scene, rotation, translation = shot.scene, [], []
    current = scene.frame_current, scene.frame_subframe
    try:
        with evaluated_while_hidden(scene, shot.root, shot.face):
            for frame in frames:
                scene.frame_set(int(np.floor(frame)), subframe=float(frame - np.floor(frame)))
                depsgraph = scene.view_layers[0].depsgraph
                root, face = (each.evaluated_get(depsgraph).matrix_world for each in (shot.root, shot.face))
                matrix = root.inverted_safe() @ face
                rotation.append(matrix.to_euler("XYZ"))
                translation.append(matrix.to_translation())
    finally:
        scene.frame_set(current[0], subframe=current[1])
    return np.array(rotation, dtype=np.float32), mm_from_scene(np.array(translation))


@contextmanager
def evaluated_while_hidden(scene: bpy.types.Scene, *members: bpy.types.Object) -> Iterator[None]:
    """Let Blender evaluate the transforms of `members` in `scene` also where they are hidden, until the block ends.

    Blender leaves out hidden objects, unless something visible depends on them. An empty that copies a member's
    transform does, so neither the objects nor their collections are changed, not even when they are animated.
    """
    observers = []
    try:
        for member in members:
            observer = bpy.data.objects.new("Headroom Observer", None)
            observers.append(observer)
            observer.constraints.new("COPY_TRANSFORMS").target = member  # type: ignore[attr-defined]
            scene.collection.objects.link(observer)
        yield
    finally:
        bpy.data.batch_remove(observers)
