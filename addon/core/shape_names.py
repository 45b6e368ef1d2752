"""Recognising the shapes of a character by their names: ARKit in all its spellings, VRM, and sets of visemes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .arkit import ARKIT_NAMES, PAIRS, Weights

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SIDES = {"l": "left", "r": "right", "left": "left", "right": "right"}
_CONTROLS: dict[str, Weights] = {
    **{both.lower(): {left: 0.5, right: 0.5} for both, (left, right) in PAIRS.items()},
    **{name.lower(): {name: 1.0} for name in ARKIT_NAMES}}
_ARKIT = frozenset(name.lower() for name in ARKIT_NAMES)
_BLINK = {"eyeBlinkLeft": 0.5, "eyeBlinkRight": 0.5}
_EXPRESSIONS: dict[str, Weights] = {
    "blink": _BLINK, "blinkleft": {"eyeBlinkLeft": 1.0}, "blinkright": {"eyeBlinkRight": 1.0},
    "fcleyeclose": _BLINK, "fcleyecloseleft": {"eyeBlinkLeft": 1.0}, "fcleyecloseright": {"eyeBlinkRight": 1.0},
    "eyesclosed": _BLINK, "mouthopen": {"jawOpen": 1.0},
    "lookup": {"eyeLookUpLeft": 0.5, "eyeLookUpRight": 0.5},
    "lookdown": {"eyeLookDownLeft": 0.5, "eyeLookDownRight": 0.5},
    "lookleft": {"eyeLookOutLeft": 0.5, "eyeLookInRight": 0.5},
    "lookright": {"eyeLookInLeft": 0.5, "eyeLookOutRight": 0.5},
}
"""Spelling of another standard -> ARKit shapes."""
_OCULUS = ("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O", "U")
_OCULUS_LONG = {"E": "ee", "I": "ih", "O": "oh", "U": "ou"}
_SPELLINGS: dict[str, dict[str, str]] = {
    "VRM 1": {name: name for name in ("aa", "ih", "ou", "ee", "oh")},
    "VRM 0": {prefix + name: name for name in "aiueo" for prefix in ("", "fclmth", "mth", "mouth", "vrm")},
    "Oculus": {prefix + spelling.lower(): name for name in _OCULUS for prefix in ("", "viseme", "vrcv", "v")
               for spelling in (name, *([_OCULUS_LONG[name]] if name in _OCULUS_LONG and prefix else []))},
    "Microsoft": {
        **{f"viseme{number}": str(number) for number in range(22)},
        **{f"viseme{number:02d}": str(number) for number in range(22)},
        "sil00": "0", "aaahax01": "1", "aa02": "2", "ao03": "3", "eyehuh04": "4", "er05": "5", "yiyihix06": "6",
        "wuw07": "7", "ow08": "8", "aw09": "9", "oy10": "10", "ay11": "11", "h12": "12", "r13": "13", "l14": "14",
        "sz15": "15", "shchjhzh16": "16", "thdh17": "17", "fv18": "18", "dtn19": "19", "kgng20": "20", "pbm21": "21"},
    "Rhubarb": {prefix + name.lower(): name for name in "ABCDEFGHX"
                for prefix in ("", "mouth", "rhubarb", "lipsync", "mouthshape", "viseme")},
}
"""Set -> spelling -> its mouth shape. The names with numbers are those of MPFB2's pack visemes01."""
_NEEDED = {"VRM 1": 4, "VRM 0": 4, "Oculus": 8, "Microsoft": 11, "Rhubarb": 6}
"""How many shapes of a set a character must have, so that single letters do not look like one."""


def spellings(name: str) -> list[str]:
    """Return a name in small letters without separators, and what remains when words at its beginning are left out.

    A side at either end becomes "left" or "right" at the end: "CC_L_eyeBlink" gives "cceyeblinkleft" and so on.
    """
    words = [word.lower() for word in _WORDS.findall(name)]
    results = []
    for start in range(len(words)):
        rest = words[start:]
        if len(rest) > 1 and rest[-1] in _SIDES:
            rest = [*rest[:-1], _SIDES[rest[-1]]]
        elif len(rest) > 1 and rest[0] in _SIDES and rest[1].isalpha():
            rest = [*rest[1:], _SIDES[rest[0]]]
        if start == 0 or len("".join(rest)) > 1:  # "Hair_B" is no mouth shape
            results.append("".join(rest))
    return results


def controls_of(name: str) -> Weights:
    """Return the ARKit shapes that a shape of this name plays, with their weights; none for other names."""
    for table in (_CONTROLS, _EXPRESSIONS):
        for spelling in spellings(name):
            if spelling in table:
                return table[spelling]
    return {}


def is_exact(name: str) -> bool:
    """Return whether a name is a spelling of one of ARKit's own."""
    return any(spelling in _ARKIT for spelling in spellings(name))


def viseme_set_of(names: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Return the set of visemes that a character has, and name -> mouth shape; ("", {}) without one.

    Of several sets the one with most shapes is taken.
    """
    found = {}
    for title, table in _SPELLINGS.items():
        matches = {name: next((table[each] for each in spellings(name) if each in table), "") for name in names}
        shapes = {name: shape for name, shape in matches.items() if shape}
        if len(set(shapes.values())) >= _NEEDED[title]:
            found[title] = shapes
    title = max(found, key=lambda each: len(set(found[each].values())), default="")
    return title, found.get(title, {})
