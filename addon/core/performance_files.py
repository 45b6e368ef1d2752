"""Performances in files: .npz of Perform, and the controls of any face as Live Link Face CSV or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .arkit import ARKIT_NAMES
from .errors import InputError
from .files import atomic_write
from .live_link import read_live_link, write_live_link
from .messages import message
from .performance import Performance, read_spans
from .phones import PHONES, Phone
from .rig import Rig
from .stored import FPS, Array, Damaged, require_arrays
from .words import WORDS, Word

SUFFIXES = (".npz", ".csv", ".json")
WRITTEN_SUFFIXES = (".csv", ".json")
JSON_FORMAT = 1
_DECIMALS = 6


@dataclass(frozen=True)
class ControlTrack:
    """What a performance does to any face; sample i is at i / fps seconds.

    controls: (T, 52) in the order of `ARKIT_NAMES`. rotation: (T, 3) pitch, yaw, roll in radians, 0 if unknown.
    translation: (T, 3) millimetres, camera axes; None if unknown.
    """

    fps: float
    controls: np.ndarray
    rotation: np.ndarray
    phones: tuple[Phone, ...]
    words: tuple[Word, ...] = ()
    translation: np.ndarray | None = None


def read_performance(path: Path, rig: Rig) -> Performance:
    """Read a performance for the head of a rig. Where the file has no head pose, the head is in its usual one.

    Raises InputError for files that are no performance, and for controls where the head has none.
    """
    _require_suffix(path)
    if path.suffix.lower() == ".npz":
        return Performance.load(path)
    if len(rig.controls) == 0:
        raise InputError(message("This head has no controls for {name} to move. Learn the subject again.",
                                 name=path.name))
    names = [str(name) for name in rig.control_names]
    fps, controls, rotation, translation, phones, words = _read_csv_or_json(path, names)
    still = np.ones((len(controls), 1), dtype=np.float32)
    return Performance(fps, controls @ rig.controls, still * rig.rest_rotation if rotation is None else rotation,
                       still * rig.rest_translation if translation is None else translation, phones, controls,
                       0.0, words)


def read_control_track(path: Path) -> ControlTrack:
    """Read what a performance does to any face.

    Raises InputError for files that are no performance, and for a performance without controls.
    """
    _require_suffix(path)
    if path.suffix.lower() != ".npz":
        fps, controls, rotation, translation, phones, words = _read_csv_or_json(path, list(ARKIT_NAMES))
        return ControlTrack(fps, controls, np.zeros((len(controls), 3)) if rotation is None else rotation, phones,
                            words, translation)
    performance = Performance.load(path)
    if performance.controls is None:
        raise InputError(message("{name} has no controls for a character. Perform the speech again.", name=path.name))
    return ControlTrack(performance.fps, performance.controls, performance.rotation, performance.phones,
                        performance.words, performance.translation)


def write_control_track(track: ControlTrack, path: Path) -> None:
    """Write a track as Live Link Face CSV, without translation, phones and words, or as JSON, by the name's ending.

    Raises InputError where the file cannot be written; an earlier file is then as it was.
    """
    with atomic_write(path) as temporary:
        if path.suffix.lower() == ".csv":
            write_live_link(temporary, track.fps, dict(zip(ARKIT_NAMES, track.controls.T)), track.rotation)
        else:
            temporary.write_text(json.dumps(_json_of(track), separators=(",", ":")) + "\n", encoding="utf-8")


def _require_suffix(path: Path) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(message("{path} must end in {suffixes}; choose another performance.", path=path,
                                 suffixes=", ".join(SUFFIXES)))


def _read_csv_or_json(path: Path, names: list[str]) -> tuple[Any, ...]:
    """Return rate, controls (T, C), rotation, translation (T, 3) or None, phones and words, all of them checked."""
    read = (*read_live_link(path, names), None, (), ()) if path.suffix.lower() == ".csv" else _read_json(path, names)
    _require_sound(path, dict(zip(("fps", "controls", "rotation", "translation"), (np.array(read[0]), *read[1:4]))))
    return read


def _require_sound(path: Path, arrays: dict[str, np.ndarray | None]) -> None:
    """Raise InputError when an array, of those that the file has, holds values that no performance has."""
    layout = {"fps": FPS, "controls": Array(("samples", "controls")), "rotation": Array(("samples", 3), optional=True),
              "translation": Array(("samples", 3), optional=True)}
    try:
        require_arrays({name: values for name, values in arrays.items() if values is not None}, layout)
    except Damaged as error:
        raise InputError(message("{path} is not a performance, because {reason}. Choose a file that Perform wrote.",
                                 path=path, reason=error)) from error


def _read_json(path: Path, names: list[str]) -> tuple[Any, ...]:
    """Return rate, controls (T, C), rotation, translation (T, 3) or None, phones and words of a JSON file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        if content["format"] > JSON_FORMAT:
            raise InputError(message("{path} was written by a newer version of Headroom. Update Headroom.", path=path))
        given = [str(name).lower() for name in content["names"]]
        values = np.array(content["controls"], dtype=np.float32).reshape(-1, len(given))
        controls = np.zeros((len(values), len(names)), dtype=np.float32)
        for number, name in enumerate(names):
            if name.lower() in given:
                controls[:, number] = np.clip(values[:, given.index(name.lower())], 0, 1)
        pose = [np.array(content[name], dtype=np.float32).reshape(len(values), 3) if name in content else None
                for name in ("rotation", "translation")]
        phones, words = read_spans(_columns(content.get("phones", ()), "symbol", PHONES)
                                   | _columns(content.get("words", ()), "text", WORDS))
        fps = float(content["fps"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(message("{path} is not a performance; choose a JSON file of `headroom perform`.",
                                 path=path)) from error
    return fps, controls, *pose, phones, words


def _columns(objects: Sequence[Mapping[str, Any]], text: str, layout: Mapping[str, Array]) -> dict[str, np.ndarray]:
    """Return the arrays of `layout`: the `text` of each object, and its start, end and confidence."""
    numbers = (np.array([float(each[name]) for each in objects]) for name in ("start", "end", "confidence"))
    return dict(zip(layout, (np.array([str(each[text]) for each in objects], np.str_), *numbers)))


def _json_of(track: ControlTrack) -> dict[str, Any]:
    """Return the content of a JSON file; what a track lacks is left out."""
    content: dict[str, Any] = {"format": JSON_FORMAT, "fps": track.fps, "names": ARKIT_NAMES}
    for name in ("controls", "rotation", "translation"):
        values = getattr(track, name)
        if values is not None:
            content[name] = [[round(value, _DECIMALS) for value in row] for row in values.astype(np.float64).tolist()]
    for name, label in (("phones", "symbol"), ("words", "text")):
        spans = [{label: text, **{key: round(value, _DECIMALS) for key, value in zip(("start", "end", "confidence"),
                                                                                    times)}}
                 for text, *times in getattr(track, name)]
        if spans:
            content[name] = spans
    return content
