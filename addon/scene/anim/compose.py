"""Composition: generated keys from the active take, played through the live controls and blended to the user keys.

Everything that moves a head ends in `compose`: Perform, another take, a slider, a moved speech, another scene rate.
Controls are composed before detail, which also adds what their sparse keys lack of the prediction.
The record of every channel has what its keys were composed from. So only channels that are out of date are composed
again, an interrupted composition continues where it was, and undo and loading need no special case.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

import bpy
import numpy as np

from ...core import user_keys
from ...core.layers import Cut, Layer, SpanEdit, cut_weight, play_layer
from ...core.retiming import Retime, shown_seconds, source_seconds
from ...core.rig import KEY_LIMIT
from ...core.timing import frame_count
from ...core.user_keys import GeneratedRecord, KeySummary
from ...core.words import Span
from .. import compat
from ..build.shot import Shot
from .channels import (
    OFFSET_CONTROLS,
    Channel,
    LayerName,
    animated_id,
    channels_of,
    control_channels,
    detail_channels,
    ensure_action,
    find_action,
    mark_out_of_date,
    read_composed_from,
    read_record,
    read_residual,
    write_record,
)
from .controls import LAYERS, active_take, head_of, played_retimes
from .curves import (
    Keys,
    ensure_curve,
    enum_value,
    generated_keys,
    merge_keys,
    read_keys,
    read_summary,
    write_keys,
)
from .fitted_keys import fit_channel
from .strips import Placement, placement
from .takes import align_raw_strips, find_take, raw_values

Times = TypeVar("Times", float, np.ndarray)


@dataclass(frozen=True)
class Plan:
    """What the keys of a head are composed from. Values only, so it stays valid when the Blender data changes."""

    take: str
    seconds: float
    fps: float
    placement: Placement
    layers: dict[LayerName, Layer]
    offsets: dict[str, tuple[float, ...]]
    cuts: dict[LayerName, tuple[Cut, ...]]
    edits: dict[LayerName, tuple[SpanEdit, ...]]
    retimes: dict[LayerName, tuple[Retime, ...]]
    falloff: float
    key_error: float

    @property
    def frames(self) -> np.ndarray:
        """The scene frames (N,) that get keys."""
        return np.arange(self.placement.first, max(self.placement.first, self.placement.end))

    @property
    def take_frames(self) -> np.ndarray:
        """The scene frames of the whole take, also where the speech strip is trimmed."""
        first = round(self.placement.start)
        return np.arange(first, first + frame_count(self.seconds, self.fps))

    def seconds_at(self, frames: Times) -> Times:
        """Return the seconds of the speech at scene frames, before retiming."""
        return (frames - self.placement.start) / self.fps

    def frames_at(self, seconds: Times) -> Times:
        """Return the scene frames at seconds of the speech, before retiming; they need not be whole."""
        return self.placement.start + seconds * self.fps

    def shown(self, spans: Sequence[Span]) -> tuple[Span, ...]:
        """Return phones or words of the speech with the seconds in which the mouth plays them, after retiming."""
        times = np.array([span[1:3] for span in spans], dtype=np.float64).reshape(-1, 2)
        times = shown_seconds(times, self.retimes["mouth"], self.falloff)
        return tuple(span._replace(start=start, end=end) for span, (start, end) in zip(spans, times.tolist()))

    def offset(self, channel: Channel) -> float:
        """Return the control that is added to a channel, in the unit of its property."""
        control = channel.offset_control
        return self.offsets[control][channel.curve.array_index] / channel.unit if control else 0.0

    def error(self, channel: Channel) -> float:
        """Return the error of a channel's sparse keys, in the unit of its property; 0 for a key on every frame."""
        return self.key_error * channel.key_error

    def composed_from(self, channel: Channel) -> str:
        """Return what the channel is composed from, as text; the same text gives the same generated keys.

        Stored in the .blend: another wording makes every head be composed again when its file is opened.
        """
        inputs = [self.take, self.seconds, self.fps, asdict(self.placement), asdict(self.layers[channel.layer]),
                  self.offset(channel), [asdict(cut) for cut in self.cuts[channel.layer]], self.falloff]
        for more in (self.error(channel), [asdict(edit) for edit in self.edits[channel.layer]],
                     [asdict(retime) for retime in self.retimes[channel.layer]]):
            if more:
                inputs.append(more)
        return json.dumps(inputs)


