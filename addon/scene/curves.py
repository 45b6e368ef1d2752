"""F-curves in bulk: many keys written or read with one call."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from . import compat


def write_curve(bag: Any, data_path: str, frames: np.ndarray, values: np.ndarray, index: int = 0, group: str = "",
                interpolation: str = "LINEAR") -> None:
    """Replace one channel by generated keys.

    frames: (T,) scene frames, ascending, may be fractional.
    values: (T,) in the unit of the animated property.
    """
    curve = bag.fcurves.find(data_path, index=index) or bag.fcurves.new(data_path, index=index)
    if group and (curve.group is None or curve.group.name != group):
        curve.group = bag.groups.get(group) or bag.groups.new(group)
    points = curve.keyframe_points
    points.clear()
    points.add(len(frames))
    points.foreach_set("co", np.column_stack([frames, values]).astype(np.float32).ravel())
    points.foreach_set("interpolation", np.full(len(frames), _enum("interpolation", interpolation), dtype=np.int32))
    points.foreach_set("type", np.full(len(frames), _enum("type", "GENERATED"), dtype=np.int32))
    curve.update()


def sample_curves(owner: bpy.types.ID, data_path: str, frames: np.ndarray) -> np.ndarray:
    """A vector property (T, 3) of `owner` at `frames`: its curves where there are some, its present value elsewhere."""
    curves = {curve.array_index: curve for curve in compat.curves_of(owner) if curve.data_path == data_path}
    still = getattr(owner, data_path)
    columns = [[curves[axis].evaluate(float(frame)) for frame in frames] if axis in curves
               else [still[axis]] * len(frames) for axis in range(3)]
    return np.asarray(columns, dtype=np.float32).T.reshape(len(frames), 3)


def _enum(name: str, identifier: str) -> int:
    """The number that `foreach_set` wants for an enum of keyframe points."""
    return bpy.types.Keyframe.bl_rna.properties[name].enum_items[identifier].value  # type: ignore[attr-defined]
