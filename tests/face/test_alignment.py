"""Similarity transforms of point sets."""

import numpy as np

from headroom.face.alignment import fit_similarity
from headroom.face.camera import rotation_matrix


def test_a_known_similarity_is_recovered():
    rng = np.random.default_rng(0)
    source, rotation, shift = rng.normal(size=(20, 3)), rotation_matrix(np.array([0.3, -0.8, 1.2])), rng.normal(size=3)
    target = 1.7 * source @ rotation.T + shift
    similarity = fit_similarity(source, target, rng.uniform(0.1, 1, 20))
    assert np.isclose(similarity.scale, 1.7) and np.allclose(similarity.rotation, rotation)
    assert np.allclose(similarity.shift, shift) and np.allclose(similarity.apply(source), target)


def test_a_mirror_image_is_aligned_without_mirroring():
    source = np.random.default_rng(1).normal(size=(20, 3))
    similarity = fit_similarity(source, source * [-1, 1, 1])
    assert np.isclose(np.linalg.det(similarity.rotation), 1)


def test_the_scale_has_the_least_squared_error():
    rng = np.random.default_rng(2)
    source = rng.normal(size=(20, 3))
    target = 2 * source + rng.normal(0, 0.3, source.shape)
    similarity = fit_similarity(source, target)

    def error(scale):
        offset = target.mean(0) - scale * similarity.rotation @ source.mean(0)
        return ((scale * source @ similarity.rotation.T + offset - target) ** 2).sum()

    assert error(similarity.scale) < min(error(similarity.scale * 0.99), error(similarity.scale * 1.01))


def test_a_point_without_weight_does_not_count():
    source = np.random.default_rng(3).normal(size=(20, 3))
    target = source.copy()
    target[0] += 50
    weights = np.ones(20)
    weights[0] = 0
    assert np.allclose(fit_similarity(source, target, weights).apply(source), source)
