"""F-curves in bulk: many keys written, read or sampled with one call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from .. import compat

KEY_FIELDS: dict[str, type] = {
    "interpolation": np.int32, "easing": np.int32, "back": np.float32, "amplitude": np.float32, "period": np.float32,
    "type": np.int32, "handle_left_type": np.int32, "handle_right_type": np.int32, "select_control_point": np.bool_,
    "select_left_handle": np.bool_, "select_right_handle": np.bool_,
}
"""What a key holds beside three points: itself and its handles."""


def enum(name: str, identifier: str) -> int:
    """The number that `foreach_set` wants for an enum of keyframe points."""
    return bpy.types.Keyframe.bl_rna.properties[name].enum_items[identifier].value  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Keys:
    """The keys of one curve: points (K, 3, 2) float32 are left handle, key, right handle as frame and value.

    fields: name of KEY_FIELDS -> (K,).
    """

    points: np.ndarray
    fields: dict[str, np.ndarray]

    @property
    def frames(self) -> np.ndarray:
        return self.points[:, 1, 0]

    @property
    def values(self) -> np.ndarray:
        return self.points[:, 1, 1]

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, chosen: np.ndarray) -> "Keys":
        """A choice of the keys, by index (M,) or mask (K,)."""
        return Keys(self.points[chosen], {name: values[chosen] for name, values in self.fields.items()})

    def at(self, frames: np.ndarray) -> "Keys":
        """The same keys moved in time to `frames` (K,); their handles stretch with them."""
        points = self.points.copy()
        if len(self) > 1 and (span := float(np.ptp(self.frames))) > 0:
            points[:, :, 0] = (self.points[:, :, 0] - self.frames[:, None]) * (np.ptp(frames) / span)
        else:
            points[:, :, 0] -= self.frames[:, None]
        points[:, :, 0] += np.asarray(frames)[:, None]
        return Keys(points, self.fields)

    def claimed(self) -> "Keys":
        """The same keys as the animator's: not generated in name either."""
        kinds = self.fields["type"]
        mine = np.where(kinds == enum("type", "GENERATED"), enum("type", "KEYFRAME"), kinds).astype(np.int32)
        return Keys(self.points, {**self.fields, "type": mine})


@dataclass(frozen=True)
class Marks:
    """The little of a curve's keys that tells whose they are: frames, values (K,) and whether each looks generated."""

    frames: np.ndarray
    values: np.ndarray
    generated: np.ndarray


def generated_keys(frames: np.ndarray, values: np.ndarray, interpolation: str = "LINEAR") -> Keys:
    """Keys of type Generated at `frames` (N,), ascending, with `values` (N,)."""
    count = len(frames)
    points = np.empty((count, 3, 2), dtype=np.float32)
    points[:, :, 0] = np.asarray(frames)[:, None] + np.array([-1 / 3, 0, 1 / 3], dtype=np.float32)
    points[:, :, 1] = np.asarray(values)[:, None]
    constant: dict[str, float] = {
        "interpolation": enum("interpolation", interpolation), "easing": enum("easing", "AUTO"), "back": 1.70158,
        "type": enum("type", "GENERATED"), "handle_left_type": enum("handle_left_type", "AUTO_CLAMPED"),
        "handle_right_type": enum("handle_right_type", "AUTO_CLAMPED")}
    return Keys(points, {name: np.full(count, constant.get(name, 0), dtype=kind) for name, kind in KEY_FIELDS.items()})


def merged(one: Keys, other: Keys) -> Keys:
    """Both sets of keys in the order of their frames."""
    points = np.concatenate([one.points, other.points])
    order = np.argsort(points[:, 1, 0], kind="stable")
    return Keys(points[order], {name: np.concatenate([values, other.fields[name]])[order]
                                for name, values in one.fields.items()})


def ensure_curve(bag: Any, data_path: str, index: int = 0, group: str = "") -> bpy.types.FCurve:
    """The curve of a channel in what `compat.channels` gives; made when missing."""
    curve = bag.fcurves.find(data_path, index=index) or bag.fcurves.new(data_path, index=index)
    if group and (curve.group is None or curve.group.name != group):
        curve.group = bag.groups.get(group) or bag.groups.new(group)
    return curve


def write_curve(bag: Any, data_path: str, frames: np.ndarray, values: np.ndarray, index: int = 0, group: str = "",
                interpolation: str = "LINEAR") -> None:
    """Replace one channel by generated keys.

    frames: (T,) scene frames, ascending, may be fractional.
    values: (T,) in the unit of the animated property.
    """
    write_keys(ensure_curve(bag, data_path, index, group), generated_keys(frames, values, interpolation))


