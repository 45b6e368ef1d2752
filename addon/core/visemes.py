"""Sets of mouth shapes, what each of them shows of the phones of speech, and their weights over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .layers import smoothstep
from .phones import SILENCE, Phone

FADE_SECONDS = 0.08
"""Longest blend from one mouth shape to the next; half of a shorter one lasts as long as the shape."""

_RESTS = ("K", "G", "NG", "T", "D", "N", "L", "S", "Z", "CH", "JH", "SH", "ZH", "TH", "DH", "Y")


@dataclass(frozen=True)
class VisemeSet:
    """One standard.

    names: its mouth shapes.
    phones: phone in the ARPAbet, or SIL -> shapes one after the other, such as "aa I", each with its weight after a
        star where it is not 1; "" for none.
    from_controls: shape -> weights of ARKit shapes that show it, for a take without phones.
    """

    names: tuple[str, ...]
    phones: Mapping[str, str]
    from_controls: Mapping[str, Mapping[str, float]]


def _by_phone(shapes: Mapping[str, str]) -> dict[str, str]:
    """Return phone -> shape of shape -> phones."""
    return {phone: shape for shape, phones in shapes.items() for phone in phones.split()}


_OPEN = {"jawOpen": 1.5, "mouthFunnel": -0.7, "mouthPucker": -0.7}
_WIDE = {"mouthStretchLeft": 0.6, "mouthStretchRight": 0.6, "mouthSmileLeft": 0.3, "mouthSmileRight": 0.3}
_HALF_WIDE = {name: weight / 2 for name, weight in _WIDE.items()} | {"jawOpen": 0.5}
_ROUND, _NARROW = {"mouthFunnel": 1.5}, {"mouthPucker": 1.3}
_CLOSED = {"mouthClose": 1.5, "mouthPressLeft": 0.7, "mouthPressRight": 0.7}
_TUCKED = {"mouthRollLower": 1.5}


def _vowels(a: str, i: str, u: str, e: str, o: str) -> VisemeSet:
    """Return a set of five vowels, as VRM has; consonants show some teeth, and closed lips nothing."""
    phones = {"AA": a, "AE": a, "AH": f"{a}*0.7", "AY": f"{a} {i}", "AW": f"{a} {u}", "IY": i, "IH": f"{i}*0.8",
              "UW": u, "UH": f"{u}*0.7", "W": u, "EH": e, "EY": f"{e} {i}", "AO": o, "OW": f"{o} {u}",
              "OY": f"{o} {i}", "ER": f"{u}*0.6", "R": f"{u}*0.4", "HH": f"{a}*0.3",
              **dict.fromkeys(_RESTS, f"{i}*0.3"), **dict.fromkeys(("F", "V"), f"{i}*0.2"),
              **dict.fromkeys(("P", "B", "M", SILENCE), "")}
    return VisemeSet((a, i, u, e, o), phones, {a: _OPEN, i: _HALF_WIDE, u: _NARROW, e: _WIDE, o: _ROUND})


SETS: dict[str, VisemeSet] = {
    "VRM 1": _vowels("aa", "ih", "ou", "ee", "oh"),
    "VRM 0": _vowels("a", "i", "u", "e", "o"),
    "Oculus": VisemeSet(
        ("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O", "U"),
        _by_phone({"sil": SILENCE, "PP": "P B M", "FF": "F V", "TH": "TH DH", "DD": "T D", "kk": "K G NG",
                   "CH": "CH JH SH ZH", "SS": "S Z", "nn": "N L", "RR": "R ER", "aa": "AA AE AH", "E": "EH",
                   "I": "IH IY Y", "O": "AO", "U": "UH UW W", "aa I": "AY", "aa U": "AW", "E I": "EY", "O U": "OW",
                   "O I": "OY", "aa*0.3": "HH"}),
        {"PP": _CLOSED, "FF": _TUCKED, "aa": _OPEN, "E": _HALF_WIDE, "I": _WIDE, "O": _ROUND, "U": _NARROW}),
    "Microsoft": VisemeSet(
        tuple(str(number) for number in range(22)),
        _by_phone({"0": SILENCE, "1": "AE AH", "2": "AA", "3": "AO", "4": "EH UH EY", "5": "ER", "6": "IH IY Y",
                   "7": "UW W", "8": "OW", "9": "AW", "10": "OY", "11": "AY", "12": "HH", "13": "R", "14": "L",
                   "15": "S Z", "16": "SH CH JH ZH", "17": "TH DH", "18": "F V", "19": "T D N", "20": "K G NG",
                   "21": "P B M"}),
        {"21": _CLOSED, "18": _TUCKED, "2": _OPEN, "4": _HALF_WIDE, "6": _WIDE, "3": _ROUND, "7": _NARROW}),
    "Rhubarb": VisemeSet(
        ("A", "B", "C", "D", "E", "F", "G", "H", "X"),
        _by_phone({"A": "P B M", "B": "K G NG T D N S Z CH JH SH ZH TH DH Y HH IY IH", "C": "EH AE AH UH", "D": "AA",
                   "E": "AO ER R", "F": "UW OW W", "G": "F V", "H": "L", "X": SILENCE, "D B": "AY", "D F": "AW",
                   "C B": "EY", "E B": "OY"}),
        {"A": _CLOSED, "G": _TUCKED, "D": _OPEN, "C": _HALF_WIDE, "B": _WIDE, "E": _ROUND, "F": _NARROW}),
}
STAND_INS = {"Rhubarb": {"G": "A", "H": "C", "X": "A"}, "Oculus": {"sil": "PP"}, "Microsoft": {"0": "21"}}
"""Set -> shape that a character may lack -> the one that plays it as well."""


def viseme_weights(viseme_set: VisemeSet, phones: Sequence[Phone], seconds: np.ndarray) -> dict[str, np.ndarray]:
    """Return name -> weight (N,), 0..1, of each mouth shape of a speech at `seconds` (N,), ascending.

    Neighbours blend into each other around the edge between them, so the weights of full shapes add up to 1.
    """
    parts = _parts(viseme_set, phones)
    weights = {name: np.zeros(len(seconds)) for name in viseme_set.names}
    for number, (name, weight, start, end) in enumerate(parts):
        if not name:
            continue
        length = end - start
        fades = [min(FADE_SECONDS, length, parts[other][3] - parts[other][2]) if 0 <= other < len(parts)
                 else min(FADE_SECONDS, length) for other in (number - 1, number + 1)]
        first, last = np.searchsorted(seconds, (start - FADE_SECONDS, end + FADE_SECONDS))
        times = seconds[first:last]
        shown = np.minimum(smoothstep((times - start) / fades[0] + 0.5), smoothstep((end - times) / fades[1] + 0.5))
        weights[name][first:last] += weight * shown
    return {name: np.clip(values, 0, 1) for name, values in weights.items()}


def weights_of_controls(viseme_set: VisemeSet, controls: Mapping[str, np.ndarray], samples: int
                        ) -> dict[str, np.ndarray]:
    """Return name -> weight (N,), 0..1, of each mouth shape from the values of ARKit shapes."""
    still = np.zeros(samples)
    return {name: np.clip(sum((weight * controls.get(control, still) for control, weight in
                               viseme_set.from_controls.get(name, {}).items()), still), 0, 1)
            for name in viseme_set.names}


def _parts(viseme_set: VisemeSet, phones: Sequence[Phone]) -> list[tuple[str, float, float, float]]:
    """Return the mouth shapes one after the other: name, weight, start and end in seconds; "" for none."""
    parts: list[tuple[str, float, float, float]] = []
    for phone in phones:
        shapes = viseme_set.phones.get(phone.symbol, "").split() or [""]
        edges = np.linspace(phone.start, phone.end, len(shapes) + 1)
        for shape, start, end in zip(shapes, edges, edges[1:]):
            name, _, weight = shape.partition("*")
            if end - start > 1e-4:
                parts.append((name, float(weight or 1), float(start), float(end)))
    return parts
