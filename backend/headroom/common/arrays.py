"""A few of many, evenly."""

from __future__ import annotations

import numpy as np


def evenly_spaced(frames: np.ndarray, count: int) -> np.ndarray:
    """At most `count` of the frames (N,), evenly, the first and the last among them."""
    return frames[np.unique(np.linspace(0, len(frames) - 1, min(count, len(frames))).astype(int))]
