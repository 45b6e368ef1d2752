"""Learning of the general weights from many people, which personal learning starts from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from headroom.common import distributed
from headroom.common.checkpoint import TrainingCheckpoint
from headroom.common.progress import Progress, no_progress, subprogress
from headroom.common.threads import one_thread
from headroom.face.directions import FaceDirections
from headroom.face.performance import Performance
from headroom.motion.audio.features import FeatureConfig
from headroom.motion.model.model import MotionModel
from headroom.motion.model.network import MotionNetwork
from headroom.motion.model.ridge import fit_ridge
from headroom.motion.style.measure import SHORT_FRAMES, measure_style, normalise_motion, pool_deviations
from headroom.motion.style.speaker_style import average_style, unnormalised_style
from headroom.motion.train.config import GENERAL, TrainConfig
from headroom.motion.train.dataset import Sample, SampleSet, make_sample, trim_to_sound
from headroom.motion.train.loop import TrainingTask, train_network
from headroom.motion.train.losses import LossEmphasis
from headroom.motion.train.personal import initial_ridge
from headroom.motion.train.sound_offset import align_clips, shift_sound


@one_thread()
def train_general(clips: Sequence[tuple[np.ndarray, Performance]], directions: FaceDirections, out: Path | None,
                  config: TrainConfig = GENERAL, progress: Progress = no_progress,
                  checkpoint: TrainingCheckpoint | None = None) -> MotionModel:
    """Learn from many people's clips.

    clips: (sound (N,) at 16 kHz, tracked motion at any rate) of one person each; may be read from disk at each access.
    directions: of the face model that the clips were tracked with.
    out: file to write the model to; None writes none.

    Targets are normalised per clip, so that the networks learn how people move and not who they are. Of distributed
    processes the main one writes, and all return the same networks.
    """
    torch.manual_seed(config.seed + distributed.rank())
    progress(0.0, "Synchronising sound and lips")
    features = config.network.features
    offsets = clip_offsets(clips, directions.lip_opening, features)

    def synchronised(index: int) -> tuple[np.ndarray, Performance]:
        sound, truth = clips[index]
        return shift_sound(sound, offsets[index]), trim_to_sound(sound, truth)

    styles, frames = [], []
    for index in range(len(clips)):
        progress(0.1 * index / len(clips), "Measuring how people move")
        sound, truth = synchronised(index)
        styles.append(measure_style(sound, truth, directions))
        frames.append(len(truth))
    if config.network.targets == "unnormalised":
        styles = list(map(unnormalised_style, styles))
    else:
        styles = pool_deviations(styles, frames)

    def sample_of(index: int) -> Sample:
        sound, truth = synchronised(index)
        rng = np.random.default_rng((config.seed, index))
        return make_sample(sound, normalise_motion(truth, styles[index]), features, config.augment, rng)

    samples = SampleSet(sample_of, frames)
    style = average_style(styles, longest=styles[int(np.argmax(frames))])
    emphasis = LossEmphasis.of(style, directions, config.loss)
    networks = train_ensemble(samples, emphasis, config, subprogress(progress, 0.1, 1.0), checkpoint)
    ridge = initial_ridge(config, None)
    if ridge is not None:
        ridge = fit_ridge(ridge, (sample.clean_pairs() for sample in samples), config.ridge, personal=False)
    model = MotionModel(config.network, networks, style, ridge, config.ridge_weight)
    if out is not None and distributed.is_main():
        model.save(out)
    return model


def clip_offsets(clips: Sequence[tuple[np.ndarray, Performance]], lip_opening: np.ndarray,
                 features: FeatureConfig) -> list[float]:
    """Return by how many seconds each clip's sound is late.

    Clips of one word have offset 0: they are too short to measure, and LRW's come synchronised from one
    broadcaster.
    """
    offsets, long_clips = [0.0] * len(clips), {}
    for index, (sound, performance) in enumerate(clips):
        truth = trim_to_sound(sound, performance)
        if len(truth) >= SHORT_FRAMES:
            long_clips[index] = sound, truth.expression @ lip_opening
    if long_clips:
        for index, offset in zip(long_clips, align_clips(list(long_clips.values()), features)):
            offsets[index] = offset
    return offsets


def train_ensemble(samples: Sequence[Sample], emphasis: LossEmphasis, config: TrainConfig, progress: Progress,
                   checkpoint: TrainingCheckpoint | None = None) -> tuple[MotionNetwork, ...]:
    """Train `config.members` networks on the same clips, with other initial weights and batches."""
    networks = []
    for member in range(config.members):
        network = MotionNetwork(config.network)
        if checkpoint and member < len(checkpoint.finished):
            network.load_state_dict(checkpoint.finished[member])
        else:
            report = subprogress(progress, member / config.members, (member + 1) / config.members)
            task = TrainingTask(samples, None, emphasis, (config.seed, member))
            network = train_network(network.to(distributed.device()), task, config, report, checkpoint).cpu()
            if checkpoint:
                checkpoint.finish(network)
        networks.append(network.eval())
    return tuple(networks)
