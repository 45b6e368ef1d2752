"""What many people have in common: the model that personal learning begins from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from headroom.common import distributed as team
from headroom.common.checkpoint import Record
from headroom.common.paths import MOTION_WEIGHTS
from headroom.common.progress import Progress, part, silent
from headroom.common.threads import one_thread
from headroom.face.performance import Performance
from headroom.motion.audio.features import FeatureConfig
from headroom.motion.audio.lag_search import shifted
from headroom.motion.model.model import Manner, MotionModel, average_manner
from headroom.motion.model.network import MotionNetwork, NetworkConfig
from headroom.motion.model.ridge import taught
from headroom.motion.style.measure import SHORT_FRAMES, measure_manner, normalised, plain, with_shared_deviations
from headroom.motion.train.dataset import AugmentConfig, Corpus, Sample, make_sample, matched
from headroom.motion.train.loop import fit
from headroom.motion.train.personal import TrainConfig, beginning_readout, emphasis_of, heard_and_seen
from headroom.motion.train.sound_offset import align

SAME_BASIS = 0.01  # lip openings of one expression basis differ by less than this share

# The networks hear phones, so that more steps than 450 do not learn the few voices by heart.
GENERAL = TrainConfig(network=NetworkConfig(width=48, code=64, hidden=64, dropout=0.5), members=3, steps=900, batch=16,
                      longest=75, average=0.99, augment=AugmentConfig(masked_rows=16))


def general(lip_opening: np.ndarray | None = None) -> MotionModel | None:
    """The bundled model of many people; None where it is missing or speaks of another face model's expressions.

    lip_opening: (64,) of the face model in use, millimetres per unit of expression.
    """
    if not MOTION_WEIGHTS.is_file():
        return None
    model = _loaded(MOTION_WEIGHTS)
    known = model.manner.lip_opening
    if lip_opening is not None and np.abs(known - lip_opening).max() > SAME_BASIS * np.abs(known).max():
        return None
    return model


@lru_cache(maxsize=1)
def _loaded(path: Path) -> MotionModel:
    return MotionModel.load(path)


@one_thread()
def train_general(clips: Sequence[tuple[np.ndarray, Performance]], lip_opening: np.ndarray, lid_opening: np.ndarray,
                  out: Path | None = MOTION_WEIGHTS, config: TrainConfig = GENERAL, importance: np.ndarray | None = None,
                  progress: Progress = silent, record: Record | None = None,
                  gaze_modes: Sequence[int] = ()) -> MotionModel:
    """Learn from clips of (sound (N,) at 16 kHz, truth at any rate), one person each, and write the model to `out`.

    clips: may read them from disk at each look. Targets are normalised per clip, so that the networks learn how people
    move and not who they are. In a team of processes the first one writes, and all return the same networks.
    """
    torch.manual_seed(config.seed + team.place())
    progress(0.0, "Putting sound and lips in step")
    features = config.network.features
    offsets = offsets_of(clips, lip_opening, features)

    def in_step(index: int) -> tuple[np.ndarray, Performance]:
        sound, truth = clips[index]
        return shifted(sound, offsets[index]), matched(sound, truth)

    manners, frames = [], []
    for index in range(len(clips)):
        progress(0.1 * index / len(clips), "Measuring how people move")
        sound, truth = in_step(index)
        manners.append(measure_manner(sound, truth, lip_opening, lid_opening, gaze_modes))
        frames.append(len(truth))
    manners = list(map(plain, manners)) if config.network.targets == "plain" else \
        with_shared_deviations(manners, frames)

    def sample_of(index: int) -> Sample:
        sound, truth = in_step(index)
        rng = np.random.default_rng((config.seed, index))
        return make_sample(sound, normalised(truth, manners[index]), features, config.augment, rng)

    samples = Corpus(sample_of, frames)
    common = average_manner(manners, longest=manners[int(np.argmax(frames))])
    networks = general_networks(samples, common, config, importance, part(progress, 0.1, 1.0), record)
    prior = beginning_readout(config, None)
    readout = taught(prior, map(heard_and_seen, samples), config.readout, own=False) if prior else None
    model = MotionModel(config.network, networks, common, readout, config.readout_share)
    if out is not None and team.leads():
        model.save(out)
    return model


def offsets_of(clips: Sequence[tuple[np.ndarray, Performance]], lip_opening: np.ndarray,
               features: FeatureConfig) -> list[float]:
    """Seconds by which each clip's sound is late; 0 for clips of one word, which cannot tell and come from one
    broadcaster in step."""
    offsets, long, heard = [0.0] * len(clips), [], []
    for index, (sound, performance) in enumerate(clips):
        truth = matched(sound, performance)
        if len(truth) >= SHORT_FRAMES:
            long.append(index)
            heard.append((sound, truth.expression @ lip_opening))
    for index, offset in zip(long, align(heard, features) if heard else []):
        offsets[index] = offset
    return offsets


def general_networks(samples: Sequence[Sample], manner: Manner, config: TrainConfig, importance: np.ndarray | None,
                     progress: Progress, record: Record | None = None) -> tuple[MotionNetwork, ...]:
    """`config.members` networks that heard the same clips in other orders."""
    emphasis = emphasis_of(manner, importance, config)
    networks = []
    for member in range(config.members):
        network = MotionNetwork(config.network)
        if record and member < len(record.finished):
            network.load_state_dict(record.finished[member])
        else:
            report = part(progress, member / config.members, (member + 1) / config.members)
            network = fit(network.to(team.device()), samples, None, emphasis, config, (config.seed, member), report,
                          record=record).cpu()
            if record:
                record.finish(network)
        networks.append(network.eval())
    return tuple(networks)
