"""A performance as values of controls: bounded, smooth, sparse, and alike on both sides where the data allows it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headroom.face.controls.names import MIRRORS

_LIPS, _LIDS = 0.5, 0.2
"""Weight of the squared errors of lip opening and lid opening against the mean squared error of the vertices."""
_LINEAR, _SQUARED, _SIDES, _SPEED = 0.005, 0.001, 0.01, 0.12
"""Weights, in mm² for a control at 1: of the values, which makes them sparse, of their squares, of squared differences
between the two sides, and of squared differences between samples at `_SPEED_FPS`."""
_SPEED_FPS = 25.0
_ITERATIONS = 400


@dataclass(frozen=True)
class ControlSpace:
    """What turns expression into controls.

    directions: (52, E) expression per unit of each control.
    metric: (E, E) squared error, mm², of expression.
    """

    directions: np.ndarray
    metric: np.ndarray

    @staticmethod
    def of(directions: np.ndarray, basis: np.ndarray, lip_opening: np.ndarray, lid_opening: np.ndarray) -> ControlSpace:
        """Measure expression by the vertices that it moves.

        basis: (E, V, 3) mm per unit.
        lip_opening, lid_opening: (E,) mm per unit.
        """
        rows = basis.reshape(len(basis), -1).astype(np.float64)
        metric = rows @ rows.T / basis.shape[1]
        metric += _LIPS * np.outer(lip_opening, lip_opening) + _LIDS * np.outer(lid_opening, lid_opening)
        return ControlSpace(directions.astype(np.float64), metric)

    def solve(self, expression: np.ndarray, fps: float) -> np.ndarray:
        """Return controls (T, 52) float32, 0..1, for expression (T, E); what they leave is the detail."""
        used = self.directions.any(1)
        controls = np.zeros((len(expression), len(self.directions)), np.float32)
        problem = self._problem(expression, used, fps)
        controls[:, used] = problem.minimise(_ITERATIONS)
        return controls

    def _problem(self, expression: np.ndarray, used: np.ndarray, fps: float) -> _Problem:
        weighted = self.directions @ self.metric
        normal = weighted @ self.directions.T
        pairs = np.eye(len(normal)) - np.eye(len(normal))[list(MIRRORS)]
        normal += _SQUARED * np.eye(len(normal)) + _SIDES * pairs.T @ pairs / 2
        linear = expression @ weighted.T - _LINEAR / 2
        return _Problem(normal[np.ix_(used, used)], linear[:, used], _SPEED * fps / _SPEED_FPS)


@dataclass(frozen=True)
class _Problem:
    """Minimise Σ c·N c - 2 l·c + s |c(t) - c(t-1)|² over values 0..1.

    normal: (C, C); linear: (T, C); speed: s.
    """

    normal: np.ndarray
    linear: np.ndarray
    speed: float

    def minimise(self, iterations: int) -> np.ndarray:
        """Return (T, C) by accelerated projected gradient steps, restarted where they overshoot."""
        scale = 1 / np.sqrt(np.diag(self.normal))  # alike curvature, or steep controls slow down the others
        normal = (self.normal * scale * scale[:, None]).astype(np.float32)
        linear, speed = (self.linear * scale).astype(np.float32), (self.speed * scale**2).astype(np.float32)
        upper = (1 / scale).astype(np.float32)
        step = 1 / (np.linalg.eigvalsh(normal)[-1] + 4 * speed.max())
        values = np.zeros_like(linear)
        extrapolated, momentum = values, 1.0
        for _ in range(iterations):
            gradient = extrapolated @ normal - linear
            if len(values) > 1:
                change = np.diff(extrapolated, axis=0) * speed
                gradient[1:] += change
                gradient[:-1] -= change
            after = np.clip(extrapolated - step * gradient, 0, upper)
            if np.vdot(extrapolated - after, after - values) > 0:
                momentum = 1.0
            following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
            extrapolated = after + ((momentum - 1) / following) * (after - values)
            values, momentum = after, following
        return np.clip(values * scale, 0, 1).astype(np.float32)
