"""Light on a Lambertian surface as spherical harmonics (paper §3.1): radiance = albedo * Σ γ_b Φ_b(n)."""

from __future__ import annotations

import numpy as np

BASIS_CONSTANTS = (0.282095, 0.488603, 0.488603, 0.488603, 1.092548, 1.092548, 0.315392, 1.092548, 0.546274)
"""Factors of 1, y, z, x, xy, yz, 3z²-1, xz, x²-y²."""

MIN_SHADING = 0.15
"""Of shading: three bands fitted to what a clip shows may fall below nothing where no frame looks."""

AMBIENT = np.concatenate([np.full((1, 3), 1 / BASIS_CONSTANTS[0]), np.zeros((8, 3))]).astype(np.float32)
"""γ (9, 3) of light that is the same from everywhere: shading 1."""


def harmonics(normals: np.ndarray) -> np.ndarray:
    """Φ (..., 9) of unit normals (..., 3) in camera axes, three bands."""
    x, y, z = normals[..., 0], normals[..., 1], normals[..., 2]
    terms = (np.ones_like(x), y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y)
    return np.stack([c * term for c, term in zip(BASIS_CONSTANTS, terms)], -1)


def harmonics_derivative(normals: np.ndarray) -> np.ndarray:
    """dΦ/dn (..., 9, 3) at unit normals (..., 3)."""
    x, y, z = normals[..., 0], normals[..., 1], normals[..., 2]
    zero, one = np.zeros_like(x), np.ones_like(x)
    by_x = (zero, zero, zero, one, y, zero, zero, z, 2 * x)
    by_y = (zero, one, zero, zero, x, z, zero, zero, -2 * y)
    by_z = (zero, zero, one, zero, zero, y, 6 * z, x, zero)
    return np.stack([np.stack(terms, -1) for terms in (by_x, by_y, by_z)], -1) * np.array(BASIS_CONSTANTS)[:, None]


def shade(normals: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Shading (..., 3) from normals (..., 3) and γ (9, 3); multiply by the albedo for the displayed colour."""
    return np.maximum(harmonics(normals) @ light, MIN_SHADING)
