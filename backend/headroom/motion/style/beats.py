"""Beats: how much more a person's head and brows move at the accents of the voice than between them.

Heads and brows of speakers coordinate with stressed syllables (Hadar et al. 1983; Cavé et al. 1996), though loosely:
in 45 clips heads and brows move a tenth more at accents than elsewhere, and nods a sixth more. A clip of ten seconds
has ten accents, which tell little, so its own figure is pulled towards theirs.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from headroom.motion.audio.timing import FRAME_RATE

BEAT_FRAMES = 7  # of a beat, 120 ms on either side of the accent
DEFAULT_EXCESS = np.array([0.12, 0.17, 0.11, 0.12])  # at 397 accents in 45 clips; three to five deviations from 0
PEOPLE_DEVIATION = 0.2  # of the excess between people
MIN_ACCENTS = 4  # in a clip, with fewer of which its excess is the default
_STILL = np.array([1e-3, 1e-3, 0.05, 0.05])  # radians per second and millimetres, below which nothing moves


def beat_signals(pose: np.ndarray, brow_height: np.ndarray) -> np.ndarray:
    """Return how much more than usual head and brows move around each frame (N, 4); 0 is as usual.

    pose: (N, 6) radians and millimetres at 25 Hz. brow_height: (N,) mm.

    The columns are the speed of the head's rotation, of nods, and of the brows, relative to their means over the clip,
    and the height of the brows in deviations. Columns of what does not move are 0.
    """
    if len(pose) < BEAT_FRAMES:
        return np.zeros((len(pose), len(_STILL)))
    turning = np.gradient(pose[:, :3].astype(np.float64), axis=0) * FRAME_RATE
    raising = np.gradient(brow_height.astype(np.float64)) * FRAME_RATE
    speeds = np.stack([np.linalg.norm(turning, axis=1), np.abs(turning[:, 0]), np.abs(raising)], 1)
    height = brow_height[:, None] - brow_height.mean()
    values, scale = np.hstack([speeds - speeds.mean(0), height]), np.append(speeds.mean(0), height.std())
    moves = scale > _STILL
    return uniform_filter1d(np.where(moves, values / np.where(moves, scale, 1), 0), BEAT_FRAMES, axis=0, mode="nearest")


def beat_excess(signals: np.ndarray, accents: np.ndarray) -> np.ndarray:
    """Return the mean (4,) of signals (T, 4) over the frames with accents (T,); zeros without accents."""
    return signals[accents > 0].mean(0) if accents.any() else np.zeros(signals.shape[1])


def expected_excess(signals: np.ndarray, accents: np.ndarray) -> np.ndarray:
    """Return the excess (4,) to expect of a person whose clip has signals (N, 4) and accents (N,).

    The clip's own excess counts by its precision, which is low where the accents differ much or are few.
    """
    values = signals[accents > 0]
    if len(values) < MIN_ACCENTS:
        return DEFAULT_EXCESS
    weight = PEOPLE_DEVIATION**2 / (PEOPLE_DEVIATION**2 + values.var(0, ddof=1) / len(values))
    return DEFAULT_EXCESS + weight * (values.mean(0) - DEFAULT_EXCESS)
