"""Controls, head pose, phones and words as JSON, for programs of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from headroom.common.errors import InputError
from headroom.common.files import atomic_write
from headroom.common.stored import FPS, Array, json_of, require_arrays
from headroom.face.controls.names import CONTROL_NAMES
from headroom.face.controls.track import ControlTrack
from headroom.face.labelled_track import LabelledTrack, Track
from headroom.face.phone_track import PhoneTrack
from headroom.face.word_track import WordTrack

FORMAT = 1
_DECIMALS = 6


def write_json(track: ControlTrack, path: Path) -> None:
    """Write a track; what it lacks is left out."""
    content: dict[str, Any] = {"format": FORMAT, "fps": track.fps, "names": CONTROL_NAMES,
                               "controls": _rows(track.controls)}
    for name in ("rotation", "translation"):
        values = getattr(track, name)
        if values is not None:
            content[name] = _rows(values)
    if track.phones is not None:
        content["phones"] = _spans("symbol", track.phones)
    if track.words is not None:
        content["words"] = _spans("text", track.words)
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


def read_json(path: Path) -> ControlTrack:
    """Read what `write_json` wrote. Names are found in any order and case, and controls without a name are zero.

    Raises InputError for other files, and for files of a newer version.
    """
    try:
        content = json_of(path.read_text(encoding="utf-8-sig"))
        if content["format"] > FORMAT:
            raise InputError(f"{path} was written by a newer version of Headroom. Update Headroom.")
        return _track(content)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is not a performance; choose a JSON file of `headroom perform`.") from error


def _track(content: dict[str, Any]) -> ControlTrack:
    """Return the track in a file's content; raises ValueError where the arrays do not belong together."""
    names = [str(name).lower() for name in content["names"]]
    given = np.array(content["controls"], np.float32).reshape(-1, len(names))
    controls = np.zeros((len(given), len(CONTROL_NAMES)), np.float32)
    for number, name in enumerate(CONTROL_NAMES):
        if name.lower() in names:
            controls[:, number] = np.clip(given[:, names.index(name.lower())], 0, 1)
    rotation, translation = (
        np.array(content[name], np.float32).reshape(len(given), 3) if name in content else None
        for name in ("rotation", "translation"))
    fps = float(content["fps"])
    require_arrays({"fps": np.array(fps), "controls": controls}, {"fps": FPS, "controls": Array(("samples", 52))})
    return ControlTrack(fps, controls, rotation, translation, _read_spans("symbol", content.get("phones"), PhoneTrack),
                        _read_spans("text", content.get("words"), WordTrack))


def _spans(label: str, track: LabelledTrack) -> list[dict[str, Any]]:
    """Return phones or words as objects, whose name or text is under `label`."""
    columns = (track.labels.tolist(), *_rows(np.stack([track.starts, track.ends, track.confidences])))
    return [dict(zip((label, "start", "end", "confidence"), span)) for span in zip(*columns)]


def _read_spans(label: str, rows: list[dict[str, Any]] | None, kind: type[Track]) -> Track | None:
    """Return phones or words from objects by `_spans`; None for none. Raises Damaged where they are malformed."""
    if rows is None:
        return None
    numbers = (np.array([float(row[name]) for row in rows]) for name in ("start", "end", "confidence"))
    stored = dict(zip(kind.LAYOUT, (np.array([str(row[label]) for row in rows], np.str_), *numbers)))
    require_arrays(stored, kind.LAYOUT)
    return kind.of_arrays(stored)


def _rows(values: np.ndarray) -> list[list[float]]:
    return [[round(value, _DECIMALS) for value in row] for row in values.astype(np.float64).tolist()]
