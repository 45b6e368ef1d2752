"""F-curves in bulk: many keys are written, read or sampled with one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import bpy
import numpy as np

from ...core.bezier import evaluate_bezier
from ...core.user_keys import KeySummary
from .. import compat

KEY_FIELDS: dict[str, type] = {
    "interpolation": np.int32, "easing": np.int32, "back": np.float32, "amplitude": np.float32, "period": np.float32,
    "type": np.int32, "handle_left_type": np.int32, "handle_right_type": np.int32, "select_control_point": np.bool_,
    "select_left_handle": np.bool_, "select_right_handle": np.bool_,
}
"""Fields of a keyframe point beside its three points, which are the key and its handles."""

Interpolation = Literal["LINEAR", "CONSTANT", "BEZIER"]


def enum_value(name: str, identifier: str) -> int:
    """Return the number that `foreach_set` takes for an enum of keyframe points."""
    return bpy.types.Keyframe.bl_rna.properties[name].enum_items[identifier].value  # type: ignore[attr-defined]


@dataclass(frozen=True)
class CurvePath:
    """Which F-curve: its data path and array index, and the channel group it is listed in."""

    data_path: str
    array_index: int = 0
    group: str = ""


@dataclass(frozen=True)
class Keys:
    """The keys of one F-curve.

    points: (K, 3, 2) float32, left handle, key and right handle as frame and value.
    fields: each name of KEY_FIELDS -> (K,).
    """

    points: np.ndarray
    fields: dict[str, np.ndarray]

    @property
    def frames(self) -> np.ndarray:
        """Frames of the keys (K,)."""
        return self.points[:, 1, 0]

    @property
    def values(self) -> np.ndarray:
        """Values of the keys (K,)."""
        return self.points[:, 1, 1]

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, chosen: np.ndarray) -> Keys:
        """Return some of the keys, by index (M,) or mask (K,)."""
        return Keys(self.points[chosen], {name: values[chosen] for name, values in self.fields.items()})

    def moved_to(self, frames: np.ndarray) -> Keys:
        """Return the keys at `frames` (K,); their handles are scaled in time by the same factor."""
        points = self.points.copy()
        if len(self) > 1 and (span := float(np.ptp(self.frames))) > 0:
            points[:, :, 0] = (self.points[:, :, 0] - self.frames[:, None]) * (np.ptp(frames) / span)
        else:
            points[:, :, 0] -= self.frames[:, None]
        points[:, :, 0] += np.asarray(frames)[:, None]
        return Keys(points, self.fields)

    def as_user_keys(self) -> Keys:
        """Return the keys with type Keyframe in place of Generated."""
        types = self.fields["type"]
        types = np.where(types == enum_value("type", "GENERATED"), enum_value("type", "KEYFRAME"), types)
        return Keys(self.points, {**self.fields, "type": types.astype(np.int32)})


def generated_keys(frames: np.ndarray, values: np.ndarray, interpolation: Interpolation = "LINEAR") -> Keys:
    """Return keys of type Generated at ascending `frames` (N,) with `values` (N,); Blender computes their handles."""
    points = np.empty((len(frames), 3, 2), dtype=np.float32)
    points[:, :, 0] = np.asarray(frames)[:, None] + np.array([-1 / 3, 0, 1 / 3], dtype=np.float32)
    points[:, :, 1] = np.asarray(values)[:, None]
    return _generated(points, interpolation, "AUTO_CLAMPED")


def generated_bezier_keys(points: np.ndarray) -> Keys:
    """Return keys of type Generated with aligned handles from `points` (K, 3, 2), as in Keys."""
    return _generated(np.asarray(points, dtype=np.float32), "BEZIER", "ALIGNED")


def _generated(points: np.ndarray, interpolation: Interpolation, handles: str) -> Keys:
    constant: dict[str, float] = {
        "interpolation": enum_value("interpolation", interpolation), "easing": enum_value("easing", "AUTO"),
        "back": 1.70158, "type": enum_value("type", "GENERATED"),
        "handle_left_type": enum_value("handle_left_type", handles),
        "handle_right_type": enum_value("handle_right_type", handles)}
    return Keys(points, {name: np.full(len(points), constant.get(name, 0), dtype=kind)
                         for name, kind in KEY_FIELDS.items()})


def merge_keys(first: Keys, second: Keys) -> Keys:
    """Return both sets of keys in the order of their frames."""
    points = np.concatenate([first.points, second.points])
    order = np.argsort(points[:, 1, 0], kind="stable")
    return Keys(points[order], {name: np.concatenate([values, second.fields[name]])[order]
                                for name, values in first.fields.items()})


def find_curve(bag: Any, path: CurvePath) -> bpy.types.FCurve | None:
    """Return an F-curve from what `compat.channels` returns; None when there is none."""
    return bag.fcurves.find(path.data_path, index=path.array_index)


def ensure_curve(bag: Any, path: CurvePath) -> bpy.types.FCurve:
    """Return an F-curve from what `compat.channels` returns; it is made when missing."""
    curve = find_curve(bag, path) or bag.fcurves.new(path.data_path, index=path.array_index)
    if path.group and (curve.group is None or curve.group.name != path.group):
        curve.group = bag.groups.get(path.group) or bag.groups.new(path.group)
    return curve


def write_curve(bag: Any, path: CurvePath, frames: np.ndarray, values: np.ndarray,
                interpolation: Interpolation = "LINEAR") -> None:
    """Replace the keys of one F-curve by generated keys.

    frames: (T,) scene frames, ascending, may be fractional.
    values: (T,) in the unit of the animated property.
    """
    write_keys(ensure_curve(bag, path), generated_keys(frames, values, interpolation))


def read_summary(curve: bpy.types.FCurve) -> KeySummary:
    """Return the summary of a curve's keys, in half of the time that `read_keys` takes."""
    points = points_of(curve, "co")
    types, interpolations = (np.empty(len(points), dtype=np.int32) for _ in range(2))
    curve.keyframe_points.foreach_get("type", types)
    curve.keyframe_points.foreach_get("interpolation", interpolations)
    is_linear, is_bezier = (interpolations == enum_value("interpolation", name) for name in ("LINEAR", "BEZIER"))
    handles = np.zeros((len(points), 4), np.float32)
    if is_bezier.any():
        handles[:, :2] = points_of(curve, "handle_left") - points
        handles[:, 2:] = points_of(curve, "handle_right") - points
    return KeySummary(points[:, 0], points[:, 1], types == enum_value("type", "GENERATED"), is_linear, is_bezier,
                      handles)


