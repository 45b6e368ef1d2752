"""The general refiner, trained on many people, from which personal training starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headroom.common import distributed
from headroom.common.checkpoint import TrainingCheckpoint
from headroom.common.paths import REFINER_WEIGHTS
from headroom.common.progress import Progress, no_progress
from headroom.refine.dataset import RefinerDataset, TrainingPairs, normalised_identity
from headroom.refine.refiner import Refiner, RefinerIdentity
from headroom.refine.train import train_generator
from headroom.refine.train_config import GENERAL, RefinerTrainConfig
from headroom.refine.training_state import TrainingState


def general_refiner(identity: NDArray[np.floating], feature: str) -> Refiner | None:
    """Return the bundled refiner with one person's identity; None where it is missing.

    identity: (D,).
    feature: what the identity feature is. The network ignores features of another kind than its own until it is
        trained with them.
    """
    if not REFINER_WEIGHTS.is_file():
        return None
    bundled = _bundled_refiner(REFINER_WEIGHTS)
    generator = bundled.generator
    if (bundled.identity.feature, generator.config.identity_size) != (feature, len(identity)):
        generator = generator.with_identity_size(len(identity))
    own = RefinerIdentity(normalised_identity(identity), feature)
    return Refiner(generator, own, bundled.region, bundled.resolution)


@lru_cache(maxsize=1)
def _bundled_refiner(path: Path) -> Refiner:
    """Read the bundled refiner once per process; nobody changes it, because training copies its weights."""
    return Refiner.load(path)


def train_general(
    clips: Sequence[TrainingPairs],
    samples_per_clip: Sequence[int],
    path: Path,
    config: RefinerTrainConfig = GENERAL,
    progress: Progress = no_progress,
    checkpoint: TrainingCheckpoint | None = None,
) -> None:
    """Train on many people's clips, and write the refiner to `path`; among distributed processes the main one writes.

    clips: may read a clip from disk at each access.
    samples_per_clip: how many samples of each clip make an epoch.
    """
    device, first = distributed.device(), clips[0]
    shape = replace(config.generator, identity_size=first.identity.shape[1])
    state = TrainingState.initial(config, shape, device)
    if checkpoint:
        checkpoint.resume(state)
    data = RefinerDataset(clips, samples_per_clip, config.region, config.augment, config.seed)
    generator = train_generator(state, data, config, progress, checkpoint)
    if distributed.is_main():
        nobody = RefinerIdentity(np.zeros_like(first.identity[0]), first.identity_feature)
        Refiner(generator, nobody, config.region, first.frames.shape[1], device.type).save(path)
