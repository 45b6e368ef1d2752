"""A synthetic speaker who is louder and higher at known times, and who nods and raises the brows then."""

from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter1d
from synthetic_speaker import DIRECTIONS

from headroom.face.performance import Performance

BROWS = (52, 53)
RAISE = (1.5, 0.5)  # mm per unit
WITH_BROWS = replace(DIRECTIONS, brow_modes=BROWS, brow_raise=RAISE)


def accent_frames(seconds: float, seed: int = 0) -> np.ndarray:
    """Return frames 0.8 to 2 s apart."""
    frames = 15 + np.cumsum(np.random.default_rng(seed).integers(20, 50, 1000))
    return frames[frames < seconds * 25 - 15]


def voice(seconds: float, frames: np.ndarray, gain_db: float = 12.0, semitones: float = 5.0) -> np.ndarray:
    """Return a buzz (N,) at 16 kHz of 120 Hz that is louder and higher for 0.24 s around each of `frames`."""
    time = np.arange(round(seconds * 16000)) / 16000
    accent = np.zeros(len(time))
    for frame in frames:
        accent[np.abs(time - (frame + 0.5) / 25) < 0.12] = 1
    phase = 2 * np.pi * np.cumsum(120 * 2 ** (semitones * accent / 12)) / 16000
    buzz = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 12))
    noise = np.random.default_rng(0).standard_normal(len(time))
    return (0.02 * 10 ** (gain_db * accent / 20) * buzz + 1e-4 * noise).astype(np.float32)


def nodder(seconds: float, frames: np.ndarray, seed: int = 0) -> Performance:
    """Return a face at 25 Hz that nods by 4 degrees and raises its brows by 3 mm at each of `frames`."""
    rng, count = np.random.default_rng(seed), round(seconds * 25)
    beats = np.zeros(count)
    beats[frames] = 1
    beats = gaussian_filter1d(beats, 2.0) / gaussian_filter1d(np.eye(1, 41, 20)[0], 2.0).max()
    pose = gaussian_filter1d(rng.standard_normal((count, 6)), 12, axis=0) * [0.05, 0.1, 0.05, 5, 5, 5]
    pose[:, 0] += np.radians(4) * beats
    pose[:, 5] -= 600
    expression = 0.05 * gaussian_filter1d(rng.standard_normal((count, 64)), 3, axis=0)
    expression[:, 52] += 2 * beats
    return Performance(25.0, *(values.astype(np.float32) for values in (expression, pose[:, :3], pose[:, 3:])))