def summary_of(points: Sequence[bpy.types.Keyframe]) -> KeySummary:
    """Return the summary of some keys that have no handles; it is slow for many."""
    frames, values = np.array([point.co for point in points], np.float32).reshape(-1, 2).T
    types, kinds = (np.array([getattr(point, name) for point in points], str) for name in ("type", "interpolation"))
    return KeySummary(frames, values, types == "GENERATED", kinds == "LINEAR", kinds == "BEZIER",
                      np.zeros((len(points), 4), np.float32))


def read_keys(curve: bpy.types.FCurve) -> Keys:
    """Return the keys of a curve with all of their fields."""
    count = len(curve.keyframe_points)
    points = all_points(curve)
    fields: dict[str, np.ndarray] = {name: np.empty(count, dtype=kind) for name, kind in KEY_FIELDS.items()}
    for name, values in fields.items():
        curve.keyframe_points.foreach_get(name, values)
    return Keys(points, fields)


def write_keys(curve: bpy.types.FCurve, keys: Keys, old_frames: np.ndarray | None = None) -> None:
    """Replace the keys of a curve.

    old_frames: (K,) of the keys it holds. Where they stay the same, only points, types and interpolation are written:
    so a selection lasts while a slider is dragged, and the most frequent case takes a third of the time.
    """
    if old_frames is not None and np.array_equal(old_frames, keys.frames):
        for name in ("type", "interpolation", "handle_left_type", "handle_right_type"):
            curve.keyframe_points.foreach_set(name, keys.fields[name])
        _write_points(curve, keys)
    else:
        _write_all(curve, keys)
    curve.update()


