"""Blinks: measured in the clip, replayed at the person's own rate, because speech does not determine them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter
from scipy.signal import find_peaks

from headroom.motion.audio.timing import FRAME_RATE

BEFORE, AFTER = 4, 8  # frames of a blink before and after its deepest one
MEDIAN_FRAMES = 31  # of the running median that open lids are measured with
MIN_DEPTH_MM = 1.5  # lids that close less are a glance down
REFRACTORY_SECONDS = 0.4  # shortest time between blinks
DEFAULT_RATE = 0.28  # blinks per second of a speaking adult
DEFAULT_DEPTH_MM = 7.0
DEFAULT_PROFILE = np.array([0, 0.05, 0.35, 0.85, 1, 0.8, 0.5, 0.3, 0.17, 0.09, 0.04, 0.01, 0])
PRIOR_SECONDS = 5.0  # of clip that the default rate is worth
_MIN_SIZE = 1e-9  # mm per unit; a smaller effect on the lids is none


@dataclass(frozen=True)
class Blinks:
    """How one person blinks.

    rate: blinks per second.
    shape: (13, E) float32, what one blink adds to the expression in the frames -4 .. +8 around its deepest one.
    """

    rate: float
    shape: np.ndarray


def find_blinks(expression: np.ndarray, lid_opening: np.ndarray) -> np.ndarray:
    """Return the frames (n,) of expression (T, E) at 25 Hz in which the lids are closed.

    lid_opening: (E,) millimetres per unit.
    """
    closing = lid_closing(expression, lid_opening)
    depth = max(MIN_DEPTH_MM, 0.4 * float(np.percentile(closing, 99.5)))
    peaks, _ = find_peaks(closing, height=depth, distance=round(REFRACTORY_SECONDS * FRAME_RATE / 2))
    return peaks


def lid_closing(expression: np.ndarray, lid_opening: np.ndarray) -> np.ndarray:
    """Return by how many millimetres (T,) the lids are closer than in the median of the frames around."""
    opening = expression @ lid_opening
    return median_filter(opening, MEDIAN_FRAMES, mode="nearest") - opening


def measure_blinks(expression: np.ndarray, lid_opening: np.ndarray, lip_opening: np.ndarray) -> Blinks:
    """Measure rate and mean shape of the blinks in expression (T, E) at 25 Hz.

    Fewer than two complete blinks give the default shape; the rate is pulled towards the default in short clips.
    """
    frames = find_blinks(expression, lid_opening)
    rate = (len(frames) + PRIOR_SECONDS * DEFAULT_RATE) / (len(expression) / FRAME_RATE + PRIOR_SECONDS)
    complete = [frame for frame in frames if BEFORE <= frame < len(expression) - AFTER]
    if len(complete) < 2 or np.abs(lid_opening).max() < _MIN_SIZE:
        return Blinks(rate, default_shape(lid_opening, lip_opening))
    pieces = np.stack([expression[frame - BEFORE:frame + AFTER + 1] for frame in complete]).astype(np.float64)
    ramp = np.linspace(0, 1, BEFORE + AFTER + 1)[:, None]
    shape = (pieces - pieces[:, :1] * (1 - ramp) - pieces[:, -1:] * ramp).mean(0)
    shape = orthogonal_to(shape, lip_opening)
    return Blinks(rate, without_flutter(shape, lid_opening, lip_opening).astype(np.float32))


def without_flutter(shape: np.ndarray, lid_opening: np.ndarray, lip_opening: np.ndarray) -> np.ndarray:
    """Return a blink (13, E) whose lids only close up to its deepest frame and only open after it.

    A mean of few blinks closes a little again where one of them was followed by a glance.
    """
    lids = shape @ lid_opening
    steady = np.concatenate([np.minimum.accumulate(lids[:BEFORE]), np.maximum.accumulate(lids[BEFORE:])])
    direction, effect = _lid_direction(lid_opening, lip_opening)
    return shape if effect < _MIN_SIZE else shape + np.outer(steady - lids, direction / effect)


def default_shape(lid_opening: np.ndarray, lip_opening: np.ndarray) -> np.ndarray:
    """Return a blink (13, E) along the direction that moves lids and not lips; zeros for a face without lids."""
    direction, effect = _lid_direction(lid_opening, lip_opening)
    if effect < _MIN_SIZE:
        return np.zeros((len(DEFAULT_PROFILE), len(lid_opening)), np.float32)
    return (-DEFAULT_DEPTH_MM / effect * DEFAULT_PROFILE[:, None] * direction).astype(np.float32)


def _lid_direction(lid_opening: np.ndarray, lip_opening: np.ndarray) -> tuple[np.ndarray, float]:
    """Return a direction (E,) that moves lids and not lips, and by how many millimetres it opens the lids."""
    direction = orthogonal_to(lid_opening[None], lip_opening)[0]
    return direction, float(direction @ lid_opening)


def orthogonal_to(values: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Subtract from `values` (T, E) their projection on `direction` (E,)."""
    squared = float(direction @ direction)
    return values if squared < 1e-12 else values - np.outer(values @ direction / squared, direction)


def add_blinks(expression: np.ndarray, blinks: Blinks, seed: int) -> np.ndarray:
    """Add blinks at random times to expression (T, E).

    The gaps between blinks are the refractory time plus an exponentially distributed one.
    """
    rng = np.random.default_rng([seed, 1])
    out = np.pad(np.asarray(expression, np.float32), ((BEFORE, AFTER), (0, 0)))
    mean_gap = max(1 / max(blinks.rate, 1e-3) - REFRACTORY_SECONDS, 0.1)
    seconds = float(rng.exponential(mean_gap))
    while (frame := round(seconds * FRAME_RATE)) < len(expression):
        out[frame:frame + len(blinks.shape)] += (blinks.shape * rng.uniform(0.85, 1.05)).astype(np.float32)
        seconds += REFRACTORY_SECONDS + float(rng.exponential(mean_gap))
    return out[BEFORE:BEFORE + len(expression)]
