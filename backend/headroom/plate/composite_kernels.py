"""Compiled loops of `headroom.plate.composite`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headroom.common.compiled import compiled, single


@compiled
def add_change(
    below: NDArray[np.uint8], change: NDArray[np.float32], coarse: NDArray[np.float32], alpha: NDArray[np.float32],
    agreement: float,
) -> None:
    """Add alpha (h, w) times a change of colours (h, w, 3) to `below` (h, w, 3).

    coarse: (h, w, 3), the change without its fine part, which is taken where its mean size is up to `agreement`, not at
        twice that, and in part between.
    """
    lowest, half, highest = single(0), single(0.5), single(255)
    limit, third, two, one = single(agreement), single(3), single(2), single(1)
    for row in range(below.shape[0]):
        for column in range(below.shape[1]):
            opacity = alpha[row, column]
            if opacity == 0:
                continue
            size = (abs(coarse[row, column, 0]) + abs(coarse[row, column, 1]) + abs(coarse[row, column, 2])) / third
            alike = min(max(two - size / limit, lowest), one)
            for channel in range(3):
                own = change[row, column, channel]
                taken = own + alike * (coarse[row, column, channel] - own)
                value = single(below[row, column, channel]) + opacity * taken + half
                below[row, column, channel] = np.uint8(min(max(value, lowest), highest))
