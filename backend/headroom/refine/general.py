"""What many people have in common: the refiner that personal learning begins from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headroom.common import distributed as team
from headroom.common.checkpoint import TrainingCheckpoint
from headroom.common.paths import REFINER_WEIGHTS
from headroom.common.progress import Progress, no_progress
from headroom.refine.augment import AugmentConfig
from headroom.refine.dataset import TrainingPairs, RefinerDataset, normalised_identity
from headroom.refine.generator import Generator
from headroom.refine.refiner import Refiner
from headroom.refine.train import TrainingState, TrainConfig, train_generator

GENERAL = TrainConfig(
    augment=AugmentConfig(scale=0.1, shift=0.06, moved=1.0, mirrored=0.5, brightness=0.15, tint=0.05, other_plate=0.5),
    seconds=None,
    steps=10_000,
    batch=2,
    attention=0.0,
    gan=0.0,
    ema=0.999,
)


def general_refiner(identity: NDArray[np.floating], feature: str) -> Refiner | None:
    """The bundled refiner of many people, told whose face it paints; None where it is missing.

    identity (D,); feature: what that is. One that the refiner was not taught with changes nothing until it is taught.
    """
    if not REFINER_WEIGHTS.is_file():
        return None
    known = _loaded(REFINER_WEIGHTS)
    generator = known.generator
    if (known.feature, generator.config.identity) != (feature, len(identity)):
        generator = generator.with_new_identity(len(identity))
    return Refiner(generator, normalised_identity(identity), known.region, known.resolution, feature=feature)


@lru_cache(maxsize=1)
def _loaded(path: Path) -> Refiner:
    return Refiner.load(path)


def train_general(
    people: Sequence[TrainingPairs],
    draws: Sequence[int],
    out: Path,
    config: TrainConfig = GENERAL,
    progress: Progress = no_progress,
    record: TrainingCheckpoint | None = None,
) -> None:
    """Learn from many people's clips and write the refiner to `out`; in a team the first process writes.

    people: may be read from disk at each look. draws: how many windows of each clip make a round.
    """
    device, first = team.device(), people[0]
    course = TrainingState.begun(config, replace(config.generator, identity=first.identity.shape[1]), device, None)
    if record:
        record.resume(course)
    data = RefinerDataset(people, draws, config.region, config.augment, config.seed)
    generator: Generator = train_generator(course, data, config, device, progress, record)
    if team.is_main():
        nobody = np.zeros_like(first.identity[0])
        Refiner(generator, nobody, config.region, first.frames.shape[1], device.type, feature=first.feature).save(out)
