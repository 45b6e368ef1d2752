"""The bundled model's eyeballs: spheres behind the lids that turn with the gaze, with texture of their own."""

from dataclasses import replace

import numpy as np
import pytest

from headroom.face.eyeballs import IRIS_RADIANS, RADIUS_MM
from headroom.face.model import GAZE_DEGREES, bundled_model
from headroom.face.texture import unwrap
from headroom.face.topology import IRISES, SOCKETS, lid_loop


@pytest.fixture(scope="module")
def model():
    return bundled_model()


def eyeball(model, eye):
    """Vertices of the right (0) or the left (1) eyeball."""
    balls = np.flatnonzero(model.eyes == 1)
    balls = np.setdiff1d(balls, [*IRISES, *SOCKETS])
    return np.append(np.array_split(balls, 2)[eye], IRISES[eye])


def centre(shape, eye):
    """The centre of an eye's sphere."""
    return shape[IRISES[eye]] - [0, 0, RADIUS_MM]


def test_eyeballs_are_spheres_with_their_irises_as_poles(model):
    for eye in (0, 1):
        radius = np.linalg.norm(model.mean[eyeball(model, eye)] - centre(model.mean, eye), axis=1)
        assert np.allclose(radius, RADIUS_MM, atol=1e-3)


def test_the_normals_of_eyeballs_point_outwards(model):
    normals = model.normals(model.mean)
    for eye in (0, 1):
        ball = eyeball(model, eye)
        outwards = (model.mean[ball] - centre(model.mean, eye)) / RADIUS_MM
        assert (normals[ball] * outwards).sum(1).min() > 0.95


@pytest.mark.parametrize("name,axis,towards", [("Gaze Left", 0, 1), ("Gaze Up", 1, 1)])
def test_a_unit_of_gaze_turns_both_eyes_by_ten_degrees(model, name, axis, towards):
    expression = np.zeros(64)
    expression[model.names.index(name)] = 1.0
    looking = model.shape(np.zeros(80), expression)
    for eye in (0, 1):
        moved = looking[IRISES[eye]] - model.mean[IRISES[eye]]
        # the sphere turns about its centre; the mode may also move the eye's corners a little
        assert np.degrees(np.arcsin(towards * moved[axis] / RADIUS_MM)) == pytest.approx(GAZE_DEGREES, abs=2.5)
        assert abs(moved[1 - axis]) < 0.3 * abs(moved[axis])


def test_gaze_hardly_deforms_the_eyeballs(model):
    """At two units, twenty degrees, every vertex is within 1.5 mm of its position after a rigid rotation."""
    for number in model.gaze_modes:
        expression = np.zeros(64)
        expression[number] = 2.0
        looking = model.shape(np.zeros(80), expression)
        for eye in (0, 1):
            ball = eyeball(model, eye)
            pole_centre = centre(model.mean, eye)
            moved = looking[ball] - pole_centre
            u, _, v = np.linalg.svd((model.mean[ball] - pole_centre).T @ moved)
            rigid = (model.mean[ball] - pole_centre) @ (u @ v)
            assert np.linalg.norm(moved - rigid, axis=1).max() < 1.5
            assert np.abs(np.linalg.norm(moved, axis=1) - RADIUS_MM).max() < 1.5


def test_other_expressions_do_not_move_the_eyeballs(model):
    others = [number for number in range(64) if number not in model.gaze_modes]
    balls = np.concatenate([eyeball(model, eye) for eye in (0, 1)])
    assert np.abs(model.expression_basis[balls][..., others]).max() < 1e-3


def test_the_eyeball_lies_behind_its_lids(model):
    for eye, right in enumerate((True, False)):
        lids = model.mean_positions(lid_loop(right))
        assert (np.linalg.norm(lids - centre(model.mean, eye), axis=1) > RADIUS_MM).all()


def test_eyeballs_and_skin_share_no_texel(model):
    skin = model.faces[(model.eyes[model.faces] < 1).any(1)]
    balls = model.faces[(model.eyes[model.faces] == 1).all(1)]
    ones = np.ones((len(model.mean), 3))
    covered = []
    for faces in (skin, balls):
        covered.append(unwrap(replace(model, faces=faces), ones, 512)[1])
    assert covered[1].sum() > 10_000 and not (covered[0] & covered[1]).any()


def test_the_texture_model_has_a_dark_iris_in_a_light_eyeball(model):
    colours = model.albedo(np.zeros(80))
    for eye in (0, 1):
        ball = eyeball(model, eye)
        towards = (model.mean[ball] - centre(model.mean, eye)) / RADIUS_MM
        polar = np.arccos(np.clip(towards[:, 2], -1, 1))
        iris, white = colours[ball][polar < IRIS_RADIANS * 0.8], colours[ball][polar > IRIS_RADIANS * 1.5]
        assert iris.mean() < 0.8 * white.mean()


def test_skin_excludes_mouth_and_eyes(model):
    assert not model.skin[[*IRISES, *SOCKETS]].any() and model.skin[1] and model.skin[lid_loop(True)].all()
    assert not (model.skin & (model.interior > 0.02)).any()
