"""Blinks: seen in the clip, replayed at the person's own rate. Sound does not tell when somebody blinks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter
from scipy.signal import find_peaks

from headroom.motion.audio.features import FRAME_RATE

BEFORE, AFTER = 4, 8  # frames of a blink around its deepest one
BASELINE = 31  # frames of the running median that an eye is open against
MIN_DEPTH_MM = 1.5  # lids that come less closer are a glance down
REFRACTORY_SECONDS = 0.4
USUAL_RATE = 0.28  # blinks per second of a speaking adult, for clips too short to count
USUAL_DEPTH_MM = 7.0
PRIOR_SECONDS = 5.0  # how much clip the usual rate is worth
USUAL_SHAPE = np.array([0, 0.05, 0.35, 0.85, 1, 0.8, 0.5, 0.3, 0.17, 0.09, 0.04, 0.01, 0])


@dataclass(frozen=True)
class Blinks:
    """rate: per second. shape: (13, 64) what one blink adds to the expression, frames -4 .. +8 around its deepest."""

    rate: float
    shape: np.ndarray


def find_blinks(expression: np.ndarray, lid_opening: np.ndarray) -> np.ndarray:
    """Frames (n,) of expression (T, 64), 25 Hz, at which the lids are shut; lid_opening (64,) millimetres per unit."""
    closing = lid_closing(expression, lid_opening)
    depth = max(MIN_DEPTH_MM, 0.4 * float(np.percentile(closing, 99.5)))
    peaks, _ = find_peaks(closing, height=depth, distance=round(REFRACTORY_SECONDS * FRAME_RATE / 2))
    return peaks


def lid_closing(expression: np.ndarray, lid_opening: np.ndarray) -> np.ndarray:
    """Millimetres (T,) that the lids are nearer than around that moment."""
    opening = expression @ lid_opening
    return median_filter(opening, BASELINE, mode="nearest") - opening


def measure_blinks(expression: np.ndarray, lid_opening: np.ndarray, lip_opening: np.ndarray) -> Blinks:
    """The rate and the mean shape of the blinks in expression (T, 64) at 25 Hz; the usual ones where there are few."""
    found = find_blinks(expression, lid_opening)
    rate = (len(found) + PRIOR_SECONDS * USUAL_RATE) / (len(expression) / FRAME_RATE + PRIOR_SECONDS)
    whole = [f for f in found if BEFORE <= f < len(expression) - AFTER]
    if len(whole) < 2 or np.abs(lid_opening).max() < 1e-9:
        return Blinks(rate, usual_shape(lid_opening, lip_opening))
    pieces = np.stack([expression[f - BEFORE:f + AFTER + 1] for f in whole]).astype(np.float64)
    ramp = np.linspace(0, 1, BEFORE + AFTER + 1)[:, None]
    shape = (pieces - pieces[:, :1] * (1 - ramp) - pieces[:, -1:] * ramp).mean(0)
    return Blinks(rate, without(shape, lip_opening).astype(np.float32))


def usual_shape(lid_opening: np.ndarray, lip_opening: np.ndarray) -> np.ndarray:
    """A blink along the direction that moves the lids and not the lips."""
    direction = without(lid_opening[None], lip_opening)[0]
    travel = float(direction @ lid_opening)
    if travel < 1e-9:
        return np.zeros((len(USUAL_SHAPE), len(lid_opening)), np.float32)
    return (-USUAL_DEPTH_MM / travel * USUAL_SHAPE[:, None] * direction).astype(np.float32)


def without(values: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """`values` (T, 64) less their part along `direction` (64,)."""
    size = float(direction @ direction)
    return values if size < 1e-12 else values - np.outer(values @ direction / size, direction)


def add_blinks(expression: np.ndarray, blinks: Blinks, seed: int) -> np.ndarray:
    """expression (T, 64) with blinks at random times; the gaps are the shortest one plus an exponential."""
    rng = np.random.default_rng([seed, 1])
    out = np.pad(np.asarray(expression, np.float32), ((BEFORE, AFTER), (0, 0)))
    mean_gap = max(1 / max(blinks.rate, 1e-3) - REFRACTORY_SECONDS, 0.1)
    seconds = float(rng.exponential(mean_gap))
    while (frame := round(seconds * FRAME_RATE)) < len(expression):
        out[frame:frame + len(blinks.shape)] += (blinks.shape * rng.uniform(0.85, 1.05)).astype(np.float32)
        seconds += REFRACTORY_SECONDS + float(rng.exponential(mean_gap))
    return out[BEFORE:BEFORE + len(expression)]
