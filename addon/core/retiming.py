"""Words played at other times than they are spoken: a smooth map from the time shown to the time played."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MIN_FALLOFF_SECONDS = 0.04
"""Least time around a word over which its shift fades, so that the map stays continuous."""


@dataclass(frozen=True)
class Retime:
    """A word of the speech, in seconds, that is played at another time.

    first_seconds, last_seconds: where it is in the speech.
    to_first_seconds, to_last_seconds: where its motion is played.
    """

    first_seconds: float
    last_seconds: float
    to_first_seconds: float
    to_last_seconds: float


def source_seconds(seconds: np.ndarray, retimes: Sequence[Retime], falloff: float) -> np.ndarray:
    """Return which seconds (N,) of the speech are played at `seconds` (N,) of the scene's.

    Between the edges of a word its motion is stretched; before and after, the shift of the edge fades over `falloff`
    seconds, or up to the next word that is retimed. The map never runs backwards.
    """
    seconds = np.asarray(seconds, dtype=np.float64)
    if not retimes:
        return seconds
    ordered = sorted(retimes, key=lambda each: each.to_first_seconds)
    shown, played, slopes = _anchors(ordered, max(falloff, MIN_FALLOFF_SECONDS))
    inside = (seconds > shown[0]) & (seconds < shown[-1])
    return np.where(inside, _monotone(seconds, shown, played, slopes), seconds)


def shown_seconds(seconds: np.ndarray, retimes: Sequence[Retime], falloff: float) -> np.ndarray:
    """Return when `seconds` (N,) of the speech are shown: the inverse of `source_seconds`."""
    seconds = np.asarray(seconds, dtype=np.float64)
    if not retimes:
        return seconds
    edges = [value for each in retimes for value in vars(each).values()]
    reach = max(falloff, MIN_FALLOFF_SECONDS)
    grid = np.arange(min(edges) - reach, max(edges) + reach, 0.001)
    source = source_seconds(grid, retimes, falloff)
    inside = (seconds > source[0]) & (seconds < source[-1])
    return np.where(inside, np.interp(seconds, source, grid), seconds)


def _anchors(retimes: Sequence[Retime], falloff: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return points (A,) that are shown and played together, ascending, and the slopes that the map shall have there.

    The first and the last point are unmoved. Inside a word the wanted slope is constant.
    """
    start = min(retimes[0].first_seconds, retimes[0].to_first_seconds) - falloff
    points = [(start, start, 1.0)]
    for number, each in enumerate(retimes):
        speed = (each.last_seconds - each.first_seconds) / (each.to_last_seconds - each.to_first_seconds)
        points += [(each.to_first_seconds, each.first_seconds, speed), (each.to_last_seconds, each.last_seconds, speed)]
        after = max(each.last_seconds, each.to_last_seconds) + falloff
        if number + 1 == len(retimes):
            points.append((after, after, 1.0))
        else:
            following = retimes[number + 1]
            before = min(following.first_seconds, following.to_first_seconds) - falloff
            if after < before:
                points += [(after, after, 1.0), (before, before, 1.0)]
    # words that touch share an edge, at which time would stand still
    kept = [point for number, point in enumerate(points) if number == 0 or point[0] > points[number - 1][0] + 1e-6]
    shown, played, slopes = np.array(kept).T
    return shown, np.maximum.accumulate(played), slopes


def _monotone(at: np.ndarray, x: np.ndarray, y: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Return the cubic interpolation at `at` (N,) of `y` (A,) at ascending `x` (A,), with `slopes` (A,) where possible.

    Slopes are limited to three times the steepness on either side, which keeps the curve monotone (Fritsch and Carlson,
    SIAM J. Numer. Anal. 17, 1980). Blender's Python has no scipy.
    """
    steps = np.diff(x)
    secants = np.diff(y) / steps
    slopes = np.minimum(slopes, 3 * np.minimum(np.append(secants, np.inf), np.insert(secants, 0, np.inf)))
    index = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(steps) - 1)
    step, part = steps[index], (at - x[index]) / steps[index]
    left, right = slopes[index] * step, slopes[index + 1] * step
    change = y[index + 1] - y[index]
    return y[index] + part * (left + part * (3 * change - 2 * left - right + part * (left + right - 2 * change)))
