"""Spherical harmonics light."""

import numpy as np

from headroom.face.light import AMBIENT, harmonics, harmonics_derivative, shade


def sphere(count=20000):
    """Unit normals that cover the sphere evenly (Fibonacci spiral)."""
    index = np.arange(count) + 0.5
    z, angle = 1 - 2 * index / count, np.pi * (1 + 5**0.5) * index
    ring = np.sqrt(1 - z * z)
    return np.stack([ring * np.cos(angle), ring * np.sin(angle), z], 1)


def test_the_nine_functions_are_orthonormal_on_the_sphere():
    phi = harmonics(sphere())
    assert np.allclose(4 * np.pi * phi.T @ phi / len(phi), np.eye(9), atol=2e-3)


def test_the_order_is_that_of_the_documentation():
    x, y, z = 0.36, 0.48, 0.8
    phi = harmonics(np.array([x, y, z]))
    expected = [0.282095, 0.488603 * y, 0.488603 * z, 0.488603 * x, 1.092548 * x * y, 1.092548 * y * z,
                0.315392 * (3 * z * z - 1), 1.092548 * x * z, 0.546274 * (x * x - y * y)]
    assert np.allclose(phi, expected)


def test_shading_under_ambient_light_is_one():
    assert np.allclose(shade(sphere(100), AMBIENT), 1, atol=1e-5)


def test_the_derivative_matches_finite_differences():
    normals, step = sphere(50), 1e-5
    by_step = [(harmonics(normals + offset) - harmonics(normals - offset)) / (2 * step) for offset in np.eye(3) * step]
    assert np.allclose(harmonics_derivative(normals), np.stack(by_step, -1), atol=1e-8)
