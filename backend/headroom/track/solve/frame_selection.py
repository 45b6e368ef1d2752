"""Which frames of a clip are looked at."""

from __future__ import annotations

import numpy as np

from headroom.track.solve.fit import Fit

_TURN_WEIGHTS = np.array([1.0, 1.0, 0.5])
"""Pitch and yaw show other sides of a face, roll the same one."""


def good_frames(fit: Fit) -> np.ndarray:
    """The nine tenths of the frames that were fitted best."""
    return np.flatnonzero(np.nan_to_num(fit.error, nan=np.inf) <= np.nanquantile(fit.error, 0.9))


def neutral_frame(fit: Fit) -> int:
    """The frame with the most neutral expression and the smallest rotation: a tenth of a radian counts as much as an
    expression that is off by one standard deviation in the mean.
    """
    good = good_frames(fit)
    expressive = np.sqrt((fit.expression[good] ** 2).mean(1))
    return int(good[np.argmin(expressive + 10 * np.linalg.norm(fit.rotation[good, :2], axis=1))])


def turned_frames(fit: Fit, count: int) -> np.ndarray:
    """At most `count` well fitted frames (K,) with the head turned as differently as can be, in order."""
    good = good_frames(fit)
    turns = fit.rotation[good] * _TURN_WEIGHTS
    apart = np.linalg.norm(turns - np.median(turns, axis=0), axis=1)
    chosen = [int(np.argmin(apart))]
    apart = np.linalg.norm(turns - turns[chosen[0]], axis=1)
    while len(chosen) < min(count, len(good)):
        chosen.append(int(np.argmax(apart)))
        apart = np.minimum(apart, np.linalg.norm(turns - turns[chosen[-1]], axis=1))
        apart[chosen] = -1
    return np.sort(good[chosen])
