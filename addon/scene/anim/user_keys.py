"""The user keys of a head: counted, marked, blended to, and cleared."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

import bpy
import numpy as np

from ...core.user_keys import FRAME_TOLERANCE, GeneratedRecord, is_user_key, run_count
from .. import compat
from ..build.shot import Shot
from .channels import Channel, animated_id, channels_of, find_action, mark_out_of_date, read_record, write_record
from .compose import user_edits
from .controls import LAYERS
from .curves import Keys, enum_value, find_curve, read_keys, read_summary, summary_of, write_keys


@dataclass(frozen=True)
class ComposedChannel:
    """A channel that was composed, with its action, F-curve and record."""

    channel: Channel
    action: bpy.types.Action
    curve: bpy.types.FCurve
    record: GeneratedRecord


def user_key_count(shot: Shot, channel: Channel) -> int:
    """Return the number of user keys of one channel; each stretch that the user has cleared counts too."""
    composed = _composed(shot, channel)
    if composed is None:
        return 0
    is_user, deleted = user_edits(read_summary(composed.curve), composed.record)
    return int(is_user.sum()) + run_count(deleted)


def mark_as_user(shot: Shot) -> int:
    """Make the selected generated keys user keys, as if they had been edited; returns how many."""
    total = 0
    for each in _composed_channels(shot):
        points = each.curve.keyframe_points
        chosen, types = _selected(each.curve), np.empty(len(points), dtype=np.int32)
        points.foreach_get("type", types)
        chosen &= types == enum_value("type", "GENERATED")
        if chosen.any():
            types[chosen] = enum_value("type", "KEYFRAME")
            points.foreach_set("type", types)
            each.curve.update()
            total += int(chosen.sum())
    return total


def blend_to_keys(shot: Shot) -> int:
    """Make every channel with user keys out of date, so that composing blends it to them; returns how many."""
    total = 0
    for each in _composed_channels(shot):
        if user_edits(read_summary(each.curve), each.record)[0].any():
            mark_out_of_date(each.action, each.channel)
            total += 1
    return total


def clear_user_keys(shot: Shot, selected: bool) -> int:
    """Remove user keys and forget deletions, so that composing generates keys there again; returns how many.

    selected: only selected keys, and deletions between the first and the last selected key of their channel.
    """
    total = 0
    for each in _composed_channels(shot):
        summary = read_summary(each.curve)
        is_user, deleted = user_edits(summary, each.record)
        removed, restored = is_user, np.ones(len(deleted), dtype=bool)
        if selected:
            frames = summary.frames[_selected(each.curve)]
            removed = is_user & _selected(each.curve)
            restored = (deleted >= frames.min(initial=np.inf)) & (deleted <= frames.max(initial=-np.inf))
        if removed.any() or restored.any():
            total += int(removed.sum()) + run_count(deleted[restored])
            _retain(each, read_keys(each.curve)[is_user & ~removed], deleted[~restored])
    return total


def move_user_keys(shot: Shot, layers: Collection[str], moved: Callable[[np.ndarray], np.ndarray],
                   span: tuple[float, float]) -> None:
    """Move user keys of some layers, and the frames whose keys were deleted, to other frames.

    moved: returns where frames (K,) go; it keeps their order.
    span: first and last frame that may go elsewhere.
    """
    for each in _composed_channels(shot, layers):
        if _is_generated(each, span):
            continue
        summary = read_summary(each.curve)
        is_user, deleted = user_edits(summary, each.record)
        if not is_user.any() and not len(deleted):
            continue
        keys = read_keys(each.curve)[is_user]
        shift = moved(keys.frames.astype(np.float64)) - keys.frames
        if len(deleted) or (np.abs(shift) > FRAME_TOLERANCE).any():
            _retain(each, Keys(keys.points + np.stack([shift, 0 * shift], 1)[:, None].astype(np.float32), keys.fields),
                    _moved_frames(deleted, moved))


def _is_generated(composed: ComposedChannel, span: tuple[float, float]) -> bool:
    """Return whether a channel with a linear key on every frame is as it was generated between two frames.

    Only the keys between them are read, because those of a long take, in all channels, take a quarter of a second.
    """
    record, points = composed.record, composed.curve.keyframe_points
    if len(record.handles) or len(record.deleted) or len(points) != len(record.values):
        return False
    first, end = max(0, int(span[0]) - record.first), max(0, int(span[1]) - record.first + 2)
    part = replace(record, first=record.first + first, values=record.values[first:end])
    return not is_user_key(summary_of(points[first:end]), part).any()


def _moved_frames(frames: np.ndarray, moved: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return the whole frames (R,) int32 that come from `frames` (K,): a stretched run stays without gaps."""
    if not len(frames):
        return frames
    before = np.arange(frames.min() - 2, frames.max() + 3, 0.25)
    after = moved(before)
    candidates = np.arange(np.ceil(after[0]), np.floor(after[-1]) + 1)
    return candidates[np.isin(np.rint(np.interp(candidates, after, before)), frames)].astype(np.int32)


def _retain(composed: ComposedChannel, keys: Keys, deleted: np.ndarray) -> None:
    """Leave a channel only these user keys and `deleted` frames (R,), and make it out of date."""
    write_keys(composed.curve, keys.as_user_keys())
    nothing = np.full(len(composed.record.values), np.nan, np.float32)
    write_record(composed.action, composed.channel, replace(
        composed.record, values=nothing, handles=np.zeros((0, 4), np.float32), deleted=deleted, composed_from=""))


def _selected(curve: bpy.types.FCurve) -> np.ndarray:
    """Return which keys (K,) bool are selected."""
    chosen = np.empty(len(curve.keyframe_points), dtype=np.bool_)
    curve.keyframe_points.foreach_get("select_control_point", chosen)
    return chosen


def selected_keys(shot: Shot) -> list[tuple[bpy.types.FCurve, np.ndarray]]:
    """Return the curves of a head with selected keys, and which keys (K,) bool those are."""
    found = ((each.curve, _selected(each.curve)) for each in _composed_channels(shot) if not each.curve.hide)
    return [(curve, chosen) for curve, chosen in found if chosen.any()]


def _composed_channels(shot: Shot, layers: Collection[str] = LAYERS) -> Iterator[ComposedChannel]:
    """Yield every channel of some layers that was composed."""
    for channel in channels_of(shot):
        composed = _composed(shot, channel) if channel.layer in layers else None
        if composed is not None:
            yield composed


def _composed(shot: Shot, channel: Channel) -> ComposedChannel | None:
    action = find_action(shot, channel.target)
    record = read_record(action, channel) if action is not None else None
    if action is None or record is None:
        return None
    curve = find_curve(compat.channels(action, animated_id(shot, channel.target)), channel.curve)
    return None if curve is None else ComposedChannel(channel, action, curve, record)
