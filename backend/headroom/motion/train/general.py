"""What many people have in common: the model that personal learning begins from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from headroom.common import distributed as team
from headroom.common.checkpoint import TrainingCheckpoint
from headroom.common.paths import MOTION_WEIGHTS
from headroom.common.progress import Progress, subprogress, no_progress
from headroom.common.threads import one_thread
from headroom.face.performance import Performance
from headroom.motion.audio.features import FeatureConfig
from headroom.motion.audio.lag_search import shifted
from headroom.motion.model.model import SpeakerStyle, MotionModel, average_style
from headroom.motion.model.network import MotionNetwork, NetworkConfig
from headroom.motion.model.ridge import fit_ridge
from headroom.motion.style.measure import SHORT_FRAMES, measure_style, normalise_motion, unnormalised_style, pool_deviations
from headroom.motion.train.dataset import AugmentConfig, SampleSet, Sample, make_sample, trim_to_sound
from headroom.motion.train.loop import train_network
from headroom.motion.train.personal import TrainConfig, initial_ridge, loss_emphasis, clean_pairs
from headroom.motion.train.sound_offset import align

SAME_BASIS = 0.01  # lip openings of one expression basis differ by less than this share

# The networks hear phones, so that more steps than 450 do not learn the few voices by heart.
GENERAL = TrainConfig(network=NetworkConfig(width=48, code=64, hidden=64, dropout=0.5), members=3, steps=900, batch=16,
                      longest=75, average=0.99, augment=AugmentConfig(masked_rows=16))


def general_model(lip_opening: np.ndarray | None = None) -> MotionModel | None:
    """The bundled model of many people; None where it is missing or speaks of another face model's expressions.

    lip_opening: (64,) of the face model in use, millimetres per unit of expression.
    """
    if not MOTION_WEIGHTS.is_file():
        return None
    model = _loaded(MOTION_WEIGHTS)
    known = model.style.lip_opening
    if lip_opening is not None and np.abs(known - lip_opening).max() > SAME_BASIS * np.abs(known).max():
        return None
    return model


@lru_cache(maxsize=1)
def _loaded(path: Path) -> MotionModel:
    return MotionModel.load(path)


@one_thread()
def train_general(clips: Sequence[tuple[np.ndarray, Performance]], lip_opening: np.ndarray, lid_opening: np.ndarray,
                  out: Path | None = MOTION_WEIGHTS, config: TrainConfig = GENERAL, importance: np.ndarray | None = None,
                  progress: Progress = no_progress, record: TrainingCheckpoint | None = None,
                  gaze_modes: Sequence[int] = ()) -> MotionModel:
    """Learn from clips of (sound (N,) at 16 kHz, truth at any rate), one person each, and write the model to `out`.

    clips: may read them from disk at each look. Targets are normalise_motion per clip, so that the networks learn how people
    move and not who they are. In a team of processes the first one writes, and all return the same networks.
    """
    torch.manual_seed(config.seed + team.rank())
    progress(0.0, "Putting sound and lips in step")
    features = config.network.features
    offsets = offsets_of(clips, lip_opening, features)

    def in_step(index: int) -> tuple[np.ndarray, Performance]:
        sound, truth = clips[index]
        return shifted(sound, offsets[index]), trim_to_sound(sound, truth)

    styles, frames = [], []
    for index in range(len(clips)):
        progress(0.1 * index / len(clips), "Measuring how people move")
        sound, truth = in_step(index)
        styles.append(measure_style(sound, truth, lip_opening, lid_opening, gaze_modes))
        frames.append(len(truth))
    styles = list(map(unnormalised_style, styles)) if config.network.targets == "unnormalised_style" else \
        pool_deviations(styles, frames)

    def sample_of(index: int) -> Sample:
        sound, truth = in_step(index)
        rng = np.random.default_rng((config.seed, index))
        return make_sample(sound, normalise_motion(truth, styles[index]), features, config.augment, rng)

    samples = SampleSet(sample_of, frames)
    common = average_style(styles, longest=styles[int(np.argmax(frames))])
    networks = general_networks(samples, common, config, importance, subprogress(progress, 0.1, 1.0), record)
    prior = initial_ridge(config, None)
    readout = fit_ridge(prior, map(clean_pairs, samples), config.readout, own=False) if prior else None
    model = MotionModel(config.network, networks, common, readout, config.ridge_weight)
    if out is not None and team.is_main():
        model.save(out)
    return model


def offsets_of(clips: Sequence[tuple[np.ndarray, Performance]], lip_opening: np.ndarray,
               features: FeatureConfig) -> list[float]:
    """Seconds by which each clip's sound is late; 0 for clips of one word, which cannot tell and come from one
    broadcaster in step."""
    offsets, long, heard = [0.0] * len(clips), [], []
    for index, (sound, performance) in enumerate(clips):
        truth = trim_to_sound(sound, performance)
        if len(truth) >= SHORT_FRAMES:
            long.append(index)
            heard.append((sound, truth.expression @ lip_opening))
    for index, offset in zip(long, align(heard, features) if heard else []):
        offsets[index] = offset
    return offsets


def general_networks(samples: Sequence[Sample], style: SpeakerStyle, config: TrainConfig, importance: np.ndarray | None,
                     progress: Progress, record: TrainingCheckpoint | None = None) -> tuple[MotionNetwork, ...]:
    """`config.members` networks that heard the same clips in other orders."""
    emphasis = loss_emphasis(style, importance, config)
    networks = []
    for member in range(config.members):
        network = MotionNetwork(config.network)
        if record and member < len(record.finished):
            network.load_state_dict(record.finished[member])
        else:
            report = subprogress(progress, member / config.members, (member + 1) / config.members)
            network = train_network(network.to(team.device()), samples, None, emphasis, config, (config.seed, member), report,
                          record=record).cpu()
            if record:
                record.finish(network)
        networks.append(network.eval())
    return tuple(networks)
