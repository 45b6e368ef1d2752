"""Augmentation of training clips: how many variants of a sound, and masked or perturbed features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from headroom.motion.audio.features import FeatureConfig


@dataclass(frozen=True)
class AugmentConfig:
    """How clips are varied. Deviations are relative to those of the normalised feature columns."""

    variants: int = 6  # versions of each clip's sound: a clean one, and degraded ones with another vocal tract
    vtln: float = 0.12  # range of the logarithm of the factor on frequencies
    tilt: float = 0.3  # deviation of a random spectral tilt
    jitter: float = 0.25  # deviation of noise on every value
    masked_rows: int = 12  # longest masked stretch of time, rows of 10 ms
    masked_columns: int = 6  # largest number of neighbouring columns that are masked


NO_AUGMENTATION = AugmentConfig(variants=1, tilt=0.0, jitter=0.0, masked_rows=0, masked_columns=0)


def augment_rows(rows: Tensor, features: FeatureConfig, config: AugmentConfig, rng: np.random.Generator) -> Tensor:
    """Return rows (R, A) with a masked stretch of time and perturbed columns.

    Spectral columns, which come first, get jitter, tilt and masked columns, vectors of the encoder jitter alone. Phone
    posteriors are only masked in time.
    """
    rows = rows.clone()
    if config.masked_rows:
        first, length = int(rng.integers(len(rows))), int(rng.integers(config.masked_rows + 1))
        rows[first:first + length] = 0
    if features.kind == "encoder":
        return rows + torch.from_numpy(rng.standard_normal(rows.shape).astype(np.float32) * config.jitter)
    count, columns = len(rows), features.spectral_columns
    jitter = rng.standard_normal((count, columns)).astype(np.float32) * config.jitter
    knots = rng.standard_normal(5) * config.tilt
    tilt = np.interp(np.linspace(0, 4, columns), np.arange(5), knots).astype(np.float32)
    rows[:, :columns] += torch.from_numpy(jitter + tilt)
    if config.masked_columns:
        first, length = int(rng.integers(columns)), int(rng.integers(config.masked_columns + 1))
        rows[:, first:min(first + length, columns)] = 0
    return rows
