"""Export Performance: the controls, pose, phones and words of a head, with the animator's edits, in a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...core.arkit import ARKIT_NAMES
from ...core.errors import InputError
from ...core.messages import message
from ...core.performance_files import ControlTrack, write_control_track
from ...core.words import Span
from ..anim.compose import compose, make_plan
from ..anim.controls import active_take
from ..anim.takes import words_of
from ..anim.timeline import keyed_pose
from ..anim.transfer import read_take
from ..build.shot import Shot


def export_performance(shot: Shot, path: Path) -> ControlTrack:
    """Write what a performed head plays, at the scene's rate, as CSV or JSON by the name's ending, and return it.

    Sample 0 is at the first frame that is played. Raises InputError where nothing can be written, and for a head
    or a take without controls.
    """
    track = played_track(shot)
    write_control_track(track, path)
    return track


def played_track(shot: Shot) -> ControlTrack:
    """Return what a performed head plays; what was changed a moment ago is composed first.

    Raises InputError for a head, and for a take, without controls.
    """
    compose(shot)
    played, plan, take = read_take(shot), make_plan(shot), active_take(shot.root)
    assert plan is not None and take is not None
    still = np.zeros(len(played.frames))
    controls = np.stack([played.controls.get(name, still) for name in ARKIT_NAMES], axis=1)
    if not controls.any():
        raise InputError(message("{name} has no controls for a character. Perform the speech again.", name=take.name))
    start, end = float(played.seconds[0]), float(played.seconds[-1]) + 1 / plan.fps
    return ControlTrack(
        plan.fps, np.clip(controls, 0, 1).astype(np.float32), played.rotation, _between(played.phones, start, end),
        _between(plan.shown(words_of(take)), start, end),
        keyed_pose(shot, played.frames)[1])


def _between(spans: Sequence[Span], start: float, end: float) -> tuple[Span, ...]:
    """Return the spans, or their parts, from second `start` to `end`, in seconds after `start`."""
    cut = (span._replace(start=max(span.start, start) - start, end=min(span.end, end) - start) for span in spans)
    return tuple(span for span in cut if span.end > span.start)