def make_plan(shot: Shot) -> Plan | None:
    """Return the plan from the present takes, controls, strip and scene rate; None before the first take."""
    head, take = head_of(shot.root), active_take(shot.root)
    if take is None:
        return None
    layers = {name: getattr(head, name).value() for name in LAYERS}
    if head.hold_head:
        layers["head"] = replace(layers["head"], gain=0.0)
    seconds, retimes = take.samples / take.fps, played_retimes(head, take)
    offsets = {"head_turn": tuple(head.head_turn), "head_shift": tuple(head.head_shift),
               **{name: (getattr(head, name),) for names in OFFSET_CONTROLS.values() for name in names}}
    return Plan(take.uid, seconds, shot.fps, placement(shot, seconds), layers, offsets,
                {name: tuple(cut.value() for cut in head.cuts if cut.take and getattr(cut, name)) for name in LAYERS},
                {name: tuple(edit.value() for edit in head.edits if getattr(edit, name)) for name in LAYERS},
                {name: tuple(each.value() for each in retimes if getattr(each, name)) for name in LAYERS},
                head.falloff, 0.0 if head.every_frame else head.key_error)


def is_out_of_date(shot: Shot, plan: Plan | None) -> bool:
    """Return whether keys were composed from something else than `plan`; False without one."""
    return plan is not None and next(out_of_date(shot, plan), None) is not None


def out_of_date(shot: Shot, plan: Plan) -> Iterator[Channel]:
    """Yield each channel whose keys were composed from something else than `plan` when its turn comes.

    Composing a control can make detail out of date.
    """
    texts: dict[tuple[LayerName, float, float], str] = {}
    for channel in channels_of(shot):
        inputs = (channel.layer, plan.offset(channel), plan.error(channel))
        if inputs not in texts:
            texts[inputs] = plan.composed_from(channel)
        action = find_action(shot, channel.target)
        if action is None or read_composed_from(action, channel) != texts[inputs]:
            yield channel


def compose(shot: Shot, budget_seconds: float = float("inf")) -> bool:
    """Compose the channels that are out of date; returns False when `budget_seconds` passed first, then call again."""
    plan, end = make_plan(shot), time.monotonic() + budget_seconds
    if plan is None:
        return True
    waiting = out_of_date(shot, plan)
    first = next(waiting, None)
    if first is None:
        return True
    if shot.root.get("headroom_start_frame") != round(plan.placement.start):
        shot.root["headroom_start_frame"] = round(plan.placement.start)
    align_raw_strips(shot, plan.placement.start)
    for channel in itertools.chain([first], waiting):
        compose_channel(shot, channel, plan)
        if time.monotonic() > end:
            return not is_out_of_date(shot, plan)
    return True


def compose_channel(shot: Shot, channel: Channel, plan: Plan) -> None:
    """Generate the keys of one channel; user keys stay, and frames whose keys the user deleted stay without."""
    start, fps, frames = plan.placement.start, plan.fps, plan.frames
    action = ensure_action(shot, channel.target)
    record = read_record(action, channel) or GeneratedRecord(start, fps)
    curve = ensure_curve(compat.channels(action, animated_id(shot, channel.target)), channel.curve)
    summary = read_summary(curve)
    is_user, deleted = user_edits(summary, record)
    edited = read_keys(curve)[is_user] if is_user.any() else generated_keys(np.zeros(0), np.zeros(0))
    edited = edited.moved_to(user_keys.retimed(edited.frames, record, start, fps)).as_user_keys()
    deleted = plan.take_frames[user_keys.is_deleted(plan.take_frames, deleted, record, start, fps)]
    values = _blended_values(shot, channel, plan, edited)
    if values is None:  # an artist deleted the raw motion, so the present keys are all that is left
        write_record(action, channel, replace(record, composed_from=plan.composed_from(channel)))
        return
    values += _missing_in_controls(shot, channel, len(frames))
    _widen_slider(shot, channel, values)
    generated = user_keys.is_free(frames, edited.frames) & ~np.isin(frames, deleted)
    fitted = fit_channel(frames[generated], values[generated], edited, plan.error(channel))
    write_keys(curve, merge_keys(fitted.keys, edited), summary.frames)
    written, residual = np.full(len(frames), np.nan, dtype=np.float32), np.zeros(len(frames), dtype=np.float32)
    written[fitted.keys.frames.astype(int) - plan.placement.first] = fitted.keys.values
    residual[generated] = fitted.residual
    write_record(action, channel, GeneratedRecord(
        start, fps, plan.placement.first, written, _handles(curve, fitted.keys), deleted.astype(np.int32), residual,
        plan.composed_from(channel)))
    if channel.source == "controls" and not np.array_equal(residual, record.residual):
        _mark_detail_of(shot, channel, action)


