"""A face for tests of the head's surface."""

import numpy as np


def smooth_face() -> np.ndarray:
    """Return a smooth face (V, 3), millimetres, without a nose: part of an ellipsoid."""
    x, y = np.meshgrid(np.linspace(-65, 65, 27), np.linspace(-100, 70, 35))
    inside = (x / 66) ** 2 + ((y + 15) / 86) ** 2 < 1
    x, y = x[inside], y[inside]
    return np.stack([x, y, 60 * np.sqrt(1 - (x / 90) ** 2 - ((y + 15) / 120) ** 2) - 20], axis=1)
