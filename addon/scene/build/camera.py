"""The clip's camera as two Blender cameras: the full frame for the artist, the face crop for the renderer.

Both stand at the origin of camera axes. Blender measures shift in units of the longer picture side.
"""

from __future__ import annotations

import bpy

from ...core.rig import Rig

SENSOR_MM = 36.0


def build_full_camera(rig: Rig, name: str) -> bpy.types.Object:
    """Return a camera that frames the clip's whole picture, `rig.width` x `rig.height`."""
    return _camera(f"{name} Camera", lens=rig.focal_px * SENSOR_MM / rig.width)


def build_crop_camera(rig: Rig, name: str) -> bpy.types.Object:
    """Return a camera that frames the square `rig.crop` of that picture, which may reach beyond it."""
    x, y, size = (float(value) for value in rig.crop)
    camera = _camera(f"{name} Crop Camera", lens=rig.focal_px * SENSOR_MM / size)
    camera.data.shift_x = (x + size / 2 - rig.width / 2) / size
    camera.data.shift_y = -(y + size / 2 - rig.height / 2) / size
    return camera


def _camera(name: str, lens: float) -> bpy.types.Object:
    data = bpy.data.cameras.new(name)
    data.sensor_fit = "HORIZONTAL"
    data.sensor_width = SENSOR_MM
    data.lens = lens
    data.clip_start, data.clip_end = 0.01, 100.0
    data.passepartout_alpha = 1.0
    return bpy.data.objects.new(name, data)
