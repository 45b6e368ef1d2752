"""The live controls as functions: smooth a predicted channel, scale, delay and offset it, cut takes, edit spans.

The backend's headroom/motion/controls.py plays a performance in the same way; tests/addon/test_control_parity.py
compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

KERNEL_SIGMAS = 3.0
"""Radius of the Gaussian kernel; the rest of its weight is under 0.3 %."""
MIN_SIGMA = 0.1
"""In samples. A narrower Gaussian does not change a sampled curve, so smoothing is skipped."""


@dataclass(frozen=True)
class Layer:
    """The controls of one layer of the face. The defaults leave a prediction unchanged."""

    gain: float = 1.0  # of the motion about the take's median, which does not change
    lag_seconds: float = 0.0  # later when positive
    smoothing_seconds: float = 0.0  # standard deviation of a Gaussian


WHOLE_SPEECH = (-1e6, 1e6)
"""First and last second of a cut of a speech of any length, with no blend inside it."""


@dataclass(frozen=True)
class Cut:
    """A span of the speech, in seconds, in which another take than the active one is played.

    take: identifier of that take.
    """

    take: str
    first_seconds: float
    last_seconds: float


@dataclass(frozen=True)
class SpanEdit:
    """A span of the speech, in seconds, whose motion is emphasised, or held as it is at the span's beginning.

    gain: of an emphasis; None holds.
    """

    first_seconds: float
    last_seconds: float
    gain: float | None

    def applied(self, values: np.ndarray, seconds: np.ndarray, at_first: float, centre: float, fade_seconds: float
                ) -> np.ndarray:
        """Return `values` (N,) at `seconds` (N,) with this edit.

        at_first: the value at the span's beginning.
        centre: the value that a gain leaves in place.
        fade_seconds: of the blend at both ends of an emphasis, or after the end of a hold.
        """
        if self.gain is not None:
            return values + (self.gain - 1) * cut_weight(seconds, self, fade_seconds) * (values - centre)
        after = (np.asarray(seconds) - self.last_seconds) / max(fade_seconds, 1e-6)
        weight = np.where(seconds < self.first_seconds, 0.0, smoothstep(1.0 - after))
        return values + weight * (at_first - values)


def play_layer(values: np.ndarray, fps: float, layer: Layer, offset: float, seconds: np.ndarray) -> np.ndarray:
    """Return one predicted channel under the controls of its layer at `seconds` (N,), float32.

    Before the first and after the last sample their values hold.

    values: (T,) at `fps`; sample i is at i / fps seconds.
    offset: added last, in the channel's unit.
    """
    values = np.asarray(values, dtype=np.float64)  # so that a gain of 1 gives back the prediction
    median = np.median(values)
    scaled = median + layer.gain * (smooth(values, layer.smoothing_seconds * fps) - median)
    delayed = np.interp(np.asarray(seconds) - layer.lag_seconds, np.arange(len(values)) / fps, scaled)
    return (delayed + offset).astype(np.float32)


def smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """Return `values` (T,) under a Gaussian of `sigma` samples; the ends are held beyond the take.

    Written out, because Blender's Python has numpy but no scipy.
    """
    if sigma < MIN_SIGMA:
        return np.asarray(values)
    radius = int(np.ceil(KERNEL_SIGMAS * sigma))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return np.convolve(np.pad(values, radius, mode="edge"), kernel / kernel.sum(), mode="valid")


def cut_weight(seconds: np.ndarray, cut: Cut | SpanEdit, fade_seconds: float) -> np.ndarray:
    """Return the weight of `cut` at `seconds` (N,): 1 inside, 0 outside, a smooth step centred on either end."""
    fade = max(fade_seconds, 1e-6)
    return np.minimum(smoothstep((seconds - cut.first_seconds) / fade + 0.5),
                      smoothstep((cut.last_seconds - seconds) / fade + 0.5))


def smoothstep(fraction: np.ndarray) -> np.ndarray:
    """Return the cubic step from 0 to 1, flat at both ends."""
    clipped = np.clip(fraction, 0.0, 1.0)
    return clipped * clipped * (3.0 - 2.0 * clipped)
