"""Recordings of the iPhone app Live Link Face, as CSV; also what `headroom perform` writes to a .csv.

The backend's headroom/face/controls/live_link.py states the signs and reads the same;
tests/addon/test_imported_files.py compares the two.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .errors import InputError
from .messages import message

HEAD = ("HeadYaw", "HeadPitch", "HeadRoll")
_DAY = 86400


def read_live_link(path: Path, names: Sequence[str]) -> tuple[float, np.ndarray, np.ndarray | None]:
    """Return rate, controls (T, C), 0..1, and rotation (T, 3) in radians of a recording.

    names: of the C controls, found in any order and case. The rotation is None where no head was captured.

    Raises InputError for other files, and for recordings that are too short to tell their rate.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            header, *rows = csv.reader(file)
        rows, columns = [row for row in rows if row], {name.strip().lower(): n for n, name in enumerate(header)}
        frames, base = _frames([row[columns["timecode"]] for row in rows])
        table = _numbers(rows, columns, names)
        found = np.isfinite(table).all(1)
        if not frames[-1] < _DAY * base:
            raise ValueError("the recording lasts longer than a day")
        fps = round(base / float(np.median(np.diff(frames))), 3)
        times = np.arange(round(float(frames[-1]) / base * fps) + 1) / fps
        values = np.stack([np.interp(times, frames[found] / base, column) for column in table[found].T], axis=1)
    except (OSError, UnicodeError, csv.Error, ValueError, LookupError) as error:
        raise InputError(message("{path} is not a Live Link Face recording; choose a CSV file of the app or of "
                                 "`headroom perform`.", path=path)) from error
    angles = values[:, len(names):]
    return fps, np.clip(values[:, :len(names)], 0, 1).astype(np.float32), _rotation(angles) if angles.any() else None


def _frames(timecodes: list[str]) -> tuple[np.ndarray, int]:
    """Return the time (T,) of timecodes HH:MM:SS:FF.mmm in frames after the first, and the frames of a second.

    That number is not written anywhere: it is what FF lacks where the second changes. Raises ValueError for other
    texts, and where no second changes.
    """
    parts = np.array([text.replace(";", ":").split(":") for text in timecodes], dtype=np.float64)
    hours, minutes, whole, frame = parts.T
    seconds = np.unwrap(hours * 3600 + minutes * 60 + whole, period=_DAY)  # a recording may last beyond midnight
    same, next_second = (np.diff(seconds) == number for number in (0, 1))
    step = np.diff(frame)
    base = round(float(np.median(np.median(step[same]) - step[next_second]))) if same.any() & next_second.any() else 0
    frames = (seconds - seconds[0]) * base + frame - frame[0]
    if base <= 0 or (np.diff(frames) <= 0).any():
        raise ValueError("the timecode does not run forwards through a second")
    return frames, base


def _numbers(rows: list[list[str]], columns: dict[str, int], names: Sequence[str]) -> np.ndarray:
    """Return the controls and the head's angles (T, C + 3); columns that a file lacks are zero, lost rows NaN."""
    places = [columns.get(name.lower(), -1) for name in (*names, *HEAD)]
    if max(places[:len(names)], default=-1) < 0:
        raise ValueError("no column is a shape")
    table = np.zeros((len(rows), len(places)))
    for number, row in enumerate(rows):
        if len(row) < len(columns) or row[columns.get("blendshapecount", 0)] == "0":
            table[number] = np.nan
        else:
            table[number] = [float(row[place]) if place >= 0 else 0.0 for place in places]
    return table


def _rotation(angles: np.ndarray) -> np.ndarray:
    """Return pitch, yaw and roll (T, 3) float32 about x, y and z for the file's yaw, pitch and roll (T, 3).

    The file turns, lifts and tilts about turned axes: R = Ry Rx Rz, where a head here has R = Rz Ry Rx.
    """
    yaw, pitch, roll = (angles * [-1, -1, 1]).T
    (sy, sp, sr), (cy, cp, cr) = np.sin([yaw, pitch, roll]), np.cos([yaw, pitch, roll])
    turned = np.arcsin(np.clip(sy * cr - cy * sp * sr, -1, 1))
    lifted = np.arctan2(sy * sr + cy * sp * cr, cy * cp)
    tilted = np.arctan2(cp * sr, cy * cr + sy * sp * sr)
    return np.stack([lifted, turned, tilted], axis=1).astype(np.float32)
