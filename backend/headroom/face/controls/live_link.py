"""Live Link Face CSV: what the iPhone app of that name records, and what other programs read and write.

Its angles are those of Unreal's rotators. A head turns (yaw, positive to the subject's right), then lifts (pitch,
positive upwards), then tilts (roll, positive to the subject's right shoulder), each about its turned axis. Eyes have
the same yaw, and a pitch that is positive downwards, as in the app's own recordings. Shapes are the subject's sides.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from headroom.common.errors import InputError
from headroom.common.files import atomic_write
from headroom.common.stored import FPS, require_arrays
from headroom.face.camera import rotation_angles, rotation_matrix
from headroom.face.controls.basis import LOOK_DEGREES
from headroom.face.controls.names import CONTROL_NAMES
from headroom.face.controls.track import ControlTrack

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
_DECIMALS = 10
_HEAD_SIGNS = np.array([-1.0, -1.0, 1.0])
"""Of yaw, pitch and roll in a file, against rotations about y, x and z of `headroom.face.camera`."""
_HEAD_ORDER = "YXZ"
_DAY = 86400


def write_live_link(track: ControlTrack, path: Path) -> None:
    """Write a track at its own rate; its timecode starts at 0. Translation and phones have no columns."""
    order = [CONTROL_NAMES.index(name) for name in SHAPES]
    rotation = np.zeros((len(track.controls), 3)) if track.rotation is None else track.rotation
    values = np.hstack([track.controls[:, order], _head_angles(rotation), _eye_angles(track.controls)])
    values = values.round(_DECIMALS) + 0.0  # no "-0.0000000000"
    with atomic_write(path) as temporary, open(temporary, "w", newline="", encoding="ascii") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for time, row in zip(_timecodes(len(values), track.fps), values):
            writer.writerow([time, len(row), *(f"{value:.{_DECIMALS}f}" for value in row)])


def read_live_link(path: Path) -> ControlTrack:
    """Read a recording at its own rate; columns are found by name, in any order and case.

    Rows in which the face was lost are interpolated. A file whose head angles are all zero has no rotation.

    Raises InputError for other files, and for recordings that are too short to tell their rate.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            header, *rows = filter(None, csv.reader(file))
        columns = {name.strip().lower(): number for number, name in enumerate(header)}
        frames, base = _frames([row[columns["timecode"]] for row in rows])
        table = _numbers(rows, columns)
        fps = round(base / float(np.median(np.diff(frames))), 3)
        require_arrays({"fps": np.array(fps)}, {"fps": FPS})
        values = _at_rate(table, frames / base, fps)
    except (OSError, UnicodeError, csv.Error, ValueError, LookupError) as error:
        raise InputError(f"{path} is not a Live Link Face recording; choose a CSV file of the app or of "
                         "`headroom perform`.") from error
    controls = values[:, [SHAPES.index(name) for name in CONTROL_NAMES]]
    angles = values[:, len(SHAPES):]
    return ControlTrack(fps, np.clip(controls, 0, 1).astype(np.float32), _rotation(angles) if angles.any() else None)


def _head_angles(rotation: np.ndarray) -> np.ndarray:
    """Return yaw, pitch and roll (T, 3) of a file for rotation (T, 3): pitch, yaw, roll in radians."""
    return Rotation.from_matrix(rotation_matrix(rotation.astype(np.float64))).as_euler(_HEAD_ORDER) * _HEAD_SIGNS


def _rotation(angles: np.ndarray) -> np.ndarray:
    """Return pitch, yaw and roll (T, 3) float32 in radians for the angles (T, 3) of a file."""
    matrices = Rotation.from_euler(_HEAD_ORDER, angles * _HEAD_SIGNS).as_matrix()
    return rotation_angles(matrices).astype(np.float32)


def _eye_angles(controls: np.ndarray) -> np.ndarray:
    """Return the angles (T, 6) of the eyes, which turn together, in the order of `EYES`."""
    at = {name: controls[:, number].astype(np.float64) for number, name in enumerate(CONTROL_NAMES)}
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


def _frames(timecodes: list[str]) -> tuple[np.ndarray, int]:
    """Return the time (T,) of timecodes in frames after the first, ascending, and how many frames a second has.

    That number is not written anywhere: it is what FF lacks where the second changes. Raises ValueError for other
    texts, and where no second changes.
    """
    parts = np.array([text.replace(";", ":").split(":") for text in timecodes], np.float64)
    hours, minutes, whole, frame = parts.T
    seconds = np.unwrap(hours * 3600 + minutes * 60 + whole, period=_DAY)  # a recording may last beyond midnight
    same, next_second = (np.diff(seconds) == number for number in (0, 1))
    step = np.diff(frame)
    base = round(float(np.median(np.median(step[same]) - step[next_second]))) if same.any() & next_second.any() else 0
    frames = (seconds - seconds[0]) * base + frame - frame[0]
    if base <= 0 or (np.diff(frames) <= 0).any():
        raise ValueError("the timecode does not run forwards through a second")
    return frames, base


def _numbers(rows: list[list[str]], columns: dict[str, int]) -> np.ndarray:
    """Return the shapes and the head's angles (T, 55) of rows; columns that a file lacks are zero, lost rows NaN."""
    names = [*SHAPES, *HEAD]
    if not any(name.lower() in columns for name in SHAPES):
        raise ValueError("no column is a shape")
    table = np.zeros((len(rows), len(names)))
    for number, row in enumerate(rows):
        if len(row) < len(columns) or row[columns.get("blendshapecount", 0)] == "0":
            table[number] = np.nan
            continue
        for place, name in enumerate(names):
            if name.lower() in columns:
                table[number, place] = float(row[columns[name.lower()]])
    return table


def _at_rate(table: np.ndarray, seconds: np.ndarray, fps: float) -> np.ndarray:
    """Return the rows (T, C) at seconds (T,) at a constant rate, interpolated linearly, lost rows too."""
    found = np.isfinite(table).all(1)
    if not found.any() or not seconds[-1] < _DAY:
        raise ValueError("no row has a face, or the recording lasts longer than a day")
    times = np.arange(round(float(seconds[-1]) * fps) + 1) / fps
    return np.stack([np.interp(times, seconds[found], column) for column in table[found].T], axis=1)
