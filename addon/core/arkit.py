"""The 52 ARKit shapes: names, and what a character that lacks one plays instead."""

from __future__ import annotations

_WITHOUT_SIDES = (
    "jawOpen", "jawForward", "jawLeft", "jawRight", "mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft",
    "mouthRight", "mouthSmile*", "mouthFrown*", "mouthDimple*", "mouthStretch*", "mouthRollLower", "mouthRollUpper",
    "mouthShrugLower", "mouthShrugUpper", "mouthPress*", "mouthLowerDown*", "mouthUpperUp*", "tongueOut", "cheekPuff",
    "cheekSquint*", "eyeBlink*", "eyeSquint*", "eyeWide*", "eyeLookUp*", "eyeLookDown*", "eyeLookIn*", "eyeLookOut*",
    "browDown*", "browInnerUp", "browOuterUp*", "noseSneer*")
PAIRS = {name[:-1]: (f"{name[:-1]}Left", f"{name[:-1]}Right") for name in _WITHOUT_SIDES if name.endswith("*")}
"""Shape without its side -> left and right, the subject's."""
ARKIT_NAMES = tuple(side for name in _WITHOUT_SIDES for side in PAIRS.get(name[:-1], (name,)))
"""In the order in which performances have them."""

SIDES = {"Left": "Right", "Right": "Left"}

Weights = dict[str, float]
_EITHER_SIDE: dict[str, tuple[Weights, ...]] = {
    "mouthSmile": ({"mouthDimple{}": 1.0}, {"mouthStretch{}": 0.7}),
    "mouthDimple": ({"mouthSmile{}": 0.5},),
    "mouthStretch": ({"mouthSmile{}": 0.4},),
    "mouthFrown": ({"mouthLowerDown{}": 0.3}, {"mouthShrugLower": 0.2}),
    "mouthPress": ({"mouthRollLower": 0.3, "mouthRollUpper": 0.3},),
    "mouthLowerDown": ({"jawOpen": 0.2},),
    "mouthUpperUp": ({"noseSneer{}": 0.5},),
    "cheekSquint": ({"eyeSquint{}": 0.5},),
    "eyeSquint": ({"eyeBlink{}": 0.3},),
    "eyeWide": ({"eyeBlink{}": -0.3},),
    "browOuterUp": ({"browInnerUp": 0.4},),
    "noseSneer": ({"mouthUpperUp{}": 0.3},),
}
NEIGHBOURS: dict[str, tuple[Weights, ...]] = {
    "mouthClose": ({"jawOpen": -1.0},),  # both at the same value leave the lips closed
    "mouthFunnel": ({"mouthPucker": 0.7},),
    "mouthPucker": ({"mouthFunnel": 0.7},),
    "mouthLeft": ({"jawLeft": 0.5},), "mouthRight": ({"jawRight": 0.5},),
    "jawLeft": ({"mouthLeft": 0.5},), "jawRight": ({"mouthRight": 0.5},),
    "mouthRollLower": ({"mouthPressLeft": 0.5, "mouthPressRight": 0.5},),
    "mouthRollUpper": ({"mouthPressLeft": 0.5, "mouthPressRight": 0.5},),
    "mouthShrugUpper": ({"mouthUpperUpLeft": 0.3, "mouthUpperUpRight": 0.3},),
    "browInnerUp": ({"browOuterUpLeft": 0.7, "browOuterUpRight": 0.7},),
    **{name + side: tuple({other.format(side): weight for other, weight in choice.items()} for choice in choices)
       for name, choices in _EITHER_SIDE.items() for side in ("Left", "Right")},
}
"""Shape -> what stands in for it, the best first: shapes of the character and how much of the missing one each plays.
Shapes without an entry have no neighbour, such as the tongue and the looks.
"""


def is_mouth(name: str) -> bool:
    """Return whether visemes move what this shape moves."""
    return name.startswith(("jaw", "mouth", "tongue"))


def other_side(control: str) -> str:
    """Return the control of the other side; one without sides is its own."""
    for side, other in SIDES.items():
        if control.endswith(side):
            return control.removesuffix(side) + other
    return control
