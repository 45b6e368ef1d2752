"""Conversion between millimetres and scene units, and between camera axes and Blender's world axes.

Model and camera axes are those of docs/architecture.md: +x right in the picture, +y up, the camera looks along -z.
A Blender camera looks along its own -z with +y up, so camera axes are the local space of a Blender camera. The root
empty of a shot stands for camera axes: all of its children are in camera axes, and its rotation turns the picture's up
direction to world z.
"""

import math

import numpy as np

METRES_PER_MM = 0.001
SHOT_ROTATION = (math.pi / 2, 0.0, 0.0)
"""Euler angles of a new shot's root: picture up (+y) becomes world up (+z), the camera looks along world +y."""


def scene_from_mm(millimetres: np.ndarray) -> np.ndarray:
    """Convert lengths of any shape from millimetres to scene units (metres), float32."""
    return np.asarray(millimetres, dtype=np.float32) * np.float32(METRES_PER_MM)


def mm_from_scene(metres: np.ndarray) -> np.ndarray:
    """Convert lengths of any shape from scene units (metres) to millimetres, float32."""
    return np.asarray(metres, dtype=np.float32) / np.float32(METRES_PER_MM)
