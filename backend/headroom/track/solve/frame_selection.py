"""Selection of a clip's frames for appearance and key frames."""

from __future__ import annotations

import numpy as np

from headroom.track.solve.fit import Fit

_ROTATION_WEIGHTS = np.array([1.0, 1.0, 0.5])
"""Of pitch, yaw and roll: pitch and yaw show other sides of a face, roll does not."""


def good_frames(fit: Fit) -> np.ndarray:
    """Return the nine tenths of the frames with the smallest landmark errors."""
    return np.flatnonzero(np.nan_to_num(fit.error, nan=np.inf) <= np.nanquantile(fit.error, 0.9))


def neutral_frame(fit: Fit) -> int:
    """Return the frame with the most neutral expression and the smallest rotation.

    A tenth of a radian counts as much as a root mean square expression of one standard deviation.
    """
    good = good_frames(fit)
    expressive = np.sqrt((fit.expression[good] ** 2).mean(1))
    return int(good[np.argmin(expressive + 10 * np.linalg.norm(fit.rotation[good, :2], axis=1))])


def rotated_frames(fit: Fit, count: int) -> np.ndarray:
    """Return at most `count` well fitted frames (K,), ascending, whose rotations differ most (farthest-point sampling).

    The first one sampled has the rotation nearest to the median.
    """
    good = good_frames(fit)
    rotations = fit.rotation[good] * _ROTATION_WEIGHTS
    distance = np.linalg.norm(rotations - np.median(rotations, axis=0), axis=1)
    chosen = [int(np.argmin(distance))]
    distance = np.linalg.norm(rotations - rotations[chosen[0]], axis=1)
    while len(chosen) < min(count, len(good)):
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, np.linalg.norm(rotations - rotations[chosen[-1]], axis=1))
        distance[chosen] = -1
    return np.sort(good[chosen])
