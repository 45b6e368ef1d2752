"""Training runs for the general weights: motion and refiner."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from headroom.common import distributed
from headroom.common.checkpoint import TrainingCheckpoint
from headroom.common.errors import InputError
from headroom.common.progress import Progress, no_progress, subprogress
from headroom.common.threads import one_thread
from headroom.face.directions import FaceDirections
from headroom.face.model import FaceModel, bundled_model
from headroom.motion.train import general as motion
from headroom.motion.train.config import GENERAL as MOTION_GENERAL
from headroom.motion.train.config import TrainConfig
from headroom.motion.train.paper import PAPER as MOTION_PAPER
from headroom.refine import general as refiner
from headroom.refine.train_config import GENERAL as REFINER_GENERAL
from headroom.refine.train_config import PRESETS as PERSONAL_PRESETS
from headroom.training.corpus import CorpusClip, find_clips, is_corpus
from headroom.training.datasets import MotionClips, RefinerClips
from headroom.training.shards.choose import training_shards
from headroom.training.shards.examples import shard_data
from headroom.training.track_cache import TrackCache, TrackedClip, UnusableClip

MOTION_PRESETS = {"general": MOTION_GENERAL, "paper": MOTION_PAPER}
REFINER_PRESETS = {"general": REFINER_GENERAL, "paper": PERSONAL_PRESETS["paper"]}
Method = Literal["general", "paper"]
"""Headroom's own network and loss, or the paper's."""

CHECKPOINT_SUFFIX = ".checkpoint"

TrackedClips = dict[CorpusClip, Path]
"""Clips with the files of their tracks."""


@dataclass(frozen=True)
class TrainingRun:
    """What a training reads and writes, and how long it lasts.

    datasets: clips, folders of clips, or LRW; for motion, prepared corpora instead.
    weights: file to write; the checkpoint lies beside it until it is written.
    cache: folder that stores tracked clips.
    steps: of each network; None is the number of the preset.
    checkpoint_every: steps between checkpoints.
    resume: resume from the checkpoint.
    tensorboard: folder for curves.
    """

    datasets: Sequence[Path]
    weights: Path
    cache: Path
    steps: int | None = None
    checkpoint_every: int = 100
    resume: bool = False
    tensorboard: Path | None = None

    def checkpoint(self, identity: object) -> TrainingCheckpoint:
        """Return the checkpoint of the training of certain clips and settings, which `identity` names."""
        digest = hashlib.sha256(repr(identity).encode()).hexdigest()
        path = self.weights.with_suffix(CHECKPOINT_SUFFIX)
        return TrainingCheckpoint(path, self.checkpoint_every, digest, self.resume, self.tensorboard)


def train_motion_weights(
    run: TrainingRun, method: Method = "general", progress: Progress = no_progress
) -> list[str] | None:
    """Train and write the general motion weights.

    Returns which clips were left out and why; None in all processes but the main one.
    """
    config = MOTION_PRESETS[method]
    config = config if run.steps is None else replace(config, steps=run.steps)
    with distributed.process_group():
        report = progress if distributed.is_main() else no_progress
        distributed.shard(config.batch.size)  # raises before clips are tracked when the processes cannot share a batch
        model = bundled_model()
        if any(map(is_corpus, run.datasets)):
            return _train_motion_on_shards(run, config, model, report)
        tracked, notes = track_clips(run, TrackCache(run.cache, model), subprogress(report, 0, 0.6), need_sound=True)
        checkpoint = run.checkpoint((config, track_names(run, tracked)))
        motion.train_general(MotionClips(tracked), FaceDirections.of(model), run.weights, config,
                             subprogress(report, 0.6, 1), checkpoint)
        checkpoint.close()
        return notes if distributed.is_main() else None


@one_thread()
def _train_motion_on_shards(run: TrainingRun, config: TrainConfig, model: FaceModel,
                            report: Progress) -> list[str] | None:
    """Train and write the general motion weights from prepared corpora; returns what the user should know."""
    torch.manual_seed(config.seed + distributed.rank())
    shards, notes = training_shards(run.datasets, model, config)
    checkpoint = run.checkpoint((config, distributed.world_size(), [(str(path), path.stat().st_size)
                                                                    for path in shards.paths]))
    directions = FaceDirections.of(model)
    report(0.0, "Measuring how people move")
    data = shard_data(directions, config, shards)
    fitted = motion.fit_general(data, directions, config, subprogress(report, 0.1, 1), checkpoint)
    checkpoint.close()
    if not distributed.is_main():
        return None
    fitted.save(run.weights)
    return notes


def train_refiner_weights(
    run: TrainingRun, method: Method = "general", resolution: int = 256, progress: Progress = no_progress
) -> list[str] | None:
    """Train and write the general refiner weights; clips need no sound.

    resolution: side of the crops, pixels.

    Returns which clips were left out and why; None in all processes but the main one.
    """
    config = REFINER_PRESETS[method]
    config = config if run.steps is None else replace(config, steps=run.steps)
    with distributed.process_group():
        report = progress if distributed.is_main() else no_progress
        distributed.shard(config.batch_size)
        model = bundled_model()
        tracked, notes = track_clips(run, TrackCache(run.cache, model), subprogress(report, 0, 0.3))
        notes += [no_face_note(clip) for clip in remove_faceless(tracked)]
        checkpoint = run.checkpoint((config, resolution, track_names(run, tracked)))
        clips = RefinerClips(tracked, model, resolution, config.generator.plate_term)
        refiner.train_general(clips, clips.samples_per_epoch(), run.weights, config, subprogress(report, 0.3, 1),
                              checkpoint)
        checkpoint.close()
        return notes if distributed.is_main() else None


def track_clips(
    run: TrainingRun, cache: TrackCache, progress: Progress, need_sound: bool = False
) -> tuple[TrackedClips, list[str]]:
    """Track the clips of a run; processes share the work.

    need_sound: leave out clips without sound.

    Returns the clips that can be used, and a line for each of the others.
    """
    clips = find_clips(run.datasets)
    own = range(distributed.rank(), len(clips), distributed.world_size())
    for done, index in enumerate(own):
        cache.add(clips[index], subprogress(progress, done / len(own), (done + 1) / len(own)))
    distributed.all_gather(None)  # waits until all processes are done
    tracked: TrackedClips = {}
    notes = []
    for clip in clips:
        entry = cache.find(clip)
        if isinstance(entry, Path) and need_sound:
            reason = TrackedClip.load(entry).no_sound_reason
            entry = UnusableClip(reason) if reason else entry
        if isinstance(entry, UnusableClip):
            notes.append(f"{clip.path} was left out: {entry.reason}")
        else:
            tracked[clip] = entry
    if not tracked:
        raise InputError(f"None of the {len(clips)} clips can be used. {notes[0]}")
    return tracked, notes


def remove_faceless(tracked: TrackedClips) -> list[CorpusClip]:
    """Remove the clips from `tracked` that show no face in the frames that the refiner uses; return them."""
    faceless = [clip for clip, path in tracked.items()
                if not TrackedClip.load(path).track.slice(0, RefinerClips.MAX_FRAMES).confidence.any()]
    for clip in faceless:
        del tracked[clip]
    if not tracked:
        raise InputError("No clip shows a face near its beginning; choose other clips.")
    return faceless


def no_face_note(clip: CorpusClip) -> str:
    """Return why a clip that `remove_faceless` removed was left out."""
    return f"{clip.path} was left out: no face in its first {RefinerClips.MAX_FRAMES} frames."


def track_names(run: TrainingRun, tracked: TrackedClips) -> list[str]:
    """Return the cache's names of the tracks, which identify clips, face model and tracker."""
    return [str(path.relative_to(run.cache)) for path in tracked.values()]
