"""The pose library: 15 visemes and 12 expressions as values of face controls."""

from __future__ import annotations

from collections.abc import Mapping

VISEME, EXPRESSION = "Viseme", "Expression"
"""Kinds of poses, and their tags. A viseme poses jaw, mouth and cheeks, an expression the whole face."""


def _both(**values: float) -> dict[str, float]:
    """Return the controls of both sides: `mouthSmile` is mouthSmileLeft and mouthSmileRight."""
    return {f"{name}{side}": value for name, value in values.items() for side in ("Left", "Right")}


VISEMES: dict[str, Mapping[str, float]] = {
    "sil": {},
    "PP": {"mouthRollUpper": 0.25, "mouthRollLower": 0.3, **_both(mouthPress=0.5)},
    "FF": {"jawOpen": 0.06, "mouthRollLower": 0.6, "mouthShrugUpper": 0.15, **_both(mouthUpperUp=0.35)},
    "TH": {"jawOpen": 0.18, "tongueOut": 0.4, **_both(mouthUpperUp=0.15, mouthLowerDown=0.2)},
    "DD": {"jawOpen": 0.12, "mouthShrugUpper": 0.1, **_both(mouthUpperUp=0.15, mouthLowerDown=0.25, mouthStretch=0.1)},
    "kk": {"jawOpen": 0.2, **_both(mouthUpperUp=0.1, mouthLowerDown=0.2, mouthStretch=0.1)},
    "CH": {"jawOpen": 0.06, "mouthFunnel": 0.55, "mouthPucker": 0.2, **_both(mouthUpperUp=0.15, mouthLowerDown=0.2)},
    "SS": {"jawOpen": 0.03, **_both(mouthStretch=0.3, mouthSmile=0.15, mouthUpperUp=0.15, mouthLowerDown=0.3)},
    "nn": {"jawOpen": 0.12, **_both(mouthUpperUp=0.1, mouthLowerDown=0.15, mouthStretch=0.1)},
    "RR": {"jawOpen": 0.1, "mouthFunnel": 0.35, "mouthPucker": 0.25, **_both(mouthLowerDown=0.15)},
    "aa": {"jawOpen": 0.55, **_both(mouthLowerDown=0.25, mouthUpperUp=0.15)},
    "E": {"jawOpen": 0.28, **_both(mouthStretch=0.25, mouthSmile=0.2, mouthUpperUp=0.2, mouthLowerDown=0.3)},
    "I": {"jawOpen": 0.12, **_both(mouthStretch=0.35, mouthSmile=0.35, mouthUpperUp=0.2, mouthLowerDown=0.3)},
    "O": {"jawOpen": 0.35, "mouthFunnel": 0.6, "mouthPucker": 0.25},
    "U": {"jawOpen": 0.1, "mouthFunnel": 0.35, "mouthPucker": 0.75},
}
"""Oculus' viseme -> controls."""
EXPRESSIONS: dict[str, Mapping[str, float]] = {
    "Smile": _both(mouthSmile=0.7, cheekSquint=0.5, eyeSquint=0.25, mouthDimple=0.2),
    "Laugh": {"jawOpen": 0.35, "browInnerUp": 0.15,
              **_both(mouthSmile=0.9, cheekSquint=0.8, eyeSquint=0.5, mouthUpperUp=0.5, mouthLowerDown=0.3)},
    "Smirk": {"mouthSmileLeft": 0.65, "mouthDimpleLeft": 0.4, "cheekSquintLeft": 0.4, "mouthLeft": 0.15,
              "browOuterUpLeft": 0.25, **_both(eyeSquint=0.15)},
    "Sad": {"browInnerUp": 0.8, "mouthShrugLower": 0.35, **_both(mouthFrown=0.65, eyeLookDown=0.3, eyeBlink=0.15)},
    "Angry": {"mouthShrugUpper": 0.2, **_both(browDown=0.6, eyeSquint=0.4, noseSneer=0.4, mouthPress=0.6,
                                              mouthFrown=0.3)},
    "Surprised": {"jawOpen": 0.45, "browInnerUp": 0.8, "mouthFunnel": 0.2, **_both(browOuterUp=0.9, eyeWide=0.8)},
    "Afraid": {"jawOpen": 0.2, "browInnerUp": 0.9, **_both(eyeWide=0.9, mouthStretch=0.6, browOuterUp=0.3,
                                                           mouthLowerDown=0.3)},
    "Disgusted": {"mouthShrugUpper": 0.3, **_both(noseSneer=0.8, mouthUpperUp=0.35, browDown=0.4, eyeSquint=0.4,
                                                  mouthFrown=0.3)},
    "Contempt": {"mouthDimpleRight": 0.7, "mouthSmileRight": 0.3, "mouthPressRight": 0.5, "noseSneerRight": 0.2,
                 "browDownLeft": 0.3, **_both(eyeSquint=0.2)},
    "Doubtful": {"browOuterUpRight": 0.8, "browDownLeft": 0.5, "eyeSquintLeft": 0.35, "mouthShrugLower": 0.3,
                 "mouthLeft": 0.3, **_both(mouthFrown=0.2)},
    "Tense": {"mouthRollUpper": 0.1, "mouthRollLower": 0.12, **_both(mouthPress=0.5, browDown=0.35, eyeSquint=0.35,
                                                                     mouthStretch=0.2)},
    "Tired": {"browInnerUp": 0.25, "jawOpen": 0.06, **_both(eyeBlink=0.35, eyeLookDown=0.2, mouthFrown=0.15)},
}
"""Expression -> controls."""
POSES: dict[str, tuple[str, Mapping[str, float]]] = {
    **{name: (VISEME, values) for name, values in VISEMES.items()},
    **{name: (EXPRESSION, values) for name, values in EXPRESSIONS.items()}}
"""Name -> kind and controls of every pose."""
VISEME_GROUPS = ("Jaw", "Mouth", "Cheeks", "Nose")
"""Groups of controls that a viseme sets; an expression sets the others too."""
EXPRESSION_GROUPS = (*VISEME_GROUPS, "Eyes", "Brows")
