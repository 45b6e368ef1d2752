"""Recordings of the iPhone app Live Link Face, as CSV; also what `headroom perform` writes to a .csv.

The backend's headroom/face/controls/live_link.py states the signs, and reads and writes the same;
tests/addon/test_imported_files.py compares the two.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from .errors import InputError
from .messages import message

_EYE = ("eyeBlink{}", "eyeLookDown{}", "eyeLookIn{}", "eyeLookOut{}", "eyeLookUp{}", "eyeSquint{}", "eyeWide{}")
SHAPES = (
    *(name.format(side) for side in ("Left", "Right") for name in _EYE),
    "jawForward", "jawRight", "jawLeft", "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthRight",
    "mouthLeft", "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight", "mouthDimpleLeft",
    "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight", "mouthRollLower", "mouthRollUpper",
    "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft",
    "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "browDownLeft", "browDownRight", "browInnerUp",
    "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft",
    "noseSneerRight", "tongueOut",
)
"""The 52 shapes in the order of the app's files, where their names begin with a capital."""
HEAD = ("HeadYaw", "HeadPitch", "HeadRoll")
EYES = ("LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll", "RightEyeYaw", "RightEyePitch", "RightEyeRoll")
HEADER = ("Timecode", "BlendShapeCount", *(name[0].upper() + name[1:] for name in SHAPES), *HEAD, *EYES)
LOOK_DEGREES = 30.0
"""Angle of both eyes when both sides' eyeLook shapes are 1."""
DAY_SECONDS = 86400
_DECIMALS = 10
_UNREADABLE = (OSError, UnicodeError, csv.Error, ValueError, LookupError)
"""What is raised for a file that is no recording."""


def write_live_link(path: Path, fps: float, controls: Mapping[str, np.ndarray], rotation: np.ndarray) -> None:
    """Write controls and rotation at `fps`; the timecode starts at 0.

    controls: each of `SHAPES` -> (T,) values, 0..1. rotation: (T, 3) pitch, yaw, roll in radians.
    """
    shapes = np.stack([controls[name] for name in SHAPES], axis=1).astype(np.float64)
    values = np.hstack([shapes, _head_angles(rotation.astype(np.float64)), _eye_angles(dict(zip(SHAPES, shapes.T)))])
    values = values.round(_DECIMALS) + 0.0  # no "-0.0000000000"
    with open(path, "w", newline="", encoding="ascii") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for time, row in zip(_timecodes(len(values), fps), values):
            writer.writerow([time, len(row), *(f"{value:.{_DECIMALS}f}" for value in row)])


def read_live_link(path: Path, names: Sequence[str]) -> tuple[float, np.ndarray, np.ndarray | None]:
    """Return rate, controls (T, C), 0..1, and rotation (T, 3) in radians of a recording.

    names: of the C controls, found in any order and case. The rotation is None where no head was captured.

    Raises InputError for other files, and for recordings that are too short to tell their rate.
    """
    try:
        columns, rows = _read_rows(path)
        frames, base = _frames(_timecodes_of(columns, rows))
        table = _numbers(rows, columns, names)
        found = np.isfinite(table).all(1)
        if not frames[-1] < DAY_SECONDS * base:
            raise ValueError("the recording lasts longer than a day")
        fps = round(base / float(np.median(np.diff(frames))), 3)
        times = np.arange(round(float(frames[-1]) / base * fps) + 1) / fps
        values = np.stack([np.interp(times, frames[found] / base, column) for column in table[found].T], axis=1)
    except _UNREADABLE as error:
        raise InputError(message("{path} is not a Live Link Face recording; choose a CSV file of the app or of "
                                 "`headroom perform`.", path=path)) from error
    angles = values[:, len(names):]
    return fps, np.clip(values[:, :len(names)], 0, 1).astype(np.float32), _rotation(angles) if angles.any() else None


def first_timecode(path: Path) -> float | None:
    """Return the time of day, in seconds, of a recording's first frame; None where it cannot be told."""
    try:
        timecodes = _timecodes_of(*_read_rows(path))
        _, base = _frames(timecodes)
        (hours, minutes, seconds, frame), *_ = _numbers_of(timecodes)
    except _UNREADABLE:
        return None
    return float(hours * 3600 + minutes * 60 + seconds + frame / base)


def _read_rows(path: Path) -> tuple[dict[str, int], list[list[str]]]:
    """Return the number of each column by its name in lower case, and the rows."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        header, *rows = filter(None, csv.reader(file))
    return {name.strip().lower(): number for number, name in enumerate(header)}, rows


def _timecodes_of(columns: dict[str, int], rows: list[list[str]]) -> list[str]:
    return [row[columns["timecode"]] for row in rows]


def _numbers_of(timecodes: list[str]) -> np.ndarray:
    """Return hours, minutes, seconds and frames (T, 4) of timecodes HH:MM:SS:FF.mmm; ValueError for other texts."""
    return np.array([text.replace(";", ":").split(":") for text in timecodes], dtype=np.float64).reshape(-1, 4)


def _frames(timecodes: list[str]) -> tuple[np.ndarray, int]:
    """Return the time (T,) of timecodes HH:MM:SS:FF.mmm in frames after the first, and the frames of a second.

    That number is not written anywhere: it is what FF lacks where the second changes. Raises ValueError for other
    texts, and where no second changes.
    """
    hours, minutes, whole, frame = _numbers_of(timecodes).T
    seconds = np.unwrap(hours * 3600 + minutes * 60 + whole, period=DAY_SECONDS)  # a recording may last beyond midnight
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


def _head_angles(rotation: np.ndarray) -> np.ndarray:
    """Return the file's yaw, pitch and roll (T, 3) for pitch, yaw and roll (T, 3): the inverse of `_rotation`."""
    (sp, sy, sr), (cp, cy, cr) = np.sin(rotation.T), np.cos(rotation.T)
    turned = np.arctan2(cr * sy * cp + sr * sp, cy * cp)
    lifted = np.arcsin(np.clip(cr * sp - sr * sy * cp, -1, 1))
    tilted = np.arctan2(sr * cy, sr * sy * sp + cr * cp)
    return np.stack([-turned, -lifted, tilted], axis=1)


def _eye_angles(at: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the angles (T, 6) of the eyes, which turn together, in the order of `EYES`."""
    left = at["eyeLookOutLeft"] - at["eyeLookInLeft"] + at["eyeLookInRight"] - at["eyeLookOutRight"]
    up = at["eyeLookUpLeft"] - at["eyeLookDownLeft"] + at["eyeLookUpRight"] - at["eyeLookDownRight"]
    yaw, pitch = np.radians(LOOK_DEGREES) / 2 * np.stack([-left, -up])
    return np.stack([yaw, pitch, np.zeros_like(yaw)] * 2, axis=1)


def _timecodes(count: int, fps: float) -> list[str]:
    """Return HH:MM:SS:FF.mmm of each sample; FF counts whole frames of a second, mmm thousandths of a frame."""
    base = int(np.ceil(fps - 1e-6))
    texts = []
    for thousandths in np.rint(np.arange(count) / fps * base * 1000).astype(np.int64).tolist():
        seconds, rest = divmod(thousandths, base * 1000)
        texts.append(f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:"
                     f"{rest // 1000:02d}.{rest % 1000:03d}")
    return texts
