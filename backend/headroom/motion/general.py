"""What many people have in common: the model that personal learning begins from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from headroom.motion.dataset import AugmentConfig, Sample, make_sample, matched
from headroom.motion.manner import measure_manner, normalised
from headroom.motion.model import Manner, MotionModel, average_manner
from headroom.motion.network import EXPRESSION, MotionNetwork, NetworkConfig
from headroom.motion.offset import shifted
from headroom.motion.readout import new_readout, taught
from headroom.motion.sync import align
from headroom.motion.threads import one_thread
from headroom.motion.train import TrainConfig, emphasis_of, fit, heard_and_seen
from headroom.performance import Performance
from headroom.progress import Progress, part, silent

WEIGHTS = Path(__file__).parents[1] / "weights" / "motion.safetensors"

SAME_BASIS = 0.01  # lip openings of one expression basis differ by less than this share

# More steps learn the few voices by heart: with 1500 the lips of people outside follow worse than with 450.
GENERAL = TrainConfig(network=NetworkConfig(width=48, code=64, hidden=64, dropout=0.5), members=3, steps=450, batch=16,
                      longest=75, average=0.99,
                      augment=AugmentConfig(jitter=0.5, masked_rows=16, masked_columns=10))


def general(lip_opening: np.ndarray | None = None) -> MotionModel | None:
    """The bundled model of many people; None where it is missing or speaks of another face model's expressions.

    lip_opening: (64,) of the face model in use, millimetres per unit of expression.
    """
    if not WEIGHTS.is_file():
        return None
    model = _loaded(WEIGHTS)
    known = model.manner.lip_opening
    if lip_opening is not None and np.abs(known - lip_opening).max() > SAME_BASIS * np.abs(known).max():
        return None
    return model


@lru_cache(maxsize=1)
def _loaded(path: Path) -> MotionModel:
    return MotionModel.load(path)


@one_thread()
def train_general(clips: Sequence[tuple[np.ndarray, Performance]], lip_opening: np.ndarray, lid_opening: np.ndarray,
                  out: Path | None = WEIGHTS, config: TrainConfig = GENERAL, importance: np.ndarray | None = None,
                  progress: Progress = silent) -> MotionModel:
    """Learn from clips of (sound (N,) at 16 kHz, truth at any rate), one person each, and write the model to `out`.

    Targets are normalised per clip, so that the networks learn how people move and not who they are.
    """
    rng = np.random.default_rng(config.seed)
    torch.manual_seed(config.seed)
    progress(0.0, "Putting sound and lips in step")
    features = config.network.features
    sounds, truths = [sound for sound, _ in clips], [matched(sound, truth) for sound, truth in clips]
    offsets = align([(s, t.expression @ lip_opening) for s, t in zip(sounds, truths)], features)
    sounds = [shifted(sound, offset) for sound, offset in zip(sounds, offsets)]
    manners = [measure_manner(s, t, lip_opening, lid_opening, features) for s, t in zip(sounds, truths)]
    samples = [make_sample(s, normalised(t, m), features, config.augment, rng)
               for s, t, m in zip(sounds, truths, manners)]
    common = average_manner(manners, longest=manners[int(np.argmax([len(t) for t in truths]))])
    networks = general_networks(samples, common, config, importance, rng, part(progress, 0.1, 1.0))
    readout = taught(new_readout(features, EXPRESSION, config.readout),
                     [heard_and_seen(sample) for sample in samples], config.readout, own=False)
    model = MotionModel(config.network, networks, common, readout, config.readout_share)
    if out is not None:
        model.save(out)
    return model


def general_networks(samples: list[Sample], manner: Manner, config: TrainConfig, importance: np.ndarray | None,
                     rng: np.random.Generator, progress: Progress) -> tuple[MotionNetwork, ...]:
    """`config.members` networks that heard the same clips in other orders."""
    emphasis = emphasis_of(manner, importance, config)
    config = replace(config, judge_every=config.steps)
    return tuple(fit(MotionNetwork(config.network), samples, None, emphasis, config, rng,
                     part(progress, member / config.members, (member + 1) / config.members))
                 for member in range(config.members))
