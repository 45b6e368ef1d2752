"""The general motion weights, from data sets of people speaking."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from headroom.corpus import Clip, TrackCache, TrackedClips, find_clips
from headroom.errors import InputError
from headroom.face.model import bundled_model
from headroom.learning import motion_directions
from headroom.motion import team
from headroom.motion.general import GENERAL, train_general
from headroom.motion.paper import PAPER
from headroom.motion.record import Record
from headroom.progress import Progress, part, silent

PRESETS = {"general": GENERAL, "paper": PAPER}
CHECKPOINT_SUFFIX = ".checkpoint"


def train_motion_weights(datasets: Sequence[Path], weights: Path, *, cache: Path, preset: str = "general",
                         steps: int | None = None, checkpoint_every: int = 100, resume: bool = False,
                         tensorboard: Path | None = None, progress: Progress = silent) -> list[str] | None:
    """Train and write `weights`; returns which clips were left out and why, in a team only to the leader.

    A checkpoint lies beside `weights` until they are written. Tracked clips stay in the folder `cache`.
    """
    config = PRESETS[preset] if steps is None else replace(PRESETS[preset], steps=steps)
    with team.gathered_team():
        report = progress if team.leads() else silent
        team.own_part(config.batch)  # a team that cannot share a batch is told before clips are tracked
        clips = find_clips(datasets)
        tracked, notes = track_all(clips, TrackCache(cache, bundled_model()), part(report, 0, 0.6))
        made_from = hashlib.sha256(repr((config, [path.name for path in tracked])).encode()).hexdigest()
        record = Record(weights.with_suffix(CHECKPOINT_SUFFIX), checkpoint_every, made_from, resume, tensorboard)
        lips, lids, size = motion_directions(bundled_model())
        train_general(TrackedClips(tracked), lips, lids, weights, config, size, part(report, 0.6, 1), record)
        record.close()
        return notes if team.leads() else None


def track_all(clips: Sequence[Clip], cache: TrackCache, progress: Progress) -> tuple[list[Path], list[str]]:
    """Where the clips' tracks lie, and a line for each clip that cannot be used; a team shares the work."""
    own = range(team.place(), len(clips), team.size())
    for done, index in enumerate(own):
        step = part(progress, done / len(own), (done + 1) / len(own))
        cache.add(clips[index], step)
    team.everybodys(None)  # wait until all are there
    tracked, notes = [], []
    for clip in clips:
        found = cache.find(clip)
        if isinstance(found, Path):
            tracked.append(found)
        else:
            notes.append(f"{clip.path} was left out: {found}")
    if not tracked:
        raise InputError(f"None of the {len(clips)} clips can be used. {notes[0]}")
    return tracked, notes
