"""The live controls of one head, kept on its shot's root: how its takes are played. Values only; nothing is moved here.

`ui/live.py` sets `on_change` and `on_switch`, and makes the keys follow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ...core.layers import Cut, Layer
from ...core.take_settings import PREDICTED

on_change: Callable[[bpy.types.Object], None] = lambda root: None  # noqa: E731  replaced while the extension is on
on_switch: Callable[[bpy.types.Object], None] = lambda root: None  # noqa: E731  another take is active


def _changed(self: Any, context: bpy.types.Context) -> None:
    on_change(self.id_data)


def _switched(self: Any, context: bpy.types.Context) -> None:
    on_switch(self.id_data)


class HeadroomLayer(bpy.types.PropertyGroup):
    gain: FloatProperty(  # type: ignore[valid-type]
        name="Gain", default=1.0, soft_min=0.0, soft_max=2.0, min=-4.0, max=4.0, update=_changed,
        description="How strongly the prediction moves, about its usual value; 1 is as predicted, 0 holds still")
    lag: FloatProperty(  # type: ignore[valid-type]
        name="Lag", soft_min=-0.5, soft_max=0.5, min=-5.0, max=5.0, step=1, precision=3, subtype="TIME_ABSOLUTE",
        unit="TIME_ABSOLUTE", update=_changed, description="Later when positive, earlier when negative")
    smoothing: FloatProperty(  # type: ignore[valid-type]
        name="Smoothing", soft_max=0.3, min=0.0, max=2.0, step=1, precision=3, subtype="TIME_ABSOLUTE",
        unit="TIME_ABSOLUTE", update=_changed, description="Over how long a time the prediction is averaged")

    def value(self) -> Layer:
        return Layer(self.gain, self.lag, self.smoothing)


class HeadroomTake(bpy.types.PropertyGroup):
    """One prediction. Its raw motion is in two actions that lie muted on the head's NLA tracks."""

    uid: StringProperty()  # type: ignore[valid-type]
    number: IntProperty()  # type: ignore[valid-type]
    seed: IntProperty()  # type: ignore[valid-type]
    pose: StringProperty(default=PREDICTED)  # type: ignore[valid-type]
    speech: StringProperty(subtype="FILE_PATH")  # type: ignore[valid-type]
    fps: FloatProperty()  # type: ignore[valid-type]
    samples: IntProperty()  # type: ignore[valid-type]
    head: PointerProperty(type=bpy.types.Action)  # type: ignore[valid-type]
    expression: PointerProperty(type=bpy.types.Action)  # type: ignore[valid-type]


class HeadroomCut(bpy.types.PropertyGroup):
    """A stretch of the speech that another take than the active one plays."""

    take: StringProperty()  # type: ignore[valid-type]
    first_seconds: FloatProperty()  # type: ignore[valid-type]
    last_seconds: FloatProperty()  # type: ignore[valid-type]

    def value(self) -> Cut:
        return Cut(self.take, self.first_seconds, self.last_seconds)


