"""Bézier curves of keys, as Blender evaluates them."""

from __future__ import annotations

import numpy as np

MAX_STEPS = 60
FRAME_PRECISION = 1e-6


def evaluate_bezier(points: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Return the values (N,) at `frames` (N,) of a curve whose keys all have Bézier interpolation.

    Handles longer than their segment are shortened to it, so that the curve has one value at each frame.

    points: (K, 3, 2), left handle, key and right handle as frame and value, K >= 1.
    """
    points, frames = np.asarray(points, np.float64), np.asarray(frames, np.float64)
    if len(points) == 1:
        return np.full(len(frames), points[0, 1, 1])
    frames = np.clip(frames, points[0, 1, 0], points[-1, 1, 0])
    segment = np.clip(np.searchsorted(points[:, 1, 0], frames, side="right") - 1, 0, len(points) - 2)
    start, end = points[:-1, 1], points[1:, 1]
    length = end[:, 0] - start[:, 0]
    leaving, arriving = points[:-1, 2] - start, end - points[1:, 0]
    leaving, arriving = (handles * np.minimum(1.0, length / np.maximum(np.abs(handles[:, 0]), 1e-12))[:, None]
                         for handles in (leaving, arriving))
    corners = np.stack([start, start + leaving, end - arriving, end])[:, segment]
    fraction = _fraction_at(corners[:, :, 0], frames, (frames - corners[0, :, 0]) / length[segment])
    return _cubic(corners[:, :, 1], fraction)


def _fraction_at(corners: np.ndarray, frames: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """Return where the polynomials of `corners` (4, N), which ascend, reach `frames` (N,), by Newton's method.

    A step that leaves the bracket around the solution becomes its middle. Generated keys need one step at most.

    fraction: (N,) the first guess.
    """
    low, high = np.zeros(len(frames)), np.ones(len(frames))
    for _ in range(MAX_STEPS):
        late = _cubic(corners, fraction) - frames
        if np.abs(late).max(initial=0.0) < FRAME_PRECISION:
            break
        low, high = np.where(late < 0, fraction, low), np.where(late < 0, high, fraction)
        step = fraction - late / np.maximum(_cubic_slope(corners, fraction), 1e-12)
        fraction = np.where((step >= low) & (step <= high), step, (low + high) / 2)
    return fraction


def _cubic(corners: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """Return the Bézier polynomials of `corners` (4, N) at `fraction` (N,)."""
    rest = 1 - fraction
    return (rest**3 * corners[0] + 3 * rest**2 * fraction * corners[1] + 3 * rest * fraction**2 * corners[2]
            + fraction**3 * corners[3])


def _cubic_slope(corners: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """Return the derivatives of the Bézier polynomials of `corners` (4, N) at `fraction` (N,)."""
    rest, sides = 1 - fraction, np.diff(corners, axis=0)
    return 3 * (rest**2 * sides[0] + 2 * rest * fraction * sides[1] + fraction**2 * sides[2])
