"""The general weights, from data sets of people speaking."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from headroom.common import distributed as team
from headroom.common.checkpoint import TrainingCheckpoint
from headroom.common.errors import InputError
from headroom.common.progress import Progress, subprogress, no_progress
from headroom.face.directions import FaceDirections
from headroom.face.model import bundled_model
from headroom.motion.train import general as motion
from headroom.motion.train.config import GENERAL as MOTION_GENERAL
from headroom.motion.train.paper import PAPER as MOTION_PAPER
from headroom.refine import general as refiner
from headroom.refine.train_config import GENERAL as REFINER_GENERAL
from headroom.refine.train_config import PRESETS as PERSONAL
from headroom.training.corpus import CorpusClip, RefinerClips, TrackedClip, MotionClips, TrackCache, find_clips

MOTION_PRESETS = {"general": MOTION_GENERAL, "paper": MOTION_PAPER}
REFINER_PRESETS = {"general": REFINER_GENERAL, "paper": PERSONAL["paper"]}
CHECKPOINT_SUFFIX = ".checkpoint"


@dataclass(frozen=True)
class TrainingRun:
    """One training: what it reads, what it writes and how far it goes.

    A checkpoint lies beside `weights` until they are written. Tracked clips stay in the folder `cache`.
    """

    datasets: Sequence[Path]
    weights: Path
    cache: Path
    steps: int | None = None  # those of the preset
    checkpoint_every: int = 100
    resume: bool = False
    tensorboard: Path | None = None

    def record(self, made_from: object) -> TrainingCheckpoint:
        """The checkpoints of this run, which belong to clips and settings `made_from`."""
        digest = hashlib.sha256(repr(made_from).encode()).hexdigest()
        path = self.weights.with_suffix(CHECKPOINT_SUFFIX)
        return TrainingCheckpoint(path, self.checkpoint_every, digest, self.resume, self.tensorboard)


def train_motion_weights(run: TrainingRun, preset: str = "general", progress: Progress = no_progress) -> list[str] | None:
    """Train and write motion weights; returns which clips were left out and why, in a team only to the leader."""
    config = MOTION_PRESETS[preset]
    config = config if run.steps is None else replace(config, steps=run.steps)
    with team.process_group():
        report = progress if team.is_main() else no_progress
        team.shard(config.batch.size)  # a team that cannot share a batch is told before clips are tracked
        model = bundled_model()
        tracked, notes = tracked_clips(run, TrackCache(run.cache, model), subprogress(report, 0, 0.6), spoken=True)
        record = run.record((config, tracks_of(run, tracked)))
        motion.train_general(MotionClips(list(tracked.values())), FaceDirections.of(model), run.weights, config,
                             subprogress(report, 0.6, 1), record)
        record.close()
        return notes if team.is_main() else None


def train_refiner_weights(run: TrainingRun, preset: str = "general", resolution: int = 256,
                          progress: Progress = no_progress) -> list[str] | None:
    """The same for the refiner, which does without sound. resolution: pixels across a crop."""
    config = REFINER_PRESETS[preset]
    config = config if run.steps is None else replace(config, steps=run.steps)
    with team.process_group():
        report = progress if team.is_main() else no_progress
        team.shard(config.batch_size)
        model = bundled_model()
        tracked, notes = tracked_clips(run, TrackCache(run.cache, model), subprogress(report, 0, 0.3))
        notes += [f"{clip.path} was left out: no face in its first {RefinerClips.LONGEST} frames."
                  for clip in faceless(tracked)]
        record = run.record((config, resolution, tracks_of(run, tracked)))
        people = RefinerClips(list(tracked), list(tracked.values()), model, resolution)
        refiner.train_general(people, people.draws(), run.weights, config, subprogress(report, 0.3, 1), record)
        record.close()
        return notes if team.is_main() else None


def faceless(tracked: dict[CorpusClip, Path]) -> list[CorpusClip]:
    """Take the clips out of `tracked` whose face comes after what is drawn of them."""
    late = [clip for clip, path in tracked.items()
            if not TrackedClip.load(path).track.slice(0, RefinerClips.LONGEST).confidence.any()]
    for clip in late:
        del tracked[clip]
    if not tracked:
        raise InputError("No clip shows a face near its beginning; choose other clips.")
    return late


def tracks_of(run: TrainingRun, tracked: dict[CorpusClip, Path]) -> list[str]:
    """The clips, face model and tracker behind the tracks, as the cache names them."""
    return [str(path.relative_to(run.cache)) for path in tracked.values()]


def tracked_clips(
    run: TrainingRun, cache: TrackCache, progress: Progress, spoken: bool = False
) -> tuple[dict[CorpusClip, Path], list[str]]:
    """The clips of a run with where their speakers lie, and a line for each that cannot be used; a team shares the
    work. spoken: a clip without sound cannot be used.
    """
    clips = find_clips(run.datasets)
    own = range(team.rank(), len(clips), team.world_size())
    for done, index in enumerate(own):
        cache.add(clips[index], subprogress(progress, done / len(own), (done + 1) / len(own)))
    team.all_gather(None)  # wait until all are there
    tracked, notes = {}, []
    for clip in clips:
        found = cache.find(clip)
        silence = TrackedClip.load(found).silence if spoken and isinstance(found, Path) else ""
        if isinstance(found, str) or silence:
            notes.append(f"{clip.path} was left out: {silence or found}")
        else:
            tracked[clip] = found
    if not tracked:
        raise InputError(f"None of the {len(clips)} clips can be used. {notes[0]}")
    return tracked, notes