class HeadroomHead(bpy.types.PropertyGroup):
    """What the root of every shot holds as `Object.headroom`."""

    takes: CollectionProperty(type=HeadroomTake)  # type: ignore[valid-type]
    active_take: IntProperty(name="Take", min=0, update=_switched)  # type: ignore[valid-type]
    cuts: CollectionProperty(type=HeadroomCut)  # type: ignore[valid-type]

    head: PointerProperty(type=HeadroomLayer)  # type: ignore[valid-type]
    mouth: PointerProperty(type=HeadroomLayer)  # type: ignore[valid-type]
    upper: PointerProperty(type=HeadroomLayer)  # type: ignore[valid-type]
    hold_head: BoolProperty(  # type: ignore[valid-type]
        name="Hold Head Still", update=_changed, description="Keep the head in the take's usual pose")
    head_turn: FloatVectorProperty(  # type: ignore[valid-type]
        name="Turn", size=3, subtype="EULER", unit="ROTATION", update=_changed,
        description="Added to the head's rotation: pitch, yaw, roll")
    head_shift: FloatVectorProperty(  # type: ignore[valid-type]
        name="Shift", size=3, subtype="TRANSLATION", unit="LENGTH", precision=3, step=0.1, update=_changed,
        description="Added to the head's position")
    mouth_open: FloatProperty(  # type: ignore[valid-type]
        name="Open", soft_min=-1.0, soft_max=1.0, min=-5.0, max=5.0, update=_changed,
        description="Added to the mouth's first shape key, which opens it")
    lids_open: FloatProperty(  # type: ignore[valid-type]
        name="Open Lids", soft_min=-1.0, soft_max=1.0, min=-5.0, max=5.0, update=_changed,
        description="Added to the eyes' first shape key, which lifts the lids")
    brows_raise: FloatProperty(  # type: ignore[valid-type]
        name="Raise Brows", soft_min=-1.0, soft_max=1.0, min=-5.0, max=5.0, update=_changed,
        description="Added to the brows' first shape key, which raises them")
    look_left: FloatProperty(  # type: ignore[valid-type]
        name="Look Left", soft_min=-3.0, soft_max=3.0, min=-5.0, max=5.0, update=_changed,
        description="Added to the gaze's first shape key, which turns the eyes to the person's left; 1 is 10 degrees")
    look_up: FloatProperty(  # type: ignore[valid-type]
        name="Look Up", soft_min=-3.0, soft_max=3.0, min=-5.0, max=5.0, update=_changed,
        description="Added to the gaze's second shape key, which turns the eyes up; 1 is 10 degrees")

    falloff: FloatProperty(  # type: ignore[valid-type]
        name="Falloff", default=0.2, min=0.0, soft_max=1.0, max=10.0, step=1, precision=2, subtype="TIME_ABSOLUTE",
        unit="TIME_ABSOLUTE", update=_changed,
        description="How far from your own keys generated ones are led up to them")
    follow_strip: BoolProperty(  # type: ignore[valid-type]
        name="Follow Sound Strip", default=True, update=_changed,
        description="Moving or trimming the speech in the sequencer moves or trims the animation")
    warn_degrees: FloatProperty(  # type: ignore[valid-type]
        name="Warn From (°)", default=4.0, min=0.5, max=45.0, precision=1, update=_changed,
        description="Degrees from the clip's nearest head pose (10 mm count as one) from which frames are listed")


CONTROLS = ("hold_head", "head_turn", "head_shift", "mouth_open", "lids_open", "brows_raise", "look_left", "look_up")
LAYERS = ("head", "mouth", "upper")
CLASSES = (HeadroomLayer, HeadroomTake, HeadroomCut, HeadroomHead)


def head_of(root: bpy.types.Object) -> HeadroomHead:
    """The takes and controls of a shot's root."""
    return root.headroom  # type: ignore[attr-defined]


def active_take(root: bpy.types.Object) -> HeadroomTake | None:
    head = head_of(root)
    return head.takes[min(head.active_take, len(head.takes) - 1)] if head.takes else None


def reset(root: bpy.types.Object) -> None:
    """Give every control its default; takes, cuts and the animator's keys stay."""
    head = head_of(root)
    for name in LAYERS:
        layer = getattr(head, name)
        for control in HeadroomLayer.__annotations__:
            layer.property_unset(control)
    for name in CONTROLS:
        head.property_unset(name)
    on_change(root)


def register() -> None:
    for each in CLASSES:
        bpy.utils.register_class(each)
    bpy.types.Object.headroom = PointerProperty(type=HeadroomHead)  # type: ignore[attr-defined, func-returns-value]


def unregister() -> None:
    del bpy.types.Object.headroom  # type: ignore[attr-defined]
    for each in reversed(CLASSES):
        bpy.utils.unregister_class(each)
