"""How motion may change over time: a prior on second differences that lets a real start or stop through.

Its tails are heavy (Student's t), because a head mostly rests or glides and now and then jerks: small differences,
which are landmark noise, are pressed hard, large ones, which are motion, lightly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Smoothness:
    """sigma (S,): standard deviation of each channel's second difference; tail: from how many of them on a difference
    counts as motion.
    """

    sigma: np.ndarray
    tail: float

    def weights(self, state: np.ndarray, steady: bool = False) -> np.ndarray:
        """(T-2, S) weights of the squared second differences of state (T, S); `steady` takes none for motion."""
        scaled = _second_difference(state) / self.sigma
        noise_scale = 0 if steady else (scaled / self.tail) ** 2
        return np.broadcast_to(1 / (1 + noise_scale), scaled.shape) / self.sigma**2


def bands(weights: np.ndarray, count: int) -> list[np.ndarray]:
    """Main and first two lower diagonals, each (.., S), of DᵀWD, D the (T-2, T) second difference, W its weights."""
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
    """DᵀWD state, for state (T, S)."""
    result = np.zeros_like(state)
    if len(weights):
        weighted = weights * _second_difference(state)
        result[:-2] += weighted
        result[1:-1] -= 2 * weighted
        result[2:] += weighted
    return result


def _second_difference(state: np.ndarray) -> np.ndarray:
    return state[:-2] - 2 * state[1:-1] + state[2:] if len(state) > 2 else state[:0]
