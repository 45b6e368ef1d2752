"""Training material of the motion networks: clips as rows of sound and normalised motion, and random pieces of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from headroom.face.performance import Performance
from headroom.motion.audio.features import (
    FRAME_RATE,
    ROWS_PER_FRAME,
    WINDOW_ROWS,
    FeatureConfig,
    frame_count,
    utterance_stats,
    feature_rows,
    rows_of_frames,
)

KEPT_FRAMES = 500_000  # of a corpus in memory, 4 GB with six variants of each clip


@dataclass(frozen=True)
class AugmentConfig:
    variants: int = 6  # copies of each clip's sound with other noise and another throat
    warp: float = 0.12  # frequencies are stretched by up to this share
    noise_db: tuple[float, float] = (8.0, 35.0)  # speech over noise
    tilt: float = 0.3  # deviation of a random colour of the sound, in column deviations
    jitter: float = 0.25  # deviation of noise on every value, in column deviations
    masked_rows: int = 12  # longest stretch of rows blanked, 10 ms each
    masked_columns: int = 6  # most neighbouring columns blanked


@dataclass(frozen=True)
class Sample:
    """One clip.

    rows: (variants, 4 T + 24, A), the first one clean, of which `sound` columns are heard and the others are phones.
    motion: (T, 70), expression then pose, normalised.
    """

    rows: Tensor
    motion: Tensor
    sound: int

    def __len__(self) -> int:
        return len(self.motion)

    def part(self, first: int, last: int) -> "Sample":
        """The frames first..last-1."""
        rows_end = (last - 1) * ROWS_PER_FRAME + WINDOW_ROWS
        return replace(self, rows=self.rows[:, first * ROWS_PER_FRAME:rows_end], motion=self.motion[first:last])


class SampleSet(Sequence[Sample]):
    """Any number of clips, each made into a sample when it is first drawn; those drawn last stay in memory."""

    def __init__(self, make: Callable[[int], Sample], lengths: Sequence[int]):
        """make: the sample of a clip's index, the same at every call. lengths: (n,) frames."""
        self.lengths = np.array(lengths, float)
        self._sample = lru_cache(max(1, int(KEPT_FRAMES / self.lengths.mean())))(make)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index):
        return self._sample(range(len(self))[index])


def trim_to_sound(samples: np.ndarray, truth: Performance) -> Performance:
    """`truth` at 25 Hz, no longer than the sound."""
    frames = min(max(1, round(truth.seconds * FRAME_RATE)), frame_count(samples))
    return truth.resampled(FRAME_RATE, frames)


def pose_of(performance: Performance) -> np.ndarray:
    """Pose (T, 6): pitch, yaw, roll in radians, then x, y, z in millimetres."""
    return np.concatenate([performance.rotation, performance.translation], 1).astype(np.float32)


def make_sample(samples: np.ndarray, motion: np.ndarray, features: FeatureConfig, augment: AugmentConfig,
                rng: np.random.Generator) -> Sample:
    """A clip's sound (N,), 16 kHz, in a clean and several changed copies, beside its motion (T, 70)."""
    start, end = rows_of_frames(0, len(motion))
    copies = [feature_rows(samples, start, end, features, utterance_stats(samples, features))]
    for _ in range(augment.variants - 1):
        noisy = with_noise(samples, float(rng.uniform(*augment.noise_db)), rng)
        warp = float(np.exp(rng.uniform(-augment.warp, augment.warp)))
        copies.append(feature_rows(noisy, start, end, features, utterance_stats(noisy, features, warp), warp))
    return Sample(torch.from_numpy(np.stack(copies)), torch.from_numpy(motion.astype(np.float32)),
                  features.sound_columns)


def with_noise(samples: np.ndarray, above_db: float, rng: np.random.Generator) -> np.ndarray:
    """`samples` (N,) under noise between white and brown, `above_db` below the speech."""
    spectrum = np.fft.rfft(rng.standard_normal(len(samples)))
    spectrum /= np.maximum(np.arange(len(spectrum)), len(samples) * 100 / 16000) ** rng.uniform(0, 1)
    noise = np.fft.irfft(spectrum, len(samples))
    level = np.sqrt(np.mean(samples**2) / max(np.mean(noise**2), 1e-20)) * 10 ** (-above_db / 20)
    return (samples + noise * level).astype(np.float32)


def random_batch(clips: Sequence[Sample], size: int, frames: int, warm_up: int, augment: AugmentConfig,
                 rng: np.random.Generator, own: slice = slice(None)) -> tuple[Tensor, Tensor, Tensor]:
    """windows (B, T, 28, A), motion (B, T, 70), mask (B, T): random pieces of `frames` frames of random clips.

    The first `warm_up` frames of a piece are heard but not judged, so that the rest begins with a carried state; half
    the pieces are judged from their first frame. Clips shorter than `frames` are filled up with unjudged frames.
    own: which of the `size` pieces to make; the others stay what they are.
    """
    lengths = clips.lengths if isinstance(clips, SampleSet) else np.array([len(clip) for clip in clips], float)
    chosen = list(zip(rng.choice(len(clips), size, p=lengths / lengths.sum()), rng.spawn(size)))[own]
    pieces = [random_piece(clips[int(index)], frames, warm_up, augment, piece_rng) for index, piece_rng in chosen]
    rows, motion, mask = (torch.stack(values) for values in zip(*pieces))
    return as_windows(rows), motion, mask


def random_piece(clip: Sample, frames: int, warm_up: int, augment: AugmentConfig,
                 rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """rows (4 T + 24, A), motion (T, 70), mask (T,) of one piece of a clip."""
    first = int(rng.integers(0, max(1, len(clip) - frames + 1)))
    piece = clip.part(first, min(first + frames, len(clip)))
    missing = frames - len(piece)
    rows = augmented(piece.rows[int(rng.integers(len(piece.rows)))], clip.sound, augment, rng)
    mask = torch.ones(frames)
    mask[len(piece):] = 0
    if warm_up and len(piece) > 2 * warm_up and rng.random() < 0.5:
        mask[:warm_up] = 0
    pad = torch.nn.functional.pad
    return pad(rows, (0, 0, 0, missing * ROWS_PER_FRAME)), pad(piece.motion, (0, 0, 0, missing)), mask


def augmented(values: Tensor, columns: int, augment: AugmentConfig, rng: np.random.Generator) -> Tensor:
    """Rows (R, A), a stretch of time blanked; in the first `columns`, of sound, also jitter, a random colour and a
    stretch of columns blanked.
    """
    count, values = len(values), values.clone()
    noise = rng.standard_normal((count, columns)).astype(np.float32) * augment.jitter
    knots = rng.standard_normal(5) * augment.tilt
    colour = np.interp(np.linspace(0, 4, columns), np.arange(5), knots).astype(np.float32)
    values[:, :columns] += torch.from_numpy(noise + colour)
    if augment.masked_rows:
        first, length = int(rng.integers(count)), int(rng.integers(augment.masked_rows + 1))
        values[first:first + length] = 0
    if augment.masked_columns:
        first, length = int(rng.integers(columns)), int(rng.integers(augment.masked_columns + 1))
        values[:, first:min(first + length, columns)] = 0
    return values


def as_windows(values: Tensor) -> Tensor:
    """Windows (B, T, 28, A) of rows (B, 4 T + 24, A)."""
    return values.unfold(1, WINDOW_ROWS, ROWS_PER_FRAME).transpose(2, 3)
