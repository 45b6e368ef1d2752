"""The live controls of one head: RNA properties of its shot's root that control how its takes are played.

Changing a property only calls `on_change` or `on_switch`; `ui/follow.py` sets these and updates the keys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import bpy
import numpy as np
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ...core.layers import Cut, Layer, SpanEdit
from ...core.retiming import Retime
from ...core.take_settings import PREDICTED


def ignore(root: bpy.types.Object) -> None:
    """Do nothing: the callback while no user interface is registered."""


on_change: Callable[[bpy.types.Object], None] = ignore
"""Called with a root when one of its controls has changed. Owned by `ui/follow.py`, which sets it while registered."""
on_switch: Callable[[bpy.types.Object], None] = ignore
"""Called with a root when another of its takes is active. Owned by `ui/follow.py`, which sets it while registered."""
on_word: Callable[[bpy.types.Object], None] = ignore
"""Called with a root when another word is active. Owned by `ui/words.py`, which sets it while registered."""


def _changed(self: Any, context: bpy.types.Context) -> None:
    on_change(self.id_data)


def _switched(self: Any, context: bpy.types.Context) -> None:
    on_switch(self.id_data)


def _word_chosen(self: Any, context: bpy.types.Context) -> None:
    on_word(self.id_data)


class HeadroomLayer(bpy.types.PropertyGroup):
    """The controls that every layer of the face has."""

    gain: FloatProperty(  # type: ignore[valid-type]
        name="Gain", default=1.0, soft_min=0.0, soft_max=2.0, min=-4.0, max=4.0, update=_changed,
        description="Strength of the predicted motion about its median; 1 is as predicted, 0 is still")
    lag: FloatProperty(  # type: ignore[valid-type]
        name="Lag", soft_min=-0.5, soft_max=0.5, min=-5.0, max=5.0, step=1, precision=3, subtype="TIME_ABSOLUTE",
        unit="TIME_ABSOLUTE", update=_changed, description="Delay of the motion; negative values are earlier")
    smoothing: FloatProperty(  # type: ignore[valid-type]
        name="Smoothing", soft_max=0.3, min=0.0, max=2.0, step=1, precision=3, subtype="TIME_ABSOLUTE",
        unit="TIME_ABSOLUTE", update=_changed, description="Time over which the motion is averaged")

    def value(self) -> Layer:
        """Return the controls as plain numbers."""
        return Layer(self.gain, self.lag, self.smoothing)


class HeadroomWord(bpy.types.PropertyGroup):
    """One word of a speech; `name` is its text."""

    first_seconds: FloatProperty()  # type: ignore[valid-type]
    last_seconds: FloatProperty()  # type: ignore[valid-type]
    confidence: FloatProperty()  # type: ignore[valid-type]


class HeadroomTake(bpy.types.PropertyGroup):
    """One prediction. Its raw motion is in two actions on muted NLA tracks of the head."""

    uid: StringProperty()  # type: ignore[valid-type]
    number: IntProperty()  # type: ignore[valid-type]
    seed: IntProperty()  # type: ignore[valid-type]
    pose: StringProperty(default=PREDICTED)  # type: ignore[valid-type]
    speech: StringProperty()  # type: ignore[valid-type]
    imported: StringProperty()  # type: ignore[valid-type]
    mirrored: BoolProperty()  # type: ignore[valid-type]
    fps: FloatProperty()  # type: ignore[valid-type]
    samples: IntProperty()  # type: ignore[valid-type]
    phones: StringProperty()  # type: ignore[valid-type]
    words: CollectionProperty(type=HeadroomWord)  # type: ignore[valid-type]
    detail_share: FloatProperty(default=1.0)  # type: ignore[valid-type]
    head: PointerProperty(type=bpy.types.Action)  # type: ignore[valid-type]
    expression: PointerProperty(type=bpy.types.Action)  # type: ignore[valid-type]


class HeadroomCut(bpy.types.PropertyGroup):
    """A span of the speech in which some layers play another take than the active one; all, in older files."""

    take: StringProperty()  # type: ignore[valid-type]
    first_seconds: FloatProperty()  # type: ignore[valid-type]
    last_seconds: FloatProperty()  # type: ignore[valid-type]
    head: BoolProperty(  # type: ignore[valid-type]
        name="Head", default=True, update=_changed, description="Play the head pose of this take in this cut")
    mouth: BoolProperty(  # type: ignore[valid-type]
        name="Mouth", default=True, update=_changed,
        description="Play jaw, mouth, cheeks and nose of this take in this cut")
    upper: BoolProperty(  # type: ignore[valid-type]
        name="Brows and Eyes", default=True, update=_changed,
        description="Play brows, eyes and gaze of this take in this cut")

    def value(self) -> Cut:
        """Return the cut as plain values."""
        return Cut(self.take, self.first_seconds, self.last_seconds)


class HeadroomSpanEdit(bpy.types.PropertyGroup):
    """A span of the speech in which the motion of some layers is emphasised or held."""

    first_seconds: FloatProperty()  # type: ignore[valid-type]
    last_seconds: FloatProperty()  # type: ignore[valid-type]
    is_hold: BoolProperty()  # type: ignore[valid-type]
    gain: FloatProperty(  # type: ignore[valid-type]
        name="Gain", default=1.5, soft_min=0.0, soft_max=3.0, min=-4.0, max=4.0, update=_changed,
        description="Strength of the motion about its median within this range; 1 is as it was")
    head: BoolProperty(  # type: ignore[valid-type]
        name="Head", update=_changed, description="Edit the head pose within this range")
    mouth: BoolProperty(  # type: ignore[valid-type]
        name="Mouth", update=_changed, description="Edit the mouth within this range")
    upper: BoolProperty(  # type: ignore[valid-type]
        name="Brows and Eyes", update=_changed, description="Edit brows and eyes within this range")

    def value(self) -> SpanEdit:
        """Return the edit as plain values."""
        return SpanEdit(self.first_seconds, self.last_seconds, None if self.is_hold else self.gain)


class HeadroomRetime(bpy.types.PropertyGroup):
    """A word, in seconds of the speech, whose motion is played at another time; `name` is its text."""

    first_seconds: FloatProperty()  # type: ignore[valid-type]
    last_seconds: FloatProperty()  # type: ignore[valid-type]
    to_first_seconds: FloatProperty()  # type: ignore[valid-type]
    to_last_seconds: FloatProperty()  # type: ignore[valid-type]
    head: BoolProperty(  # type: ignore[valid-type]
        name="Head", default=True, update=_changed, description="Retime the head pose of this word")
    mouth: BoolProperty(  # type: ignore[valid-type]
        name="Mouth", default=True, update=_changed, description="Retime the mouth in this word")
    upper: BoolProperty(  # type: ignore[valid-type]
        name="Brows and Eyes", default=True, update=_changed, description="Retime brows and eyes in this word")

    def value(self) -> Retime:
        """Return the retiming as plain values."""
        return Retime(self.first_seconds, self.last_seconds, self.to_first_seconds, self.to_last_seconds)


class HeadroomHead(bpy.types.PropertyGroup):
    """Takes, cuts and controls of one head: `Object.headroom` of its root."""

    takes: CollectionProperty(type=HeadroomTake)  # type: ignore[valid-type]
    active_take: IntProperty(name="Take", min=0, update=_switched)  # type: ignore[valid-type]
    cuts: CollectionProperty(type=HeadroomCut)  # type: ignore[valid-type]
    edits: CollectionProperty(type=HeadroomSpanEdit)  # type: ignore[valid-type]
    retimes: CollectionProperty(type=HeadroomRetime)  # type: ignore[valid-type]
    active_word: IntProperty(name="Word", min=0, update=_word_chosen)  # type: ignore[valid-type]
    transcript: PointerProperty(  # type: ignore[valid-type]
        name="Transcript", type=bpy.types.Text, description="Text with what is said, in the order of the recording")
    phone_markers: StringProperty()  # type: ignore[valid-type]
    use: StringProperty(  # type: ignore[valid-type]
        name="Use", description="What the shot is for, such as the production's title. Needed where the consent of the "
                                "person shown names the uses it covers")
    label: StringProperty(  # type: ignore[valid-type]
        name="Label", description="Text in the top left corner of movies and pictures, such as AI-generated. Leave "
                                  "empty for none")

    channel: IntProperty(  # type: ignore[valid-type]
        name="Channel", min=0, max=128,
        description="Channel of the sequencer whose sound strips this person says in a conversation. 0 is the channel "
                    "of the head's own speech, or none for a person who only listens")

    head: PointerProperty(type=HeadroomLayer)  # type: ignore[valid-type]
    mouth: PointerProperty(type=HeadroomLayer)  # type: ignore[valid-type]
    upper: PointerProperty(type=HeadroomLayer)  # type: ignore[valid-type]
    hold_head: BoolProperty(  # type: ignore[valid-type]
        name="Hold Head Still", update=_changed, description="Keep the head in the median pose of the take")
    head_turn: FloatVectorProperty(  # type: ignore[valid-type]
        name="Turn", size=3, subtype="EULER", unit="ROTATION", update=_changed,
        description="Added to the head's rotation: pitch, yaw, roll")
    head_shift: FloatVectorProperty(  # type: ignore[valid-type]
        name="Shift", size=3, subtype="TRANSLATION", unit="LENGTH", precision=3, step=0.1, update=_changed,
        description="Added to the head's position")
    mouth_open: FloatProperty(  # type: ignore[valid-type]
        name="Open", soft_min=-1.0, soft_max=1.0, min=-5.0, max=5.0, update=_changed,
        description="Added to the first expression of the mouth, which opens it")
    lids_open: FloatProperty(  # type: ignore[valid-type]
        name="Open Lids", soft_min=-1.0, soft_max=1.0, min=-5.0, max=5.0, update=_changed,
        description="Added to the first expression of the eyes, which lifts the lids")
    brows_raise: FloatProperty(  # type: ignore[valid-type]
        name="Raise Brows", soft_min=-1.0, soft_max=1.0, min=-5.0, max=5.0, update=_changed,
        description="Added to the first expression of the brows, which raises them")
    gaze_left: FloatProperty(  # type: ignore[valid-type]
        name="Gaze Left", soft_min=-3.0, soft_max=3.0, min=-5.0, max=5.0, update=_changed,
        description="Turns the eyes to the person's left; 1 is 10 degrees")
    gaze_up: FloatProperty(  # type: ignore[valid-type]
        name="Gaze Up", soft_min=-3.0, soft_max=3.0, min=-5.0, max=5.0, update=_changed,
        description="Turns the eyes up; 1 is 10 degrees")

    falloff: FloatProperty(  # type: ignore[valid-type]
        name="Falloff", default=0.2, min=0.0, soft_max=1.0, max=10.0, step=1, precision=2, subtype="TIME_ABSOLUTE",
        unit="TIME_ABSOLUTE", update=_changed,
        description="Time before and after your own keys over which generated keys are blended to them")
    follow_strip: BoolProperty(  # type: ignore[valid-type]
        name="Follow Sound Strip", default=True, update=_changed,
        description="Moving or trimming the speech in the sequencer moves or trims the animation")
    every_frame: BoolProperty(  # type: ignore[valid-type]
        name="Key Every Frame", update=_changed,
        description="Generate a linear key on every frame, in place of few Bézier keys")
    key_error: FloatProperty(  # type: ignore[valid-type]
        name="Key Error", default=1.0, min=0.01, soft_max=10.0, max=1000.0, step=10, update=_changed,
        description="How far the keyed motion may be from the predicted one: at 1, 0.15 degrees and 0.3 mm of the head "
                    "pose, and 0.01 of a face control. Larger values need fewer keys")
    warn_degrees: FloatProperty(  # type: ignore[valid-type]
        name="Warn From (°)", default=4.0, min=0.5, max=45.0, precision=1, update=_changed,
        description="Frames are listed from this distance to the clip's nearest head pose; 10 mm count as 1 degree")


SAME_SECONDS = 1e-3
"""Two words of a speech that begin within this time are the same one; Blender stores single precision."""
CONTROLS = ("hold_head", "head_turn", "head_shift", "mouth_open", "lids_open", "brows_raise", "gaze_left", "gaze_up")
"""The controls that belong to no layer."""
LAYERS: tuple[Literal["head", "mouth", "upper"], ...] = ("head", "mouth", "upper")
CLASSES = (HeadroomLayer, HeadroomWord, HeadroomTake, HeadroomCut, HeadroomSpanEdit, HeadroomRetime, HeadroomHead)


def head_of(root: bpy.types.Object) -> HeadroomHead:
    """Return the takes, cuts and controls of a shot's root."""
    return root.headroom  # type: ignore[attr-defined]


