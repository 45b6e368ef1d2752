"""Recordings of the app Live Link Face: the sound beside a file of motion, and when both were recorded."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .live_link import DAY_SECONDS, first_timecode
from .performance import Performance

SOUND_SUFFIXES = (".wav", ".m4a", ".mov", ".mp4")
"""Of files with a recording's sound. The app writes .mov, so another one was put there in its place."""
MOTION_ENDINGS = ("", "_cal", "_raw", "_neutral")
"""What the app adds to the name of a motion file that is calibrated; the movie's name lacks it."""
MOST_OFFSET_SECONDS = 10.0
"""Timecodes further apart are those of two clocks."""
_DROP_FRAME = 1
_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


def own_sound(path: Path) -> Path | None:
    """Return the file with the sound of a performance, which has its name and lies beside it; None without one."""
    try:
        beside = {each.name.lower(): each for each in path.parent.iterdir() if each.is_file()}
    except OSError:
        return None
    stems = [path.stem.removesuffix(ending) for ending in MOTION_ENDINGS if path.stem.endswith(ending)]
    names = (f"{stem}{suffix}".lower() for stem in stems for suffix in SOUND_SUFFIXES)
    return next((beside[name] for name in names if name in beside), None)


def aligned(performance: Performance, path: Path, sound: Path) -> Performance:
    """Return the performance in a file, played with `sound`: its first sample is where the sound begins.

    The timecodes of a Live Link Face recording and of a movie say how much later one began; the first sample is
    repeated meanwhile, or samples before the sound are left out. Other files begin together.
    """
    sounded = movie_timecode(sound)
    recorded = first_timecode(path) if sounded is not None and path.suffix.lower() == ".csv" else None
    if not recorded or sounded is None:  # what was not recorded by a clock begins at 0
        return performance
    later = (recorded - sounded + DAY_SECONDS / 2) % DAY_SECONDS - DAY_SECONDS / 2
    count = round(later * performance.fps)
    if abs(later) > MOST_OFFSET_SECONDS or not -len(performance) < count:
        return performance
    rows = np.maximum(np.arange(-count, len(performance)), 0)
    return replace(
        performance, expression=performance.expression[rows], rotation=performance.rotation[rows],
        translation=performance.translation[rows],
        controls=None if performance.controls is None else performance.controls[rows])


def movie_timecode(path: Path) -> float | None:
    """Return the time of day, in seconds, of a QuickTime movie's first frame; None where its timecode is unknown.

    Read here, because Blender shows no timecode and the extension has no other reader of movies.
    """
    try:
        with open(path, "rb") as file:
            for track in _tracks(file):
                if b"tmcd" in track and (b"stco" in track or b"co64" in track):
                    return _time_of(file, track)
    except (OSError, struct.error, OverflowError, RecursionError):
        return None
    return None


def _tracks(file: BinaryIO) -> Iterator[dict[bytes, bytes]]:
    """Yield the atoms of each track of a movie that say which timecode it has, and where."""
    for kind, start, end in _atoms(file, 0, file.seek(0, 2)):
        for inner, first, last in _atoms(file, start, end) if kind == b"moov" else ():
            if inner == b"trak":
                yield dict(_described(file, first, last))


def _described(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    for kind, first, last in _atoms(file, start, end):
        if kind in _CONTAINERS:
            yield from _described(file, first, last)
        elif kind in (b"stsd", b"stco", b"co64"):
            file.seek(first)
            content = file.read(min(last - first, 64))
            yield (content[12:16] if kind == b"stsd" else kind), content  # an entry's format follows its size


def _atoms(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and end of the content of each atom between two places of a file."""
    while start + 8 <= end:
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        head = 8
        if size == 1:
            (size,), head = struct.unpack(">Q", file.read(8)), 16
        last = start + size if size else end
        if size and size < head:
            return
        yield kind, start + head, min(last, end)
        start = last


def _time_of(file: BinaryIO, track: dict[bytes, bytes]) -> float:
    """Return the time of day of a timecode track's first frame: the frame's number by frames of a second."""
    flags, scale, duration, frames = struct.unpack(">IIIB", track[b"tmcd"][28:41])
    (place,) = struct.unpack(">I", track[b"stco"][8:12]) if b"stco" in track else struct.unpack(
        ">Q", track[b"co64"][8:16])
    file.seek(place)
    (number,) = struct.unpack(">I", file.read(4))
    if not scale or not frames:
        raise struct.error("a timecode without a rate")
    return float(number * duration / scale if flags & _DROP_FRAME else number / frames)
