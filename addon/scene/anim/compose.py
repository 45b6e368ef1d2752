"""Working keys from the active take: played through the live controls, cut, and led up to the animator's own keys.

Everything that moves a head comes through `compose`: Perform, another take, a slider, a moved speech, another scene
rate. Every channel's record says what it was made with, so only channels that are out of date are made anew, an
interrupted composition goes on where it was, and after undo or loading it is plain what has to be done.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, replace

import numpy as np

from ...core import user_keys as edits
from ...core.layers import Cut, Layer, cut_weight, played
from ...core.rig import KEY_LIMIT
from ...core.timing import frame_count
from .. import compat
from ..build.face import expression_keys
from ..build.shot import Shot
from .channels import (
    OFFSETS,
    Channel,
    channels_of,
    ensure_action,
    find_action,
    made_with,
    owner,
    read_record,
    write_record,
)
from .controls import LAYERS, active_take, head_of
from .curves import Keys, Marks, ensure_curve, generated_keys, merged, read_keys, read_marks, write_keys
from .strips import Placement, placement
from .takes import find_take, place_raw, raw_values


@dataclass(frozen=True)
class Plan:
    """What the working keys are to be made with. Values only: it may outlive the Blender data it was read from."""

    take: str
    seconds: float
    fps: float
    placement: Placement
    layers: dict[str, Layer]
    offsets: dict[str, tuple[float, ...]]
    cuts: tuple[Cut, ...]
    falloff: float

    @property
    def frames(self) -> np.ndarray:
        """The scene frames (N,) that get keys."""
        return np.arange(self.placement.first, max(self.placement.first, self.placement.end))

    @property
    def whole(self) -> np.ndarray:
        """The scene frames the take covers, heard or trimmed away."""
        first = round(self.placement.start)
        return np.arange(first, first + frame_count(self.seconds, self.fps))

    def offset(self, channel: Channel) -> float:
        return self.offsets[channel.offset][channel.index] if channel.offset else 0.0

    def made_with(self, channel: Channel) -> str:
        """What the channel is made from, as text; the same text gives the same generated keys."""
        facts = [self.take, self.seconds, self.fps, asdict(self.placement), asdict(self.layers[channel.layer]),
                 self.offset(channel), [asdict(cut) for cut in self.cuts], self.falloff]
        return json.dumps(facts)


def make_plan(shot: Shot) -> Plan | None:
    """What takes, controls, strip and scene rate ask for now; None before the first take."""
    head, take = head_of(shot.root), active_take(shot.root)
    if take is None:
        return None
    layers = {name: getattr(head, name).value() for name in LAYERS}
    if head.hold_head:
        layers["head"] = replace(layers["head"], gain=0.0)
    seconds = take.samples / take.fps
    offsets = {"head_turn": tuple(head.head_turn), "head_shift": tuple(head.head_shift),
               **{name: (getattr(head, name),) for names in OFFSETS.values() for name in names}}
    return Plan(take.uid, seconds, shot.fps, placement(shot, seconds), layers, offsets,
                tuple(cut.value() for cut in head.cuts), head.falloff)


def out_of_date(shot: Shot, plan: Plan | None) -> list[Channel]:
    """The channels whose keys are not what `plan` asks for."""
    if plan is None:
        return []
    actions = {part: find_action(shot, part) for part in ("head", "expression")}
    wanted: dict[tuple[str, float], str] = {}
    late = []
    for channel in channels_of(shot):
        kind = (channel.layer, plan.offset(channel))
        if kind not in wanted:
            wanted[kind] = plan.made_with(channel)
        action = actions[channel.part]
        if action is None or made_with(action, channel) != wanted[kind]:
            late.append(channel)
    return late


def compose(shot: Shot, budget_seconds: float = float("inf")) -> bool:
    """Bring the working keys up to date; False when `budget_seconds` were over before all were, then call again."""
    plan, end = make_plan(shot), time.monotonic() + budget_seconds
    late = out_of_date(shot, plan)
    if plan is None or not late:
        return True
    if shot.root.get("headroom_start_frame") != round(plan.placement.start):
        shot.root["headroom_start_frame"] = round(plan.placement.start)
    place_raw(shot, plan.placement.start)
    for channel in late:
        compose_channel(shot, channel, plan)
        if time.monotonic() > end and channel is not late[-1]:
            return False
    return True


def compose_channel(shot: Shot, channel: Channel, plan: Plan) -> None:
    """Make one channel's keys anew; the animator's stay, and what they deleted stays deleted."""
    action = ensure_action(shot, channel.part)
    written = read_record(action, channel) or edits.Written(plan.placement.start, plan.fps)
    curve = ensure_curve(compat.channels(action, owner(shot, channel.part)), channel.path, channel.index,
                         channel.group)
    before = read_marks(curve)
    mine, removed = animators(before, written)
    own = read_keys(curve)[mine] if mine.any() else generated_keys(np.zeros(0), np.zeros(0))
    own = own.at(edits.moved(own.frames, written, plan.placement.start, plan.fps)).claimed()
    frames = plan.frames
    gone = edits.still_removed(plan.whole, removed, written, plan.placement.start, plan.fps)
    laid = edits.free_of(frames, own.frames) & ~np.isin(frames, plan.whole[gone])
    values = _led_up(shot, channel, plan, frames, own)
    if values is None:  # an artist deleted the raw motion: what is keyed is all there is
        write_record(action, channel, replace(written, made_with=plan.made_with(channel)))
        return
    _widen(shot, channel, values)
    write_keys(curve, merged(generated_keys(frames[laid], values[laid]), own), before.frames)
    write_record(action, channel, edits.Written(
        plan.placement.start, plan.fps, plan.placement.first, np.where(laid, values, np.nan).astype(np.float32),
        plan.whole[gone].astype(np.int32), plan.made_with(channel)))


def animators(marks: Marks, written: edits.Written) -> tuple[np.ndarray, np.ndarray]:
    """Which of a curve's keys (K,) bool are the animator's, and the frames (R,) int32 they cleared."""
    mine = edits.own_keys(marks.frames, marks.values, marks.generated, written)
    return mine, edits.removed_frames(marks.frames, written)


def _led_up(shot: Shot, channel: Channel, plan: Plan, frames: np.ndarray, own: Keys) -> np.ndarray | None:
    """The generated values (N,) at `frames`, led up to the animator's keys; None when the take's motion is gone."""
    both = np.concatenate([frames, own.frames])
    values = _played(shot, channel, plan, (both - plan.placement.start) / plan.fps)
    if values is None:
        return None
    generated, under_own = values[:len(frames)], values[len(frames):]
    return edits.led_up(generated, frames / plan.fps, own.frames / plan.fps, own.values - under_own, plan.falloff)


def _played(shot: Shot, channel: Channel, plan: Plan, seconds: np.ndarray) -> np.ndarray | None:
    """The active take at `seconds` (N,), and over it what is cut in from others."""
    total = None
    for uid, weight in ((plan.take, None), *((cut.take, cut_weight(seconds, cut, plan.falloff)) for cut in plan.cuts)):
        take = find_take(shot.root, uid)
        raw = raw_values(shot, take, channel) if take is not None else None
        if raw is None:
            continue
        values = played(raw, take.fps, plan.layers[channel.layer], plan.offset(channel), seconds)
        total = values if total is None or weight is None else total + (values - total) * weight
    return total


def _widen(shot: Shot, channel: Channel, values: np.ndarray) -> None:
    """A shape key clamps its value to the slider's range, so a range that is too narrow is widened."""
    if channel.part == "expression":
        key = expression_keys(shot.face)[channel.mode]
        reach = min(KEY_LIMIT, float(np.abs(values).max(initial=0.0)))
        if -reach < key.slider_min:
            key.slider_min = -reach
        if reach > key.slider_max:
            key.slider_max = reach
