"""Derivatives of skin points against small steps."""

import numpy as np

from headroom.track.solve.skin_points import SkinPoints


def test_points_and_normals_move_as_their_bases_say(known):
    model, step = known.model, 1e-2
    skin = SkinPoints(model, known.identity, 200)
    for column in (0, 30, 80, 90):
        shapes = []
        for side in (-step, step):
            coefficients = np.concatenate([known.identity, np.zeros(64)])
            coefficients[column] += side
            shapes.append(model.shape(*np.split(coefficients, [80])).astype(np.float64))
        moved = (shapes[1] - shapes[0])[skin.vertices] / (2 * step)
        turned = np.diff([model.normals(shape)[skin.vertices] for shape in shapes], axis=0)[0] / (2 * step)
        basis = np.concatenate([skin.identity_basis, skin.expression_basis], axis=2)[..., column]
        assert np.allclose(basis[:, :3], moved, atol=2e-3)
        assert np.allclose(basis[:, 3:], turned, atol=0.02 * np.abs(turned).max() + 1e-4)


def test_skin_is_not_inside_the_mouth(known):
    assert known.model.interior[SkinPoints(known.model, known.identity, 500).vertices].max() < 0.02


def test_skin_keeps_away_from_the_models_rim(known):
    model = known.model
    rim = np.flatnonzero(model.mean[:, 1] > model.mean[:, 1].max() - 1e-3)  # the top of the forehead
    places = model.mean[SkinPoints(model, known.identity, 500).vertices]
    assert np.linalg.norm(places[:, None] - model.mean[rim], axis=2).min() > 5


def test_the_surface_is_the_models(known):
    model, skin = known.model, SkinPoints(known.model, known.identity, 300)
    shape = model.shape(known.identity, known.expression[5])
    points, normals = skin.surface(model.shape(known.identity), known.expression[5])
    assert np.allclose(points, shape[skin.vertices], atol=1e-3)
    assert np.allclose(normals, model.normals(shape)[skin.vertices], atol=1e-4)
