"""Performances in files: .npz as it is, and the controls alone as Live Link Face CSV, JSON or VRM animation.

The ending decides. A VRM animation is only written.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from headroom.common.choices import PERFORMANCE_SUFFIXES
from headroom.common.errors import InputError
from headroom.face.controls.json_format import read_json, write_json
from headroom.face.controls.live_link import read_live_link, write_live_link
from headroom.face.controls.track import ControlTrack
from headroom.face.controls.vrma import write_vrma
from headroom.face.performance import Performance
from headroom.subject.rig import Rig

READERS: dict[str, Callable[[Path], ControlTrack]] = {".csv": read_live_link, ".json": read_json}
WRITERS: dict[str, Callable[[ControlTrack, Path], None]] = {".csv": write_live_link, ".json": write_json,
                                                              ".vrma": write_vrma}
"""Ending -> function for a file of controls."""


def write_performance(performance: Performance, path: Path) -> list[str]:
    """Write a performance in the format of the ending; return what the user should know.

    Raises InputError where the format needs controls and the performance has none.
    """
    write = WRITERS.get(path.suffix.lower())
    if write is None:
        performance.save(path)
        return []
    if performance.controls is None:
        raise InputError(f"There are no controls for {path.name} to hold, because the head's face model is not on "
                         "this machine. Import the model, or write .npz.")
    write(ControlTrack(performance.fps, performance.controls, performance.rotation, performance.translation,
                       performance.phones, performance.words), path)
    notes = [f"{path.name} has the controls without the detail. Write .npz to keep all of the motion."]
    return notes


def read_performance(path: Path, rig: Rig) -> Performance:
    """Read a performance for the head of a rig; controls of any face move this head's controls.

    Where the file has no head pose, the head is in the person's usual one.

    Raises InputError for files that are no performance.
    """
    suffix = path.suffix.lower()
    if suffix not in PERFORMANCE_SUFFIXES:
        raise InputError(f"{path} must end in {', '.join(PERFORMANCE_SUFFIXES)}; choose another performance.")
    if suffix not in READERS:
        return Performance.load(path)
    if len(rig.controls) == 0:
        raise InputError(f"This head has no controls for {path.name} to move. Learn the subject again.")
    track, rest = READERS[suffix](path), (rig.rest_rotation, rig.rest_translation)
    rotation, translation = (
        np.repeat(usual[None], len(track.controls), axis=0) if given is None else given
        for given, usual in zip((track.rotation, track.translation), rest))
    return Performance(track.fps, track.controls @ rig.controls, rotation, translation, track.phones, track.controls,
                       0.0, track.words)