def read_marks(curve: bpy.types.FCurve) -> Marks:
    """In a quarter of the time that `read_keys` takes."""
    points = points_of(curve, "co")
    kinds, ways = (np.empty(len(points), dtype=np.int32) for _ in range(2))
    curve.keyframe_points.foreach_get("type", kinds)
    curve.keyframe_points.foreach_get("interpolation", ways)
    looks = (kinds == enum("type", "GENERATED")) & (ways == enum("interpolation", "LINEAR"))
    return Marks(points[:, 0], points[:, 1], looks)


def read_keys(curve: bpy.types.FCurve) -> Keys:
    """Every key of a curve with all that Blender keeps of it."""
    count = len(curve.keyframe_points)
    points = np.stack([points_of(curve, name) for name in ("handle_left", "co", "handle_right")], axis=1)
    fields: dict[str, np.ndarray] = {name: np.empty(count, dtype=kind) for name, kind in KEY_FIELDS.items()}
    for name, values in fields.items():
        curve.keyframe_points.foreach_get(name, values)
    return Keys(points, fields)


def write_keys(curve: bpy.types.FCurve, keys: Keys, before: np.ndarray | None = None) -> None:
    """Replace a curve's keys.

    before: the frames (K,) of those it holds. Where they stay, so does all but value and type: a selection lasts while
    a slider is dragged, and the usual case takes a third of the time.
    """
    if before is not None and np.array_equal(before, keys.frames):
        curve.keyframe_points.foreach_set("type", keys.fields["type"])
        _set_points(curve, "co", keys.points[:, 1])
    else:
        _write_anew(curve, keys)
    curve.update()


def _write_anew(curve: bpy.types.FCurve, keys: Keys) -> None:
    """Every key of a curve. What new keys have anyway is not set again, and automatic handles are left to Blender."""
    held = curve.keyframe_points
    held.clear()
    if len(keys) == 0:
        return
    held.add(len(keys))
    for name, values in keys.fields.items():
        fresh = getattr(held[0], name)
        if not (values == (enum(name, fresh) if isinstance(fresh, str) else fresh)).all():
            held.foreach_set(name, values)
    _set_points(curve, "co", keys.points[:, 1])
    automatic = enum("handle_left_type", "AUTO_CLAMPED")
    if (keys.fields["handle_left_type"] != automatic).any() or (keys.fields["handle_right_type"] != automatic).any():
        _set_points(curve, "handle_left", keys.points[:, 0])
        _set_points(curve, "handle_right", keys.points[:, 2])


def sample_curves(on: bpy.types.ID, data_path: str, frames: np.ndarray) -> np.ndarray:
    """A vector property (T, 3) of `on` at `frames`: its curves where there are some, its present value elsewhere."""
    curves = {curve.array_index: curve for curve in compat.curves_of(on) if curve.data_path == data_path}
    still = getattr(on, data_path)
    columns = [sample_curve(curves[axis], frames) if axis in curves and not _is_muted(curves[axis])
               else np.full(len(frames), still[axis]) for axis in range(3)]
    return np.stack(columns, axis=1).astype(np.float32)


def sample_curve(curve: bpy.types.FCurve, frames: np.ndarray) -> np.ndarray:
    """One curve at `frames` (T,). Straight stretches are read from the keys; Blender is asked about the others only."""
    frames = np.asarray(frames, dtype=np.float64)
    count = len(curve.keyframe_points)
    if count == 0 or len(curve.modifiers) or curve.extrapolation != "CONSTANT":
        return np.array([curve.evaluate(float(frame)) for frame in frames])
    points, kinds = points_of(curve, "co"), np.empty(count, dtype=np.int32)
    curve.keyframe_points.foreach_get("interpolation", kinds)
    values = np.interp(frames, points[:, 0], points[:, 1])
    before = np.clip(np.searchsorted(points[:, 0], frames, side="right") - 1, 0, count - 1)
    for each in np.flatnonzero(kinds[before] != enum("interpolation", "LINEAR")):
        values[each] = curve.evaluate(float(frames[each]))
    return values


def _set_points(curve: bpy.types.FCurve, name: str, points: np.ndarray) -> None:
    """`co` or a handle of every key from (K, 2)."""
    curve.keyframe_points.foreach_set(name, np.ascontiguousarray(points).ravel())


def points_of(curve: bpy.types.FCurve, name: str) -> np.ndarray:
    """`co` or a handle of every key, (K, 2) float32."""
    values = np.empty(len(curve.keyframe_points) * 2, dtype=np.float32)
    curve.keyframe_points.foreach_get(name, values)
    return values.reshape(-1, 2)


def _is_muted(curve: bpy.types.FCurve) -> bool:
    return bool(curve.mute or (curve.group is not None and curve.group.mute))
