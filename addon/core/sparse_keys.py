"""Sparse keys: few Bézier keys that follow a densely sampled curve within an error.

Every handle is a third of the way to the neighbouring key, so a segment of the curve is a cubic polynomial of time and
the slopes at its ends enter linearly. They are a least-squares fit to the samples. Keys are inserted where the error is
too large, and removed where the curve is as good without them. Handles stay between the smallest and the largest
sample, and so does the curve: Blender would cut off a shape key's value that leaves its range.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

EXTREME_SWING = 4.0
"""An extreme that differs by so many errors from the ones beside it has a key with level handles."""
PLATEAU_SAMPLES = 3
"""So many equal values have a key with level handles at both ends: a closed eye, a shape that is not used."""
SAME = 1e-3
"""Values that differ by so many errors count as equal."""
SMOOTHING = 0.02
"""Weight of the slope between the neighbouring samples, beside the samples, where these hardly determine a slope."""
SWEEPS = 12
"""Jacobi steps for the slopes. Each one reduces what is left to three quarters at most."""
REMOVALS = 6
PART_SAMPLES = 100
"""Where the curve is too far off, each segment gets a key at a time, and a longer one gets a key in each such part."""


@dataclass(frozen=True)
class SparseKeys:
    """Keys at some samples of a curve.

    index: (K,) int, which samples, ascending.
    slopes: (K,) float64, unit of the values per frame; both handles of a key lie on its slope.
    """

    index: np.ndarray
    slopes: np.ndarray


def fit_keys(frames: np.ndarray, values: np.ndarray, error: float, required: np.ndarray) -> SparseKeys:
    """Return keys whose curve is within `error` of every sample, and which are at all extremes and plateaus.

    frames: (N,) ascending, N >= 1.
    values: (N,) in any unit; a key has the value of its sample.
    error: in the unit of the values, positive.
    required: (N,) bool, samples that must have a key. The first and the last one always have.
    """
    if len(values) == 1:
        return SparseKeys(np.zeros(1, int), np.zeros(1))
    fit = _Fit(np.asarray(frames, np.float64), np.asarray(values, np.float64) / error)
    always = required | fit.is_level
    always[[0, -1]] = True
    has_key = fit.with_inserted(always)
    for number in range(REMOVALS):
        removable = np.flatnonzero(has_key & ~always)
        has_key = fit.with_inserted(fit.without(has_key, removable[number % 2::2]))
    index = np.flatnonzero(has_key)
    return SparseKeys(index, fit.slopes(index) * error)


def key_points(frames: np.ndarray, values: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Return left handle, key and right handle (K, 3, 2) as frame and value; handles reach a third of the way.

    The outer handles of the first and the last key are as long as the inner ones.
    """
    before, after = _lengths_beside(np.diff(frames) / 3) if len(frames) > 1 else (np.ones(1), np.ones(1))
    reach = np.stack([-before, np.zeros(len(before)), after], axis=1)
    return np.stack([frames[:, None] + reach, values[:, None] + slopes[:, None] * reach], axis=-1)


