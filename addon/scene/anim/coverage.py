"""Where a shot asks for more than the clip has shown, and where the clip itself was hard to follow."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from ...core.coverage import SURE, Clip, Span, pose_distance, spans_above
from ..build.shot import Shot
from .compose import make_plan
from .controls import head_of
from .timeline import keyed_pose

SAMPLES = 4000
"""Of a longer performance so many frames are compared, evenly spread, so that it stays quick."""


def off_plate(shot: Shot) -> list[Span]:
    """Frames whose head pose is further from the clip's nearest than the shot's limit; worst in degrees.

    Keys alone are looked at: this is asked after every edit, and evaluating constraints would take the scene along.
    """
    plan, clip = make_plan(shot), _clip(shot)
    if plan is None or clip is None or len(plan.frames) == 0:
        return []
    step = len(plan.frames) // SAMPLES + 1
    frames = plan.frames[::step]
    distance = pose_distance(*keyed_pose(shot, frames), clip)
    return spans_above(frames, distance, head_of(shot.root).warn_degrees, join=3 * step)


def unsure(shot: Shot) -> list[tuple[float, float]]:
    """The parts of the clip, from second to second, where tracking was unsure."""
    clip = _clip(shot)
    if clip is None:
        return []
    spans = spans_above(np.arange(len(clip.confidence)), 1.0 - clip.confidence, 1.0 - SURE)
    return [(span.first / clip.fps, (span.last + 1) / clip.fps) for span in spans]


def _clip(shot: Shot) -> Clip | None:
    """The track of the shot's subject; None when the subject has none or its folder is gone."""
    path = shot.subject_folder / "track.npz"
    return _load(path, path.stat().st_mtime_ns) if path.is_file() else None


@lru_cache(maxsize=8)
def _load(path: Path, changed: int) -> Clip:
    return Clip.load(path)
