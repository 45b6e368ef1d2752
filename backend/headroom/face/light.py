"""Light on a Lambertian surface as spherical harmonics (paper §3.1): radiance = albedo * Σ γ_b Φ_b(n)."""

from __future__ import annotations

import numpy as np

BASIS_CONSTANTS = (0.282095, 0.488603, 0.488603, 0.488603, 1.092548, 1.092548, 0.315392, 1.092548, 0.546274)
"""Factors of 1, y, z, x, xy, yz, 3z²-1, xz, x²-y²."""

MIN_SHADING = 0.15
"""Lower limit of shading, because fitted light may be negative in directions that no frame shows."""

AMBIENT = np.concatenate([np.full((1, 3), 1 / BASIS_CONSTANTS[0]), np.zeros((8, 3))]).astype(np.float32)
"""γ (9, 3) of ambient light: shading is 1 at every normal."""


def harmonics(normals: np.ndarray) -> np.ndarray:
    """Return Φ (..., 9), three bands, at unit normals (..., 3) in camera axes."""
    x, y, z = normals[..., 0], normals[..., 1], normals[..., 2]
    terms = (np.ones_like(x), y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y)
    return np.stack([c * term for c, term in zip(BASIS_CONSTANTS, terms)], -1)


def harmonics_derivative(normals: np.ndarray) -> np.ndarray:
    """Return dΦ/dn (..., 9, 3) at unit normals (..., 3)."""
    x, y, z = normals[..., 0], normals[..., 1], normals[..., 2]
    zero, one = np.zeros_like(x), np.ones_like(x)
    by_x = (zero, zero, zero, one, y, zero, zero, z, 2 * x)
    by_y = (zero, one, zero, zero, x, z, zero, zero, -2 * y)
    by_z = (zero, zero, one, zero, zero, y, 6 * z, x, zero)
    return np.stack([np.stack(terms, -1) for terms in (by_x, by_y, by_z)], -1) * np.array(BASIS_CONSTANTS)[:, None]


def shade(normals: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Return shading (..., 3), at least `MIN_SHADING`; albedo times shading is the displayed colour.

    normals: (..., 3) unit normals in camera axes.
    light: (9, 3) coefficients γ.
    """
    return np.maximum(harmonics(normals) @ light, MIN_SHADING)
