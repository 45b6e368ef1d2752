"""Motion on the timeline: head pose on the face object, expression on its shape keys, an action each."""

from __future__ import annotations

import bpy
import numpy as np

from ..core.coordinates import mm_from_scene, scene_from_mm
from ..core.performance import Performance
from ..core.rig import KEY_LIMIT
from ..core.timing import frames_of
from . import compat
from .curves import sample_curves, write_curve
from .face import expression_keys
from .shot import Shot


def write_performance(shot: Shot, performance: Performance, start_frame: int) -> np.ndarray:
    """Key `performance` from `start_frame` on, one key per scene frame; replaces what was keyed. Frames (T,) int."""
    frames = frames_of(performance.seconds, shot.fps, start_frame)
    motion = performance.resampled(shot.fps, len(frames))
    write_pose(shot.face, frames, motion.rotation, motion.translation)
    write_expression(shot, frames, motion.expression)
    shot.root["headroom_start_frame"] = int(start_frame)
    return frames


def write_pose(face: bpy.types.Object, frames: np.ndarray, rotation: np.ndarray, translation: np.ndarray) -> None:
    """rotation (T, 3) pitch, yaw, roll in radians; translation (T, 3) millimetres."""
    action = compat.new_action(face, f"{face.name} Head Pose")
    bag = compat.channels(action, face)
    metres = scene_from_mm(translation)
    for axis in range(3):
        write_curve(bag, "rotation_euler", frames, rotation[:, axis], axis, "Head Rotation")
        write_curve(bag, "location", frames, metres[:, axis], axis, "Head Position")


def write_expression(shot: Shot, frames: np.ndarray, expression: np.ndarray) -> None:
    """expression (T, E), model coefficients; keys that would leave a slider's range widen it."""
    keys = shot.face.data.shape_keys
    action = compat.new_action(keys, f"{shot.face.name} Expression")
    bag = compat.channels(action, keys)
    values = expression / np.asarray(shot.root["headroom_key_units"][:], dtype=np.float32)
    regions = shot.root["headroom_regions"]
    for channel, key in enumerate(expression_keys(shot.face)[:values.shape[1]]):
        reach = min(KEY_LIMIT, float(np.abs(values[:, channel]).max(initial=0.0)))
        key.slider_min, key.slider_max = min(key.slider_min, -reach), max(key.slider_max, reach)
        path = key.path_from_id("value")
        write_curve(bag, path, frames, values[:, channel], group=str(regions[channel]))


def sample_pose(shot: Shot, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotation (T, 3) radians and translation (T, 3) millimetres of the head as the curves have it at `frames`.

    The curves are read directly; moving the scene through every frame would take minutes for a long shot.
    """
    rotation = sample_curves(shot.face, "rotation_euler", frames)
    return rotation, mm_from_scene(sample_curves(shot.face, "location", frames))
