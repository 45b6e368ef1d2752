"""Training data of the motion networks: clips as feature rows and normalised motion, and random batches of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from headroom.face.performance import Performance
from headroom.motion.audio.features import FeatureConfig, feature_rows, utterance_stats
from headroom.motion.audio.timing import FRAME_RATE, TimeGrid, frame_count
from headroom.motion.model.network import EXPRESSION
from headroom.motion.train.augment import AugmentConfig, augment_rows
from headroom.motion.train.sound_augment import degrade

CACHED_FRAMES = 500_000  # of a corpus in memory; 4 GB with six variants of each clip


@dataclass(frozen=True)
class BatchConfig:
    """The random pieces of clips that make a batch."""

    size: int = 8
    min_frames: int = 16  # of a piece
    max_frames: int = 64
    warm_up: int = 12  # first frames of half the pieces that no loss counts, so that the rest starts with a state


@dataclass(frozen=True)
class Batch:
    """One batch: windows (B, T, W, A), motion (B, T, 70), and mask (B, T), 1 where a frame counts."""

    windows: Tensor
    motion: Tensor
    mask: Tensor

    def to(self, device: torch.device) -> Batch:
        """Return the batch on another device."""
        return Batch(self.windows.to(device), self.motion.to(device), self.mask.to(device))


@dataclass(frozen=True)
class Sample:
    """One clip of T frames.

    rows: (variants, R, A) features, the first variant clean.
    motion: (T, 70) expression then pose, normalised.
    """

    rows: Tensor
    motion: Tensor
    features: FeatureConfig

    def __len__(self) -> int:
        return len(self.motion)

    def cut(self, first: int, last: int) -> Sample:
        """Return the frames first..last-1."""
        grid = self.features.grid
        end_row = (last - 1) * grid.rows_per_frame + grid.window_rows
        return replace(self, rows=self.rows[:, first * grid.rows_per_frame:end_row], motion=self.motion[first:last])

    def clean_windows(self) -> Tensor:
        """Return the windows (1, T, W, A) without noise."""
        return as_windows(self.rows[:1], self.features.grid)

    def all_pairs(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return `clean_pairs` of each variant of the sound."""
        return [replace(self, rows=self.rows[variant:variant + 1]).clean_pairs() for variant in range(len(self.rows))]

    def clean_pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Return windows (T, W, A) without noise and normalised expression (T, 64)."""
        return self.clean_windows()[0].numpy(), self.motion[:, :EXPRESSION].numpy()


class SampleSet(Sequence[Sample]):
    """Any number of clips, each computed when it is first sampled; the most recent ones stay in memory.

    The cache belongs to the instance and holds about `CACHED_FRAMES` frames.
    """

    def __init__(self, make: Callable[[int], Sample], lengths: Sequence[int]):
        """make: computes the sample of an index, the same at every call. lengths: frames of each clip."""
        self.lengths = np.array(lengths, float)
        self._sample = lru_cache(max(1, int(CACHED_FRAMES / self.lengths.mean())))(make)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index):
        return self._sample(range(len(self))[index])


class SamplePools(Protocol):
    """Samples of a corpus too large for random access: those of a step, which are in memory together."""

    def pool(self, step: int) -> Sequence[Sample]:
        """Return the samples that the batch of a step is sampled from, the same at every call."""


def samples_at(samples: Sequence[Sample] | SamplePools, step: int) -> Sequence[Sample]:
    """Return the samples that the batch of a step is sampled from."""
    return samples if isinstance(samples, Sequence) else samples.pool(step)


class SpokenClip(NamedTuple):
    """One clip of a data set.

    sound: (N,) at 16 kHz.
    motion: tracked motion at any rate.
    person: name of the person, which several clips share; empty where the clip is all that is known of them.
    """

    sound: np.ndarray
    motion: Performance
    person: str = ""


def trim_to_sound(samples: np.ndarray, truth: Performance) -> Performance:
    """Return `truth` at 25 Hz, no longer than the sound (N,)."""
    frames = min(max(1, round(truth.seconds * FRAME_RATE)), frame_count(samples))
    return truth.resampled(FRAME_RATE, frames)


def make_sample(samples: np.ndarray, motion: np.ndarray, features: FeatureConfig, augment: AugmentConfig,
                rng: np.random.Generator, speaker_mean: np.ndarray | None = None) -> Sample:
    """Compute a clip's features, clean and in degraded variants, from its sound (N,) at 16 kHz and its motion (T, 70).

    speaker_mean: (A,) of the features over all clips of the speaker, which is subtracted instead of the clip's own.
    """
    rows, mean = variant_rows(samples, len(motion), features, augment, rng)
    rows = shifted_rows(rows, mean, speaker_mean)
    return Sample(torch.from_numpy(rows), torch.from_numpy(motion.astype(np.float32)), features)


def variant_rows(samples: np.ndarray, frames: int, features: FeatureConfig, augment: AugmentConfig,
                 rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return features (variants, R, A) of sound (N,) at 16 kHz, clean and degraded, and their mean (A,) in the clip.

    frames: of the motion at 25 Hz, which the rows are for.
    """
    start, end = features.grid.rows_of_frames(0, frames)
    stats = utterance_stats(samples, features)
    variants = [feature_rows(samples, start, end, features, stats)]
    for _ in range(augment.variants - 1):
        noisy = degrade(samples, rng)
        vtln = float(np.exp(rng.uniform(-augment.vtln, augment.vtln)))
        variants.append(feature_rows(noisy, start, end, features, utterance_stats(noisy, features, vtln), vtln))
    return np.stack(variants), stats.mean