def _missing_in_controls(shot: Shot, channel: Channel, count: int) -> np.ndarray:
    """Return what a detail channel adds for the controls' sparse keys (N,), in its unit; 0 for other channels."""
    total = np.zeros(count, dtype=np.float32)
    if channel.source == "detail":
        factors = shot.control_directions[:, channel.index] / channel.unit
        action = ensure_action(shot, channel.target)
        for control in control_channels(shot):
            residual = read_residual(action, control)
            if len(residual) == count:
                total += factors[control.index] * residual
    return total


def _mark_detail_of(shot: Shot, control: Channel, action: bpy.types.Action) -> None:
    """Make the detail that a control's direction has out of date, because the control's residual changed."""
    moved = shot.control_directions[control.index] != 0
    for channel in detail_channels(shot):
        if moved[channel.index]:
            mark_out_of_date(action, channel)


def _handles(curve: bpy.types.FCurve, generated: Keys) -> np.ndarray:
    """Return the handles of generated Bézier keys as GeneratedRecord has them, as Blender stores them."""
    if not (generated.fields["interpolation"] == enum_value("interpolation", "BEZIER")).any():
        return np.zeros((0, 4), dtype=np.float32)
    summary = read_summary(curve)
    return summary.handles[np.isin(summary.frames, generated.frames)]


def user_edits(summary: KeySummary, record: GeneratedRecord) -> tuple[np.ndarray, np.ndarray]:
    """Return which keys (K,) bool are the user's, and the frames (R,) int32 whose keys they deleted."""
    return user_keys.is_user_key(summary, record), user_keys.deleted_frames(summary.frames, record)


def _blended_values(shot: Shot, channel: Channel, plan: Plan, edited: Keys) -> np.ndarray | None:
    """Return the generated values (N,) of the plan's frames, blended to the user keys; None without raw motion."""
    frames = plan.frames
    seconds = plan.seconds_at(np.concatenate([frames, edited.frames]))
    values = _edited_values(shot, channel, plan, seconds)
    if values is None:
        return None
    generated, at_user_keys = values[:len(frames)], values[len(frames):]
    return user_keys.blend_to_keys(generated, frames / plan.fps, edited.frames / plan.fps, edited.values - at_user_keys,
                                   plan.falloff)


def _edited_values(shot: Shot, channel: Channel, plan: Plan, seconds: np.ndarray) -> np.ndarray | None:
    """Return what is played at `seconds` (N,), with the emphases and holds of its layer."""
    edits = plan.edits[channel.layer]
    values = _played_values(shot, channel, plan, np.append(seconds, [edit.first_seconds for edit in edits]))
    if values is None or not edits:
        return values
    values, at_first = values[:len(seconds)], values[len(seconds):]
    centre = float(np.median(_played_values(shot, channel, plan, np.arange(0, plan.seconds, 1 / plan.fps))))
    for edit, value in zip(edits, at_first):
        values = edit.applied(values, seconds, float(value), centre, plan.falloff)
    return values.astype(np.float32)


def _played_values(shot: Shot, channel: Channel, plan: Plan, seconds: np.ndarray) -> np.ndarray | None:
    """Return the active take at `seconds` (N,), with retimed words and the cuts of its layer faded in."""
    total, source = None, source_seconds(seconds, plan.retimes[channel.layer], plan.falloff)
    cuts = ((cut.take, cut_weight(seconds, cut, plan.falloff)) for cut in plan.cuts[channel.layer])
    for uid, weight in ((plan.take, None), *cuts):
        take = find_take(shot.root, uid)
        raw = raw_values(shot, take, channel) if take is not None else None
        if raw is None:
            continue
        values = play_layer(raw, take.fps, plan.layers[channel.layer], plan.offset(channel), source)
        total = values if total is None or weight is None else total + (values - total) * weight
    return total


def _widen_slider(shot: Shot, channel: Channel, values: np.ndarray) -> None:
    """Widen the slider range of a shape key to `values`, because Blender clamps its value to the range."""
    if channel.target == "expression":
        key: Any = animated_id(shot, channel.target).path_resolve(channel.curve.data_path.rpartition(".")[0])
        lowest, highest = float(values.min(initial=0.0)), float(values.max(initial=0.0))
        if lowest < key.slider_min:
            key.slider_min = max(-KEY_LIMIT, lowest)
        if highest > key.slider_max:
            key.slider_max = min(KEY_LIMIT, highest)
