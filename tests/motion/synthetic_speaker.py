"""A synthetic speaker: noise bursts through moving formants, and a face that follows them."""

from collections.abc import Iterable

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, sosfilt

from headroom.face.directions import FaceDirections
from headroom.face.performance import Performance
from headroom.motion.model.network import NetworkConfig
from headroom.motion.model.ridge import RidgeConfig
from headroom.motion.train.augment import AugmentConfig
from headroom.motion.train.config import TrainConfig
from headroom.motion.train.dataset import BatchConfig, SpokenClip

LIP = np.zeros(64, np.float32)
LIP[0] = 3.0  # mm per unit
LID = np.zeros(64, np.float32)
LID[1] = 4.0
DIRECTIONS = FaceDirections(LIP, np.zeros(64, np.float32), np.zeros(64, np.float32), LID, np.ones(64, np.float32))
TINY = TrainConfig(network=NetworkConfig(width=8, code=8, hidden=8, layers=3, dropout=0.0), members=2, steps=30,
                   validate_every=10, batch=BatchConfig(size=4, min_frames=8, max_frames=24),
                   augment=AugmentConfig(variants=2), ridge=RidgeConfig(size=128))


def speakers(seconds: float, seeds: Iterable[int]) -> list[SpokenClip]:
    """Return a clip of one person for each seed."""
    return [SpokenClip(*speaker(seconds, seed)) for seed in seeds]


def speaker(seconds: float, seed: int = 0, late_seconds: float = 0.0) -> tuple[np.ndarray, Performance]:
    """Return sound (N,) at 16 kHz, late by `late_seconds`, and the face at 25 Hz. The last second is a pause."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * 25)
    opening = np.clip(gaussian_filter1d(rng.standard_normal(frames), 2) * 3 + 0.3, 0, None)
    opening[-25:] = 0
    expression = 0.05 * gaussian_filter1d(rng.standard_normal((frames, 64)), 3, axis=0)
    expression[:, 0] = opening
    expression[:, 1] = 0
    for frame in range(20, frames - 5, 70):
        expression[frame - 2:frame + 3, 1] = [-0.5, -1.5, -2, -1.5, -0.5]
    envelope = np.interp(np.arange(frames * 640) / 640, np.arange(frames) + 0.5, opening)
    noise = rng.standard_normal(frames * 640)
    low = butter(2, [300, 900], "band", fs=16000, output="sos")
    high = butter(2, [2500, 4500], "band", fs=16000, output="sos")
    sound = 0.1 * envelope * sosfilt(low, noise) + 0.02 * (envelope < 0.5) * sosfilt(high, noise) * (envelope > 0)
    sound = np.roll(sound, round(late_seconds * 16000)) + 1e-5 * noise
    pose = np.cumsum(gaussian_filter1d(rng.standard_normal((frames, 6)), 4, axis=0), 0)
    pose = (pose - gaussian_filter1d(pose, 40, axis=0)) * [0.03, 0.03, 0.02, 2, 2, 3] + [0.1, 0, 0, 0, 0, -600]
    return sound.astype(np.float32), Performance(25.0, expression.astype(np.float32), pose[:, :3].astype(np.float32),
                                                 pose[:, 3:].astype(np.float32))
