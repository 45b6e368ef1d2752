"""Augmentation of training clips: noise, vocal tract length, and masked or perturbed features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from headroom.media.audio import SAMPLE_RATE


@dataclass(frozen=True)
class AugmentConfig:
    """How clips are varied. Deviations are relative to those of the normalised feature columns."""

    variants: int = 6  # versions of each clip's sound: a clean one, and others with noise and another vocal tract
    vtln: float = 0.12  # range of the logarithm of the factor on frequencies
    noise_db: tuple[float, float] = (8.0, 35.0)  # range of speech level over noise level
    tilt: float = 0.3  # deviation of a random spectral tilt
    jitter: float = 0.25  # deviation of noise on every value
    masked_rows: int = 12  # longest masked stretch of time, rows of 10 ms
    masked_columns: int = 6  # largest number of neighbouring columns that are masked


NO_AUGMENTATION = AugmentConfig(variants=1, tilt=0.0, jitter=0.0, masked_rows=0, masked_columns=0)


def add_noise(samples: np.ndarray, level_db: float, rng: np.random.Generator) -> np.ndarray:
    """Add noise between white and brown to `samples` (N,), `level_db` below their level."""
    spectrum = np.fft.rfft(rng.standard_normal(len(samples)))
    corner = len(samples) * 100 / SAMPLE_RATE  # index of 100 Hz, below which the noise stays flat
    spectrum /= np.maximum(np.arange(len(spectrum)), corner) ** rng.uniform(0, 1)
    noise = np.fft.irfft(spectrum, len(samples))
    scale = np.sqrt(np.mean(samples**2) / max(np.mean(noise**2), 1e-20)) * 10 ** (-level_db / 20)
    return (samples + noise * scale).astype(np.float32)


def augment_rows(rows: Tensor, spectral_columns: int, config: AugmentConfig, rng: np.random.Generator) -> Tensor:
    """Return rows (R, A) with a masked stretch of time and perturbed spectral columns.

    Spectral columns, which come first, get jitter, tilt and masked columns. Phone posteriors are only masked in time.
    """
    count, columns = len(rows), spectral_columns
    rows = rows.clone()
    jitter = rng.standard_normal((count, columns)).astype(np.float32) * config.jitter
    knots = rng.standard_normal(5) * config.tilt
    tilt = np.interp(np.linspace(0, 4, columns), np.arange(5), knots).astype(np.float32)
    rows[:, :columns] += torch.from_numpy(jitter + tilt)
    if config.masked_rows:
        first, length = int(rng.integers(count)), int(rng.integers(config.masked_rows + 1))
        rows[first:first + length] = 0
    if config.masked_columns:
        first, length = int(rng.integers(columns)), int(rng.integers(config.masked_columns + 1))
        rows[:, first:min(first + length, columns)] = 0
    return rows
