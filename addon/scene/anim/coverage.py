"""Where a shot leaves the head poses of the clip, and where tracking of the clip itself was unreliable."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from ...core.coverage import MIN_CONFIDENCE, ClipTrack, Span, pose_distance, spans_above
from ..build.shot import Shot
from .compose import make_plan
from .controls import head_of
from .timeline import keyed_pose

MAX_SAMPLES = 4000
"""Frames of a longer performance that are compared, evenly spaced, so that it stays quick."""
CACHED_TRACKS = 8


def off_plate_spans(shot: Shot) -> list[Span]:
    """Return the frames whose head pose is further from the clip's nearest one than the shot's limit, in degrees.

    Only keys are read: this runs after every edit, and evaluating constraints would change the scene's frame.
    """
    plan, track = make_plan(shot), _track(shot)
    if plan is None or track is None or len(plan.frames) == 0:
        return []
    step = len(plan.frames) // MAX_SAMPLES + 1
    frames = plan.frames[::step]
    distance = pose_distance(*keyed_pose(shot, frames), track)
    return spans_above(frames, distance, head_of(shot.root).warn_degrees, join=3 * step)


def low_confidence_spans(shot: Shot) -> list[tuple[float, float]]:
    """Return the spans of the clip, in seconds, where tracking had low confidence."""
    track = _track(shot)
    if track is None:
        return []
    spans = spans_above(np.arange(len(track.confidence)), 1.0 - track.confidence, 1.0 - MIN_CONFIDENCE)
    return [(span.first / track.fps, (span.last + 1) / track.fps) for span in spans]


def _track(shot: Shot) -> ClipTrack | None:
    """Return the track of the shot's subject; None when the subject has none or its folder is gone."""
    path = shot.subject_folder / "track.npz"
    return _load(path, path.stat().st_mtime_ns) if path.is_file() else None


@lru_cache(maxsize=CACHED_TRACKS)
def _load(path: Path, modified_ns: int) -> ClipTrack:
    """Load a track; the last ones stay in memory. A file that was written again is loaded again."""
    return ClipTrack.load(path)
