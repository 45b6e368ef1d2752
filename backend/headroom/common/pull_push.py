"""Filling gaps in a picture by the pull-push algorithm."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def pull_push(premultiplied: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fill gaps: return values (H, W, C) everywhere from premultiplied values and weight (H, W, C + 1), weight 0..1.

    cv2.inpaint is no substitute, because it takes 20 times as long (80 and 4 ms for 256 pixels), and knows no floats.
    """
    height, width, channels = premultiplied.shape
    values, weight = premultiplied[..., : channels - 1], premultiplied[..., channels - 1 :]
    if min(height, width) <= 2:
        mean = values.sum((0, 1)) / np.maximum(weight.sum(), 1e-6)
        return np.asarray(mean * np.ones_like(weight), np.float32)
    coarser = pull_push(downsampled(premultiplied, 2))
    filled = cv2.blur(cv2.resize(coarser, (width, height), interpolation=cv2.INTER_LINEAR), (3, 3))
    return np.asarray(values + (1 - weight) * filled.reshape(values.shape), np.float32)


def downsampled(premultiplied: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return premultiplied values and weight (H, W, C), averaged over squares of `factor` pixels."""
    height, width = premultiplied.shape[:2]
    size = (max(width // factor, 1), max(height // factor, 1))
    return np.asarray(cv2.resize(premultiplied, size, interpolation=cv2.INTER_AREA), np.float32)