def shifted_rows(rows: np.ndarray, mean: np.ndarray, speaker_mean: np.ndarray | None) -> np.ndarray:
    """Return features (variants, R, A) from which the speaker's mean (A,) is subtracted instead of the clip's own.

    mean: (A,) of the clip, which was subtracted. speaker_mean: None keeps the clip's.
    """
    return (rows + (0.0 if speaker_mean is None else mean - speaker_mean)).astype(np.float32)


def random_batch(clips: Sequence[Sample], config: BatchConfig, augment: AugmentConfig, rng: np.random.Generator,
                 shard: slice = slice(None)) -> Batch:
    """Sample a batch of random pieces of random clips, which all have the same random length.

    Clips shorter than a piece are padded with frames that do not count.
    shard: which of the pieces to compute; the batch contains only those, and they do not depend on the others.
    """
    frames = int(rng.integers(config.min_frames, config.max_frames + 1))
    lengths = clips.lengths if isinstance(clips, SampleSet) else np.array([len(clip) for clip in clips], float)
    chosen = rng.choice(len(clips), config.size, p=lengths / lengths.sum())
    pieces = [random_piece(clips[int(index)], frames, config.warm_up, augment, piece_rng)
              for index, piece_rng in list(zip(chosen, rng.spawn(config.size)))[shard]]
    rows, motion, mask = (torch.stack(values) for values in zip(*pieces))
    return Batch(as_windows(rows, clips[0].features.grid), motion, mask)


def random_piece(clip: Sample, frames: int, warm_up: int, augment: AugmentConfig,
                 rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Sample rows (R, A), motion (T, 70) and mask (T,) of one piece of a clip."""
    first = int(rng.integers(0, max(1, len(clip) - frames + 1)))
    piece = clip.cut(first, min(first + frames, len(clip)))
    padding = frames - len(piece)
    rows = augment_rows(piece.rows[int(rng.integers(len(piece.rows)))], clip.features, augment, rng)
    mask = torch.ones(frames)
    mask[len(piece):] = 0
    if warm_up and len(piece) > 2 * warm_up and rng.random() < 0.5:
        mask[:warm_up] = 0
    pad = torch.nn.functional.pad
    padding_rows = padding * clip.features.grid.rows_per_frame
    return pad(rows, (0, 0, 0, padding_rows)), pad(piece.motion, (0, 0, 0, padding)), mask


def as_windows(rows: Tensor, grid: TimeGrid) -> Tensor:
    """Return windows (B, T, W, A) of rows (B, R, A)."""
    return rows.unfold(1, grid.window_rows, grid.rows_per_frame).transpose(2, 3)
