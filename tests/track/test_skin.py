"""Derivatives of skin points against small steps."""

import numpy as np

from headroom.track.skin import SkinPoints


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
        assert np.allclose(skin.shape_basis[..., column], moved, atol=2e-3)
        assert np.allclose(skin.normal_basis[..., column], turned, atol=0.02 * np.abs(turned).max() + 1e-4)


def test_skin_is_not_inside_the_mouth(known):
    assert known.model.interior[SkinPoints(known.model, known.identity, 500).vertices].max() < 0.02
