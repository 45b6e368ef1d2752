"""A prior on the second differences of motion, with heavy tails (Student's t).

A head mostly rests or glides and sometimes jerks. The prior weights small second differences, which are landmark noise,
much more than large ones, which are motion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Smoothness:
    """The prior on S channels.

    sigma: (S,) standard deviation of each channel's second difference.
    tail: number of standard deviations beyond which a difference counts as motion.
    """

    sigma: np.ndarray
    tail: float

    def weights(self, state: np.ndarray, gaussian: bool = False) -> np.ndarray:
        """Return weights (T-2, S) of the squared second differences of a state (T, S).

        gaussian: take no difference for motion.
        """
        scaled = _second_difference(state) / self.sigma
        tails = 0 if gaussian else (scaled / self.tail) ** 2
        return np.broadcast_to(1 / (1 + tails), scaled.shape) / self.sigma**2


def bands(weights: np.ndarray, count: int) -> list[np.ndarray]:
    """Return the main and the first two lower diagonals, each (.., S), of DᵀWD.

    D is the second difference (T-2, T) over `count` = T frames, W the diagonal matrix of weights (T-2, S).
    """
    main, first, second = (np.zeros((max(count - k, 0), weights.shape[1])) for k in range(3))
    if len(weights):
        main[:-2] += weights
        main[1:-1] += 4 * weights
        main[2:] += weights
        first[:-1] -= 2 * weights
        first[1:] -= 2 * weights
        second += weights
    return [main, first, second]


def product(weights: np.ndarray, state: np.ndarray) -> np.ndarray:
    """Return DᵀWD state (T, S) for a state (T, S); D and W as in `bands`."""
    result = np.zeros_like(state)
    if len(weights):
        weighted = weights * _second_difference(state)
        result[:-2] += weighted
        result[1:-1] -= 2 * weighted
        result[2:] += weighted
    return result


def _second_difference(state: np.ndarray) -> np.ndarray:
    return state[:-2] - 2 * state[1:-1] + state[2:] if len(state) > 2 else state[:0]
