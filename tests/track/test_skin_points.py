"""Skin points against the model's vertices and normals, and their derivatives against small steps."""

import numpy as np

from headroom.track.solve.skin_points import SkinPoints


def test_bases_are_the_derivatives_of_positions_and_normals(person):
    model, step = person.model, 1e-2
    skin = SkinPoints(model, person.identity, 200)
    for column in (0, 30, 80, 90):
        shapes = []
        for signed in (-step, step):
            coefficients = np.concatenate([person.identity, np.zeros(64)])
            coefficients[column] += signed
            shapes.append(model.shape(*np.split(coefficients, [80])).astype(np.float64))
        by_position = (shapes[1] - shapes[0])[skin.vertices] / (2 * step)
        by_normal = np.diff([model.normals(shape)[skin.vertices] for shape in shapes], axis=0)[0] / (2 * step)
        basis = np.concatenate([skin.identity_basis, skin.expression_basis], axis=2)[..., column]
        assert np.allclose(basis[:, :3], by_position, atol=2e-3)
        assert np.allclose(basis[:, 3:], by_normal, atol=0.02 * np.abs(by_normal).max() + 1e-4)


def test_no_point_is_inside_the_mouth(person):
    assert person.model.interior[SkinPoints(person.model, person.identity, 500).vertices].max() < 0.02


def test_points_keep_a_distance_from_the_models_rim(person):
    model = person.model
    rim = np.flatnonzero(model.mean[:, 1] > model.mean[:, 1].max() - 1e-3)  # the top of the forehead
    positions = model.mean[SkinPoints(model, person.identity, 500).vertices]
    assert np.linalg.norm(positions[:, None] - model.mean[rim], axis=2).min() > 5


def test_positions_and_normals_are_the_models(person):
    model, skin = person.model, SkinPoints(person.model, person.identity, 300)
    shape = model.shape(person.identity, person.expression[5])
    points, normals = skin.surface(model.shape(person.identity), person.expression[5])
    assert np.allclose(points, shape[skin.vertices], atol=1e-3)
    assert np.allclose(normals, model.normals(shape)[skin.vertices], atol=1e-4)