def active_take(root: bpy.types.Object) -> HeadroomTake | None:
    """Return the take that is played; None before the first one."""
    head = head_of(root)
    return head.takes[min(head.active_take, len(head.takes) - 1)] if head.takes else None


def played_retimes(head: HeadroomHead, take: HeadroomTake) -> list[HeadroomRetime]:
    """Return the retimed words that a take's speech has; those of another speech rest."""
    if not head.retimes or not take.words:
        return []
    starts = np.empty(len(take.words), dtype=np.float32)
    take.words.foreach_get("first_seconds", starts)
    return [each for each in head.retimes if np.abs(starts - each.first_seconds).min() < SAME_SECONDS]


def find_retime(head: HeadroomHead, first_seconds: float) -> HeadroomRetime | None:
    """Return the retiming of the word that begins there in its speech; None where it is played when it is spoken."""
    return next((each for each in head.retimes if abs(each.first_seconds - first_seconds) < SAME_SECONDS), None)


def reset(root: bpy.types.Object) -> None:
    """Set every control to its default. Takes, cuts and user keys stay."""
    head = head_of(root)
    for name in LAYERS:
        layer = getattr(head, name)
        for control in HeadroomLayer.__annotations__:
            layer.property_unset(control)
    for control in CONTROLS:
        head.property_unset(control)
    on_change(root)


def register() -> None:
    """Register the property groups and `Object.headroom`."""
    for each in CLASSES:
        bpy.utils.register_class(each)
    bpy.types.Object.headroom = PointerProperty(type=HeadroomHead)  # type: ignore[attr-defined, func-returns-value]


def unregister() -> None:
    """Remove them; the stored values stay in the file."""
    del bpy.types.Object.headroom  # type: ignore[attr-defined]
    for each in reversed(CLASSES):
        bpy.utils.unregister_class(each)