class _Fit:
    """A curve to be fitted, with values in units of the error."""

    def __init__(self, frames: np.ndarray, values: np.ndarray):
        self.frames, self.values = frames, values
        self.lowest, self.highest = values.min(), values.max()
        self.is_level = level_samples(values, EXTREME_SWING)
        self._sample_slopes = np.gradient(values, frames)

    def with_inserted(self, has_key: np.ndarray) -> np.ndarray:
        """Return `has_key` (N,) with keys added until every sample is within the error."""
        has_key = has_key.copy()
        while True:
            errors, segment = self._errors(has_key)
            place = np.arange(len(segment)) - np.flatnonzero(has_key)[segment]
            part = np.cumsum(place % PART_SAMPLES == 0) - 1  # of a long segment, which needs many keys
            worst = np.flatnonzero((errors > 1.0) & (errors == _maxima(errors, part)[part]))
            if len(worst) == 0:
                return has_key
            has_key[worst] = True

    def without(self, has_key: np.ndarray, removed: np.ndarray) -> np.ndarray:
        """Return `has_key` (N,) without those of the keys `removed` (M,) that are not needed; no two are neighbours."""
        fewer = has_key.copy()
        fewer[removed] = False
        errors, segment = self._errors(fewer)
        needed = _maxima(errors, segment)[segment[removed]] > 1.0
        fewer[removed[needed]] = True
        return fewer

    def slopes(self, index: np.ndarray) -> np.ndarray:
        """Return the least-squares slopes (K,) of keys at the samples `index`."""
        return self._solve(index)[0]

    def _errors(self, has_key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the error of every sample but the last, which has a key, and its segment, both (N - 1,)."""
        index = np.flatnonzero(has_key)
        slopes, segment, rest, start, end = self._solve(index)
        errors = np.abs(rest - start * slopes[segment] - end * slopes[segment + 1])
        errors[index[:-1]] = 0.0
        return errors, segment

    def _solve(self, index: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the slopes (K,), and per sample its segment, what the slopes have to explain, and their factors."""
        lengths = np.diff(self.frames[index])
        segment = np.repeat(np.arange(len(lengths)), np.diff(index))
        values, length = self.values[index], lengths[segment]
        rise, start, end = _hermite((self.frames[:-1] - self.frames[index][segment]) / length)
        rest = self.values[:-1] - values[segment] - rise * np.diff(values)[segment]
        start, end = start * length, end * length

        def sums(products: np.ndarray) -> np.ndarray:
            return np.add.reduceat(products, index[:-1])

        prior = SMOOTHING * _per_key(lengths, lengths) / 2
        diagonal = prior + _per_key(sums(start * start), sums(end * end))
        right = prior * self._sample_slopes[index] + _per_key(sums(start * rest), sums(end * rest))
        coupling, limits = sums(start * end), self._slope_limits(index, lengths)
        slopes = np.clip(right / diagonal, *limits)
        for _ in range(SWEEPS):
            beside = _per_key(coupling * slopes[1:], coupling * slopes[:-1])
            slopes = np.clip((right - beside) / diagonal, *limits)
        return slopes, segment, rest, start, end

    def _slope_limits(self, index: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the least and greatest slopes (K,) whose handles lie between all samples; both 0 for level keys."""
        before, after = (3 / ends for ends in _lengths_beside(lengths))
        above, below = self.highest - self.values[index], self.values[index] - self.lowest
        moving = np.where(self.is_level[index], 0.0, 1.0)
        return (-moving * np.minimum(above * before, below * after),
                moving * np.minimum(above * after, below * before))


def level_samples(values: np.ndarray, swing: float) -> np.ndarray:
    """Return which samples (N,) bool are extremes that differ by `swing` from the ones beside them, or end a plateau.

    Both ends of an extreme that lasts are such samples.

    values: (N,) in units of the error.
    """
    begins = np.flatnonzero(np.concatenate([[True], np.abs(np.diff(values)) > SAME]))  # of runs of one value
    ends = np.concatenate([begins[1:], [len(values)]]) - 1
    level = np.zeros(len(values), dtype=bool)
    held = ends - begins + 1 >= PLATEAU_SAMPLES
    turning = _turning_points(values[begins], swing)
    for run in (held, turning):
        level[begins[run]] = level[ends[run]] = True
    return level


def _turning_points(values: np.ndarray, swing: float) -> np.ndarray:
    """Return the indices of the extremes of `values` (R,), no two neighbours equal, without those of small swings."""
    rises = np.diff(values) > 0
    turning = np.flatnonzero(rises[1:] != rises[:-1]) + 1
    if len(turning) == 0:
        return turning
    points = np.concatenate([[0], turning, [len(values) - 1]])
    while len(points) > 2:
        swings = np.abs(np.diff(values[points]))
        padded = np.concatenate([[np.inf], swings, [np.inf]])
        smallest = np.flatnonzero((swings < swing) & (swings < padded[:-2]) & (swings <= padded[2:]))
        removed = np.union1d(smallest, smallest + 1)
        removed = removed[(removed > 0) & (removed < len(points) - 1)]  # the ends stay
        if len(removed) == 0:
            break
        points = np.delete(points, removed)
    return points[1:-1]


def _lengths_beside(lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lengths (K,) before and after each key; beyond the first and the last one they repeat.

    lengths: (K - 1,) between the keys, K >= 2.
    """
    return np.append(lengths[:1], lengths), np.append(lengths, lengths[-1:])


def _per_key(at_start: np.ndarray, at_end: np.ndarray) -> np.ndarray:
    """Return per key (K,) the sum of what its two segments (K - 1,) have at their start and at their end."""
    return np.append(at_start, 0.0) + np.append(0.0, at_end)


def _maxima(errors: np.ndarray, segment: np.ndarray) -> np.ndarray:
    """Return the largest error of every segment; `segment` (N - 1,) is ascending and skips none."""
    return np.maximum.reduceat(errors, np.flatnonzero(np.diff(segment, prepend=-1)))


def _hermite(fraction: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the cubic from 0 to 1 with level ends, and the factors of the slopes at its start and its end."""
    rest = 1.0 - fraction
    return fraction * fraction * (3.0 - 2.0 * fraction), fraction * rest * rest, -fraction * fraction * rest
