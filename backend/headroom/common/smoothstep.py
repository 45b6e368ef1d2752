"""A smooth transition from 0 to 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def smoothstep(x: NDArray[Any]) -> NDArray[Any]:
    """Return 3x² - 2x³ of `x` clipped to 0..1: it rises from 0 to 1 with slope 0 at both ends."""
    x = np.clip(x, 0, 1)
    y: NDArray[Any] = x * x * (3 - 2 * x)
    return y
