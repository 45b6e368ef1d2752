"""The bundled model's eyeballs: spheres behind the lids that gaze turns, with a texture of their own."""

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


def middle(shape, eye):
    return shape[IRISES[eye]] - [0, 0, RADIUS_MM]


def test_eyeballs_are_spheres_under_their_irises(model):
    for eye in (0, 1):
        away = np.linalg.norm(model.mean[eyeball(model, eye)] - middle(model.mean, eye), axis=1)
        assert np.allclose(away, RADIUS_MM, atol=1e-3)


def test_eyeballs_look_outwards(model):
    normals = model.normals(model.mean)
    for eye in (0, 1):
        ball = eyeball(model, eye)
        outwards = (model.mean[ball] - middle(model.mean, eye)) / RADIUS_MM
        assert (normals[ball] * outwards).sum(1).min() > 0.95


@pytest.mark.parametrize("name,axis,towards", [("Gaze Left", 0, 1), ("Gaze Up", 1, 1)])
def test_a_unit_of_gaze_turns_both_eyes_by_ten_degrees(model, name, axis, towards):
    expression = np.zeros(64)
    expression[model.names.index(name)] = 1.0
    looking = model.shape(np.zeros(80), expression)
    for eye in (0, 1):
        moved = looking[IRISES[eye]] - model.mean[IRISES[eye]]
        # the sphere turns about its own middle; the head, and with it the eye's corners, may move a little along
        assert np.degrees(np.arcsin(towards * moved[axis] / RADIUS_MM)) == pytest.approx(GAZE_DEGREES, abs=2.5)
        assert abs(moved[1 - axis]) < 0.3 * abs(moved[axis])


def test_gaze_bends_no_eyeball(model):
    """At two units, twenty degrees, every point is within a millimetre of where a rigid turn puts it."""
    for number in model.gaze_modes:
        expression = np.zeros(64)
        expression[number] = 2.0
        looking = model.shape(np.zeros(80), expression)
        for eye in (0, 1):
            ball = eyeball(model, eye)
            centre = middle(model.mean, eye)
            moved = looking[ball] - centre
            u, _, v = np.linalg.svd((model.mean[ball] - centre).T @ moved)
            rigid = (model.mean[ball] - centre) @ (u @ v)
            assert np.linalg.norm(moved - rigid, axis=1).max() < 1.5
            assert np.abs(np.linalg.norm(moved, axis=1) - RADIUS_MM).max() < 1.5


def test_other_expressions_hold_the_eyes_still(model):
    others = [number for number in range(64) if number not in model.gaze_modes]
    balls = np.concatenate([eyeball(model, eye) for eye in (0, 1)])
    assert np.abs(model.expression_basis[balls][..., others]).max() < 1e-3


def test_the_eyeball_lies_behind_its_lids(model):
    for eye, right in enumerate((True, False)):
        lids = model.resting_place(lid_loop(right))
        assert (np.linalg.norm(lids - middle(model.mean, eye), axis=1) > RADIUS_MM).all()


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
        towards = (model.mean[ball] - middle(model.mean, eye)) / RADIUS_MM
        polar = np.arccos(np.clip(towards[:, 2], -1, 1))
        iris, white = colours[ball][polar < IRIS_RADIANS * 0.8], colours[ball][polar > IRIS_RADIANS * 1.5]
        assert iris.mean() < 0.8 * white.mean()


def test_skin_is_neither_mouth_nor_eyes(model):
    assert not model.skin[[*IRISES, *SOCKETS]].any() and model.skin[1] and model.skin[lid_loop(True)].all()
    assert not (model.skin & (model.interior > 0.02)).any()