def _write_all(curve: bpy.types.FCurve, keys: Keys) -> None:
    """Write every field that differs from a new key's; Blender computes automatic handles."""
    points = curve.keyframe_points
    points.clear()
    if len(keys) == 0:
        return
    points.add(len(keys))
    for name, values in keys.fields.items():
        default = getattr(points[0], name)
        if not (values == (enum_value(name, default) if isinstance(default, str) else default)).all():
            points.foreach_set(name, values)
    _write_points(curve, keys)


def _write_points(curve: bpy.types.FCurve, keys: Keys) -> None:
    """Write keys and, where not all of them are automatic, handles."""
    _set_points(curve, "co", keys.points[:, 1])
    automatic = enum_value("handle_left_type", "AUTO_CLAMPED")
    if (keys.fields["handle_left_type"] != automatic).any() or (keys.fields["handle_right_type"] != automatic).any():
        _set_points(curve, "handle_left", keys.points[:, 0])
        _set_points(curve, "handle_right", keys.points[:, 2])


def sample_curves(owner: bpy.types.ID, data_path: str, frames: np.ndarray) -> np.ndarray:
    """Return a vector property (T, 3) of `owner` at `frames`; an axis without F-curve has its present value."""
    curves = {curve.array_index: curve for curve in compat.curves_of(owner) if curve.data_path == data_path}
    present = getattr(owner, data_path)
    columns = [sample_curve(curves[axis], frames) if axis in curves and not _is_muted(curves[axis])
               else np.full(len(frames), present[axis]) for axis in range(3)]
    return np.stack(columns, axis=1).astype(np.float32)


def sample_curve(curve: bpy.types.FCurve, frames: np.ndarray) -> np.ndarray:
    """Return the values (T,) of one curve at `frames` (T,).

    Linear and Bézier segments are evaluated here, because `evaluate` is slow; Blender evaluates the others.
    """
    frames = np.asarray(frames, dtype=np.float64)
    count = len(curve.keyframe_points)
    if count == 0 or len(curve.modifiers) or curve.extrapolation != "CONSTANT":
        return np.array([curve.evaluate(float(frame)) for frame in frames])
    points, interpolations = points_of(curve, "co"), np.empty(count, dtype=np.int32)
    curve.keyframe_points.foreach_get("interpolation", interpolations)
    values = np.interp(frames, points[:, 0], points[:, 1])
    kind = interpolations[np.clip(np.searchsorted(points[:, 0], frames, side="right") - 1, 0, count - 1)]
    if (is_bezier := kind == enum_value("interpolation", "BEZIER")).any():
        values[is_bezier] = evaluate_bezier(all_points(curve), frames[is_bezier])
    for number in np.flatnonzero(~is_bezier & (kind != enum_value("interpolation", "LINEAR"))):
        values[number] = curve.evaluate(float(frames[number]))
    return values


def points_of(curve: bpy.types.FCurve, name: str) -> np.ndarray:
    """Return `co` or a handle of every key, (K, 2) float32."""
    values = np.empty(len(curve.keyframe_points) * 2, dtype=np.float32)
    curve.keyframe_points.foreach_get(name, values)
    return values.reshape(-1, 2)


def all_points(curve: bpy.types.FCurve) -> np.ndarray:
    """Return left handle, key and right handle of every key, (K, 3, 2) float32."""
    return np.stack([points_of(curve, name) for name in ("handle_left", "co", "handle_right")], axis=1)


def _set_points(curve: bpy.types.FCurve, name: str, points: np.ndarray) -> None:
    """Set `co` or a handle of every key from (K, 2)."""
    curve.keyframe_points.foreach_set(name, np.ascontiguousarray(points).ravel())


def _is_muted(curve: bpy.types.FCurve) -> bool:
    return bool(curve.mute or (curve.group is not None and curve.group.mute))
