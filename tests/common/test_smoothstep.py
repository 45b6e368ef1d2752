"""The smooth transition."""

import numpy as np

from headroom.common.smoothstep import smoothstep


def test_smoothstep_rises_from_0_to_1_with_flat_ends():
    x = np.linspace(-1, 2, 301)
    y = smoothstep(x)
    assert (y[x <= 0] == 0).all() and (y[x >= 1] == 1).all() and (np.diff(y) >= 0).all()
    assert smoothstep(np.array([0.25, 0.5])).tolist() == [0.15625, 0.5]
