"""Generated keys between the user's, and what their curve lacks of the values that they were fitted to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.bezier import evaluate_bezier
from ...core.sparse_keys import fit_keys, key_points
from .curves import Keys, generated_bezier_keys, generated_keys


@dataclass(frozen=True)
class FittedKeys:
    """Generated keys of one channel.

    keys: (K,), without the user's.
    residual: (N,) float32, the values minus the curve at every frame they were fitted at. It is 0 in segments that a
        user key bounds, because the user shapes the curve there.
    """

    keys: Keys
    residual: np.ndarray


def fit_channel(frames: np.ndarray, values: np.ndarray, edited: Keys, error: float) -> FittedKeys:
    """Return generated keys with `values` (N,) at `frames` (N,), between the user keys `edited`.

    error: allowed at the frames between sparse Bézier keys, in the unit of the values; 0 for a linear key on every
        frame.
    """
    if not error or not len(frames):
        return FittedKeys(generated_keys(frames, values), np.zeros(len(frames), np.float32))
    every_frame = np.concatenate([frames, edited.frames])
    order = np.argsort(every_frame, kind="stable")
    every_frame, is_user = every_frame[order], (np.arange(len(order)) >= len(frames))[order]
    samples = np.concatenate([values, edited.values])[order]
    after_gap = np.append(True, np.diff(every_frame) > 1.5)
    before_gap = np.append(after_gap[1:], True)
    fit = fit_keys(every_frame, samples, error, is_user | after_gap | before_gap)
    points = key_points(every_frame[fit.index], samples[fit.index], fit.slopes).astype(np.float32)
    residual = samples - evaluate_bezier(points, every_frame)
    residual[_beside_user_keys(fit.index, is_user)] = 0.0
    return FittedKeys(generated_bezier_keys(points[~is_user[fit.index]]), residual[~is_user].astype(np.float32))


def _beside_user_keys(index: np.ndarray, is_user: np.ndarray) -> np.ndarray:
    """Return which samples (M,) bool lie in segments that a user key bounds.

    index: (K,) of the keys among the samples.
    is_user: (M,) bool.
    """
    segment = np.searchsorted(index, np.arange(len(is_user)), side="right") - 1
    is_bounded = is_user[index] | np.append(is_user[index[1:]], False)
    return is_bounded[segment]
