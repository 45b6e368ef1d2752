"""The prior on second differences against dense matrices."""

import numpy as np
import pytest

from headroom.track.solve.smoothness import Smoothness, bands, product


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_bands_and_product_match_the_dense_matrix(count):
    rng = np.random.default_rng(0)
    state = rng.normal(size=(count, 2))
    weights = rng.uniform(1, 2, size=(max(count - 2, 0), 2))
    second = np.array([[1.0 if c == r else -2.0 if c == r + 1 else 1.0 if c == r + 2 else 0.0 for c in range(count)]
                       for r in range(count - 2)]).reshape(-1, count)
    for channel in range(2):
        matrix = second.T @ np.diag(weights[:, channel]) @ second
        for offset, diagonal in enumerate(bands(weights, count)):
            assert np.allclose(diagonal[:, channel], np.diagonal(matrix, -offset))
        assert np.allclose(product(weights, state)[:, channel], matrix @ state[:, channel])


def test_a_jerk_has_a_lower_weight_than_noise():
    state = np.zeros((9, 1))
    state[2], state[6:] = 0.5, 20.0
    weights = Smoothness(np.ones(1), tail=3.0).weights(state)[:, 0]
    assert weights[1] > 0.8 and weights[5] < 0.1
    assert np.array_equal(Smoothness(np.ones(1), tail=3.0).weights(state, gaussian=True), np.ones((7, 1)))
