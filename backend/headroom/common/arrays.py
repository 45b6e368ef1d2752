"""Small functions of arrays that several parts use."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def evenly_spaced(values: NDArray[Any], count: int) -> NDArray[Any]:
    """Return at most `count` of the values (N,), evenly spaced, with the first and the last."""
    indices = np.unique(np.linspace(0, len(values) - 1, min(count, len(values))).astype(int))
    return np.asarray(values[indices])


def correlation(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Return Pearson's correlation of a (N,) and b (N,), 0 where either is constant."""
    # not np.corrcoef, which returns nan and warns where either is constant
    a, b = a - a.mean(), b - b.mean()
    norm = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / norm) if norm > 1e-9 else 0.0
