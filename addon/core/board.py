"""The control board: handles on the face, and the face controls that they move across the picture and up it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .arkit import SIDES, other_side

HEAD_DEGREES_PER_PIXEL = 0.2


@dataclass(frozen=True)
class Axis:
    """The controls that one direction of a handle moves, and those of the opposite direction."""

    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.positive, *self.negative)

    def value(self, values: Mapping[str, float]) -> float:
        """Return where the axis is, -1..1; for a pair of controls the larger one counts."""
        return _largest(self.positive, values) - _largest(self.negative, values)

    def moved(self, values: Mapping[str, float], change: float) -> dict[str, float]:
        """Return name -> value of the axis' controls after a change; both directions stay within 0..1."""
        place = self.value(values) + change
        return {**dict.fromkeys(self.negative, min(max(-place, 0.0), 1.0)),
                **dict.fromkeys(self.positive, min(max(place, 0.0), 1.0))}


def _largest(names: tuple[str, ...], values: Mapping[str, float]) -> float:
    return max((values.get(name, 0.0) for name in names), default=0.0)


@dataclass(frozen=True)
class Handle:
    """One handle.

    anchor: the control whose most moved vertex the handle lies on.
    side: 1 for a vertex on the subject's left, -1 on the right, 0 for one in the middle.
    across: moved by dragging to the right in the picture, which is the subject's left; up: by dragging upwards.
    hint: what it does.
    """

    anchor: str
    side: int
    across: Axis
    up: Axis
    hint: str


def _both(name: str) -> tuple[str, ...]:
    return (f"{name}Left", f"{name}Right")


def _of_side(side: str) -> dict[str, Handle]:
    """Return the handles of one side of the face."""
    sign = 1 if side == "Left" else -1
    outwards, inwards = (f"mouthStretch{side}",), ("mouthPucker",)
    corner = Axis(outwards, inwards) if sign > 0 else Axis(inwards, outwards)
    return {
        f"Corner {side}": Handle(f"mouthSmile{side}", sign, corner, Axis((f"mouthSmile{side}",),
                                 (f"mouthFrown{side}",)), "Corner of the mouth: smile, frown, stretch, pucker"),
        f"Lid {side}": Handle(f"eyeBlink{side}", sign, Axis(), Axis((f"eyeWide{side}",), (f"eyeBlink{side}",)),
                              "Lid: blink, wide"),
        f"Brow {side}": Handle(f"browOuterUp{side}", sign, Axis(), Axis((f"browOuterUp{side}",),
                               (f"browDown{side}",)), "Brow: raise, lower"),
    }


HEAD, ROLL = "Head", "Head Roll"
"""Handles that turn the head instead of moving controls."""
JAW, GAZE = "Jaw", "Gaze"
"""Handles that lie beside the most moved vertex: on the chin, and between the eyes."""
HANDLES: dict[str, Handle] = {
    JAW: Handle("jawOpen", 0, Axis(("jawLeft",), ("jawRight",)), Axis((), ("jawOpen",)),
                  "Jaw: open, left, right"),
    "Upper Lip": Handle("mouthUpperUpLeft", 0, Axis(("mouthLeft",), ("mouthRight",)),
                        Axis(_both("mouthUpperUp"), ("mouthClose",)), "Upper lip: raise, close, left, right"),
    "Lower Lip": Handle("mouthLowerDownLeft", 0, Axis(), Axis(_both("mouthPress"), _both("mouthLowerDown")),
                        "Lower lip: press, lower"),
    "Brows": Handle("browInnerUp", 0, Axis(), Axis(("browInnerUp",), _both("browDown")),
                    "Inner brows: raise, lower"),
    GAZE: Handle("eyeBlinkLeft", 0, Axis(("eyeLookOutLeft", "eyeLookInRight"),
                                            ("eyeLookInLeft", "eyeLookOutRight")),
                   Axis(_both("eyeLookUp"), _both("eyeLookDown")), "Gaze of both eyes"),
    **_of_side("Left"), **_of_side("Right"),
    HEAD: Handle("", 0, Axis(), Axis(), "Head: turn and nod"),
    ROLL: Handle("", 1, Axis(), Axis(), "Head: tilt"),
}


def moved_controls(name: str, values: Mapping[str, float], across: float, up: float, both_sides: bool
                   ) -> dict[str, float]:
    """Return name -> value of the controls of a handle that is moved by `across` and `up`, in units of its controls.

    both_sides: the other side of the face mirrors the movement.
    """
    handle = HANDLES[name]
    result: dict[str, float] = {}
    if across:
        result |= handle.across.moved(values, across)
    if up:
        result |= handle.up.moved(values, up)
    side = name.rpartition(" ")[2]
    if both_sides and side in SIDES:
        result |= {other_side(control): value for control, value in result.items()}
    return result


def head_turn(name: str, across: float, up: float) -> tuple[float, float, float]:
    """Return pitch, yaw and roll in degrees for a head handle that is moved by so many degrees across and up."""
    return (0.0, 0.0, up) if name == ROLL else (-up, across, 0.0)
