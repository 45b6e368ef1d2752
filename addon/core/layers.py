"""What the live controls do to a predicted channel: smooth it, dial it, shift it, and cut between takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

KERNEL_SIGMAS = 3.0
"""A Gaussian is cut off here; what is left out is under 0.3 %."""


@dataclass(frozen=True)
class Layer:
    """How one part of the face is played. The defaults leave a prediction as it is."""

    gain: float = 1.0  # of the motion about the take's usual value, which stays where it is
    lag_seconds: float = 0.0  # later when positive
    smoothing_seconds: float = 0.0  # standard deviation of a Gaussian


@dataclass(frozen=True)
class Cut:
    """From `first_seconds` to `last_seconds` another take is played; `take` is its identifier."""

    take: str
    first_seconds: float
    last_seconds: float


def played(values: np.ndarray, fps: float, layer: Layer, offset: float, seconds: np.ndarray) -> np.ndarray:
    """One predicted channel as a layer plays it at `seconds` (N,), float32; before and after the take its ends hold.

    values: (T,) at `fps`, sample i at i / fps. offset: added at the end, in the channel's unit.
    """
    usual = np.median(values)
    dialled = usual + layer.gain * (smooth(values, layer.smoothing_seconds * fps) - usual)
    moved = np.interp(np.asarray(seconds) - layer.lag_seconds, np.arange(len(values)) / fps, dialled)
    return (moved + offset).astype(np.float32)


def smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """`values` (T,) under a Gaussian of `sigma` samples; the ends are held beyond the take."""
    if sigma < 0.1:
        return np.asarray(values)
    radius = int(np.ceil(KERNEL_SIGMAS * sigma))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return np.convolve(np.pad(values, radius, mode="edge"), kernel / kernel.sum(), mode="valid")


def cut_weight(seconds: np.ndarray, cut: Cut, fade_seconds: float) -> np.ndarray:
    """How much of `cut` is played at `seconds` (N,): 1 inside, 0 outside, a smooth step centred on either end."""
    fade = max(fade_seconds, 1e-6)
    return np.minimum(ease((seconds - cut.first_seconds) / fade + 0.5), ease((cut.last_seconds - seconds) / fade + 0.5))


def ease(fraction: np.ndarray) -> np.ndarray:
    """A smooth step from 0 to 1, flat at both ends."""
    clipped = np.clip(fraction, 0.0, 1.0)
    return clipped * clipped * (3.0 - 2.0 * clipped)
