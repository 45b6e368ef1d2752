"""What each ARKit shape does to MediaPipe's landmarks at 1, in millimetres of model axes.

A shape is defined by the landmarks that it moves; a motion of zero holds a landmark in place. Shapes of one side are
written for the left one. The face model completes the motion of the other landmarks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from headroom.face.controls.names import CONTROL_NAMES, mirrored

Motion = tuple[float, float, float]
Targets = dict[int, Motion]
Mirror = Callable[[int], int]
"""Returns the landmark on the other side."""

# from the middle of the lips to the left corner
UPPER_LIP = ((0, 267, 269, 270, 409, 291), (13, 312, 311, 310, 415, 308))
LOWER_LIP = ((17, 314, 405, 321, 375, 291), (14, 317, 402, 318, 324, 308))
CORNER = (291, 308)
CHIN, BELOW_LIP = (152, 377, 175, 199, 200), (18, 313)
UPPER_LID, LOWER_LID = (398, 384, 385, 386, 387, 388, 466), (382, 381, 380, 374, 373, 390, 249)
BROW = (336, 296, 334, 293, 300, 285, 295, 282, 283, 276)
NOSE_WING = (278, 294, 327, 439)

JAW_OPEN_MM = 22.0
"""Opening of the lips by jawOpen; mouthClose closes as much."""

EVEN = (1.0, 1.0, 1.0, 1.0, 0.8, 0.0)
FADE = (1.0, 0.95, 0.8, 0.6, 0.35, 0.2)
LEFT = (0.5, 0.9, 1.0, 0.8, 0.4, 0.0)
SMILE = (0.0, 0.08, 0.25, 0.5, 0.8, 1.0)
"""How much of a motion each landmark makes, from the middle of the lips to the corner."""
WHOLE = (1.0,) * 6
STILL = (0.0, 0.0, 0.0)
FREE = float("nan")
"""In place of one coordinate of a motion: the face model decides it."""


def shape_targets(mirror: Mirror) -> dict[str, Targets]:
    """Return the targets of every shape that landmarks define; tongue, gaze and blinks are not among them."""
    def both(targets: Targets) -> Targets:
        return {**_mirrored(targets, mirror), **targets}

    left = {
        **{name: both(targets) for name, targets in _shapes_of_both_sides().items()},
        **_sideways_shapes(mirror), **_shapes_of_the_left_side(),
    }
    right = {mirrored(name): _mirrored(targets, mirror) for name, targets in left.items() if mirrored(name) != name}
    shapes = left | right
    return {name: shapes[name] for name in CONTROL_NAMES if name in shapes}


def defining_landmarks(targets: Targets) -> list[int]:
    """Return the landmarks that a shape moves."""
    return [landmark for landmark, motion in targets.items() if np.nan_to_num(motion).any()]


def _shapes_of_both_sides() -> dict[str, Targets]:
    """Return the left halves of the symmetric shapes."""
    drop = JAW_OPEN_MM
    return {
        "jawOpen": {**_lip(LOWER_LIP, (0, -drop, -5), FADE), **_at(CHIN, (0, -drop, -8)),
                    **_at(BELOW_LIP, (0, -drop, -6)), **_lip(UPPER_LIP, STILL, EVEN, to=4)},
        "jawForward": {**_at((*CHIN, *BELOW_LIP), (0, 0, 6)), **_lip(LOWER_LIP, (0, 0, 5), FADE),
                       **_lip(UPPER_LIP, STILL, EVEN, to=4)},
        "mouthClose": {**_lip(LOWER_LIP, (0, 0.8 * drop, 3), EVEN), **_lip(UPPER_LIP, (0, -0.2 * drop, 0), EVEN),
                       **_at((152, 377), STILL)},
        "mouthFunnel": {**_lip(UPPER_LIP, (0, 3, 5), EVEN), **_lip(LOWER_LIP, (0, -5, 5), EVEN), **_corner((-6, 0, 4)),
                        **_at((152, 377), STILL)},
        "mouthPucker": {**_lip(UPPER_LIP, (-5, 0, 6), EVEN), **_lip(LOWER_LIP, (-5, 0, 6), EVEN),
                        **_corner((-9, 0, 6)), 0: (0, 0, 6), 13: (0, 0, 6), 14: (0, 0, 6), 17: (0, 0, 6),
                        **_at((152, 377), STILL)},
        "mouthRollLower": {**_outer(LOWER_LIP, (0, 4, -3), EVEN), **_inner(LOWER_LIP, (0, 1, -4), EVEN),
                           **_lip(UPPER_LIP, STILL, EVEN, to=4), 152: STILL},
        "mouthRollUpper": {**_outer(UPPER_LIP, (0, -4, -3), EVEN), **_inner(UPPER_LIP, (0, -1, -4), EVEN),
                           **_lip(LOWER_LIP, STILL, EVEN, to=4), 152: STILL},
        "mouthShrugLower": {**_lip(LOWER_LIP, (0, 4, 3), EVEN), **_at((199, 200), (0, 4, 0)), 18: (0, 5, 2)},
        "mouthShrugUpper": {**_lip(UPPER_LIP, (0, 4, 2), EVEN), **_lip(LOWER_LIP, STILL, EVEN, to=4)},
        "cheekPuff": {**_at((427, 411, 425, 434), (4, 0, 5)), **_lip(UPPER_LIP, STILL, EVEN),
                      **_lip(LOWER_LIP, STILL, EVEN)},
        "browInnerUp": {**_at((336, 285), (0, 8, 0)), **_at((296, 295), (0, 5.5, 0)), 334: (0, 1.5, 0), 282: (0, 2, 0),
                        **_at((293, 283, 300, 276), STILL),
                        **_at(UPPER_LID, STILL)},
    }


def _sideways_shapes(mirror: Mirror) -> dict[str, Targets]:
    """Return the shapes that move both halves of the mouth to the left."""
    def shift(targets: Targets) -> Targets:
        return {**{mirror(landmark): motion for landmark, motion in targets.items()}, **targets}

    return {
        "jawLeft": shift({**_at((*CHIN, *BELOW_LIP), (7, 0, 0)), **_lip(LOWER_LIP, (6, 0, 0), FADE),
                          **_lip(UPPER_LIP, STILL, EVEN, to=4)}),
        "mouthLeft": shift({**_lip(UPPER_LIP, (7, 0, 0), WHOLE), **_lip(LOWER_LIP, (7, 0, 0), WHOLE), 152: (1, 0, 0),
                            4: STILL}),
    }


def _shapes_of_the_left_side() -> dict[str, Targets]:
    """Return the shapes that move the left side alone."""
    return {
        "mouthSmileLeft": {**_mouth((6, 8, -4), SMILE), 280: (0.5, 2, 1), 425: (1.5, 3, 1), 427: (3, 5, 0)},
        "mouthFrownLeft": {**_mouth((1, -8, 0), SMILE), 280: STILL},
        "mouthDimpleLeft": {**_mouth((5, 1, -5), SMILE), 280: STILL},
        "mouthStretchLeft": {**_mouth((7, -4, -2), SMILE), 280: STILL},
        "mouthPressLeft": {**_outer(UPPER_LIP, (0, -2.5, -1), LEFT), **_outer(LOWER_LIP, (0, 2.5, -1), LEFT),
                           **_inner(UPPER_LIP, (0, -0.8, -0.5), LEFT), **_inner(LOWER_LIP, (0, 0.8, -0.5), LEFT)},
        "mouthLowerDownLeft": {**_lip(LOWER_LIP, (0.5, -7, 0), LEFT), **_lip(UPPER_LIP, STILL, EVEN, to=4),
                               152: STILL},
        "mouthUpperUpLeft": {**_lip(UPPER_LIP, (0.5, 6, 0), LEFT), **_lip(LOWER_LIP, STILL, EVEN, to=4)},
        "cheekSquintLeft": {330: (0, 5, 2), 347: (0, 5, 1), 348: (0, 4, 1), 346: (0, 4, 1), 280: (0, 4, 2),
                            **_at((*CORNER, *UPPER_LID, *BROW), STILL)},
        "browDownLeft": {**_at((336, 285), (-2, -7, 0)), **_at((296, 295, 334, 282), (-1, -7, 0)),
                         **_at((293, 283), (0, -5, 0)), **_at((300, 276), (0, -2, 0)), **_at(UPPER_LID, STILL)},
        "browOuterUpLeft": {**_at((336, 285), STILL), **_at((296, 295), (0, 2, 0)), **_at((334, 282), (0, 6, 0)),
                            **_at((293, 283), (0, 8, 0)), **_at((300, 276), (0, 6, 0)), **_at(UPPER_LID, STILL)},
        "noseSneerLeft": {**_at(NOSE_WING, (0.5, 4, 0)), 269: (0, 2, 0), 4: STILL, **_at(CORNER, STILL)},
        "eyeSquintLeft": {**_at(LOWER_LID, (0, 3, 0)), **_at(UPPER_LID, (0, -0.5, 0)), 334: STILL},
        "eyeWideLeft": {**_at(UPPER_LID, (0, 3.5, 0)), **_at(LOWER_LID, (0, -0.7, 0)), 334: STILL},
    }


def _mirrored(targets: Targets, mirror: Mirror) -> Targets:
    return {mirror(landmark): (-x, y, z) for landmark, (x, y, z) in targets.items()}


def _at(landmarks: Iterable[int], motion: Motion) -> Targets:
    return {landmark: motion for landmark in landmarks}


def _chain(chain: Sequence[int], motion: Motion, profile: Sequence[float], to: int = 6) -> Targets:
    """Return the motion of landmarks from the middle of the lips to the corner, the first `to` of them."""
    return {landmark: (motion[0] * share, motion[1] * share, motion[2] * share)
            for landmark, share in list(zip(chain, profile))[:to]}


def _lip(lip: Sequence[Sequence[int]], motion: Motion, profile: Sequence[float], to: int = 6) -> Targets:
    return {**_chain(lip[0], motion, profile, to), **_chain(lip[1], motion, profile, to)}


def _outer(lip: Sequence[Sequence[int]], motion: Motion, profile: Sequence[float]) -> Targets:
    return _chain(lip[0], motion, profile)


def _inner(lip: Sequence[Sequence[int]], motion: Motion, profile: Sequence[float]) -> Targets:
    return _chain(lip[1], motion, profile)


def _mouth(motion: Motion, profile: Sequence[float]) -> Targets:
    return {**_lip(UPPER_LIP, motion, profile), **_lip(LOWER_LIP, motion, profile)}


def _corner(motion: Motion) -> Targets:
    return _at(CORNER, motion)
