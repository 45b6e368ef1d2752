"""Which shape of a character plays what of a take: recognised by name, written as text, and evaluated.

A source is a sum such as "mouthSmileLeft + 0.5 mouthDimpleLeft" of ARKit shapes and mouth shapes ("Oculus PP").
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .arkit import ARKIT_NAMES, NEIGHBOURS, Weights, is_mouth
from .errors import InputError
from .messages import message
from .phones import Phone
from .shape_names import controls_of, is_exact, viseme_set_of
from .visemes import SETS, STAND_INS, viseme_weights, weights_of_controls

MOUTH_SHAPES_NEEDED = 8
"""A character with as many of ARKit's mouth shapes speaks with them, and not with visemes."""
_TERM = re.compile(r"\s*([+-]?)\s*(\d*\.?\d*)\s*([A-Za-z][\w ]*?)\s*(?=[+-]|$)")


@dataclass(frozen=True)
class ShapeMapping:
    """One shape of a character.

    source: what it plays, a sum of shapes.
    gain, offset: the shape's value is gain * source + offset.
    """

    name: str
    source: str
    gain: float = 1.0
    offset: float = 0.0


def map_shapes(names: Sequence[str]) -> list[ShapeMapping]:
    """Return the mapping of the recognised shapes of a character, in their order.

    A shape of ARKit that the character lacks is played by its neighbours (`core/arkit.py`). A character with visemes
    and few of ARKit's mouth shapes speaks with the visemes.
    """
    weights = _recognised(names)
    title, visemes = viseme_set_of(names)
    if sum(any(map(is_mouth, found)) for found in weights.values()) >= MOUTH_SHAPES_NEEDED:
        visemes = {}
    if visemes:
        weights = {name: found for name, found in weights.items() if not any(map(is_mouth, found))}
        weights |= _viseme_weights_by_name(title, {n: v for n, v in visemes.items() if n not in weights})
    _add_neighbours(weights, skip_mouth=bool(visemes))
    return [ShapeMapping(name, source_text(weights[name])) for name in names if name in weights]


def _recognised(names: Sequence[str]) -> dict[str, Weights]:
    """Return name -> ARKit shapes. A shape of both sides is left out where each side has its own."""
    weights = {name: dict(found) for name in names if (found := controls_of(name))}
    exact = {next(iter(found)) for name, found in weights.items() if len(found) == 1 and is_exact(name)}
    return {name: found for name, found in weights.items()
            if (len(found) == 1 and is_exact(name)) or not found.keys() <= exact}


def _viseme_weights_by_name(title: str, visemes: Mapping[str, str]) -> dict[str, Weights]:
    """Return name -> sources of mouth shapes; a shape also plays those that the character lacks."""
    stand_ins = {shape: other for shape, other in STAND_INS.get(title, {}).items() if shape not in visemes.values()}
    return {name: {f"{title} {each}": 1.0 for each in (
        shape, *(missing for missing, other in stand_ins.items() if other == shape))}
        for name, shape in visemes.items()}


def _add_neighbours(weights: dict[str, Weights], skip_mouth: bool) -> None:
    """Add what the character lacks to the shapes that stand in for it."""
    owners = {control: name for name, found in weights.items() for control in found if found[control] > 0}
    for control in [each for each in ARKIT_NAMES if each not in owners and not (skip_mouth and is_mouth(each))]:
        choice = next((each for each in NEIGHBOURS.get(control, ()) if set(each) <= owners.keys()), {})
        for neighbour, weight in choice.items():
            found = weights[owners[neighbour]]
            found[control] = found.get(control, 0.0) + weight * found[neighbour]


def source_text(weights: Mapping[str, float]) -> str:
    """Return weights as the text of a source."""
    text = ""
    for name, weight in weights.items():
        sign = "-" if weight < 0 else "+" if text else ""
        number = "" if abs(weight) == 1 else f"{abs(weight):g} "
        text += (f" {sign} " if text else sign) + number + name
    return text


def parse_source(text: str) -> Weights:
    """Return the weights of a source; InputError where it is no sum of shapes of a take."""
    weights: Weights = {}
    position = 0
    while position < len(text.rstrip()):
        term = _TERM.match(text, position)
        name = term[3] if term else ""
        if term is None or not (name in ARKIT_NAMES or _viseme(name)):
            raise InputError(message('"{source}" is no sum of shapes. Write it like "jawOpen" or "0.5 mouthLeft - '
                                     'jawLeft".', source=text))
        weights[name] = weights.get(name, 0.0) + float(term[2] or 1) * (-1 if term[1] == "-" else 1)
        position = term.end()
    return weights


def evaluate(mappings: Sequence[ShapeMapping], controls: Mapping[str, np.ndarray], phones: Sequence[Phone],
             seconds: np.ndarray) -> dict[str, np.ndarray]:
    """Return name -> values (N,) of a character's shapes at `seconds` (N,) of a take.

    controls: ARKit shape -> values (N,); those that are missing are zero.
    phones: of the take's speech; without any, mouth shapes follow the controls.

    Raises InputError for a source that is no sum of shapes.
    """
    sources = {mapping.name: parse_source(mapping.source) for mapping in mappings}
    values = dict(controls)
    for title in {name.rpartition(" ")[0] for found in sources.values() for name in found if " " in name}:
        shapes = (viseme_weights(SETS[title], phones, seconds) if phones else
                  weights_of_controls(SETS[title], controls, len(seconds)))
        values |= {f"{title} {name}": weight for name, weight in shapes.items()}
    still = np.zeros(len(seconds))
    return {mapping.name: mapping.offset + mapping.gain * sum(
        (weight * values.get(name, still) for name, weight in sources[mapping.name].items()), still)
        for mapping in mappings}


def _viseme(name: str) -> bool:
    title, _, shape = name.rpartition(" ")
    return title in SETS and shape in SETS[title].names
