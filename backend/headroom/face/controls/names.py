"""The 52 ARKit shapes: names, groups and mirrored partners."""

from __future__ import annotations

GROUPS: dict[str, tuple[str, ...]] = {
    "Jaw": ("jawOpen", "jawForward", "jawLeft", "jawRight"),
    "Mouth": (
        "mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight", "mouthSmileLeft", "mouthSmileRight",
        "mouthFrownLeft", "mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft",
        "mouthStretchRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
        "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft",
        "mouthUpperUpRight", "tongueOut"),
    "Cheeks": ("cheekPuff", "cheekSquintLeft", "cheekSquintRight"),
    "Eyes": (
        "eyeBlinkLeft", "eyeBlinkRight", "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight",
        "eyeLookUpLeft", "eyeLookUpRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight",
        "eyeLookOutLeft", "eyeLookOutRight"),
    "Brows": ("browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    "Nose": ("noseSneerLeft", "noseSneerRight"),
}
"""Group -> its shapes, in the order in which Blender lists them."""

CONTROL_NAMES = tuple(name for names in GROUPS.values() for name in names)
"""The (52,) names, camelCase as ARKit has them; left and right are the subject's."""
CONTROL_GROUPS = tuple(group for group, names in GROUPS.items() for _ in names)
"""The group of each of them."""


def mirrored(name: str) -> str:
    """Return the name of the same shape on the other side; the name itself for a shape of both sides."""
    for side, other in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(side):
            return name.removesuffix(side) + other
    return name


MIRRORS = tuple(CONTROL_NAMES.index(mirrored(name)) for name in CONTROL_NAMES)
"""Index (52,) of each control's partner on the other side."""
