"""Retargeting of the general model to another face model."""

from dataclasses import replace

import numpy as np
import pytest

from headroom.face.directions import FaceDirections
from headroom.face.model import bundled_model
from headroom.motion.model.general import general_model
from headroom.motion.predict import predict
from headroom.motion.retarget import expression_map, general_model_for


@pytest.fixture(scope="module")
def other():
    """The bundled model with its expression basis rotated at random."""
    bundled = bundled_model()
    mixture = np.linalg.qr(np.random.default_rng(2).normal(size=(64, 64)))[0]
    basis = (bundled.expression_basis @ mixture).astype(np.float32)
    return replace(bundled, expression_basis=basis, digest="other", regions=("Mouth",) * 64)


def test_another_basis_of_the_same_motion_gives_the_same_faces(other):
    bundled = bundled_model()
    expression = np.random.default_rng(0).normal(size=(20, 64))
    shapes = bundled.shape(np.zeros(80), expression)
    mapped = other.shape(np.zeros(80), expression @ expression_map(bundled, other).T)
    moved = np.abs(shapes - bundled.mean).mean()
    assert np.abs(mapped - shapes).mean() < 0.2 * moved


def test_general_motion_moves_the_lips_of_another_face_alike(other):
    sound = np.random.default_rng(1).normal(size=16000 * 3).astype(np.float32) * 0.1
    sound *= np.repeat(np.random.default_rng(2).uniform(0, 1, 30), 1600).astype(np.float32)
    known = predict(general_model(), sound).expression @ bundled_model().opening_direction(13, 14)
    lips = FaceDirections.of(other).lip_opening
    model = general_model_for(other)
    retargeted = predict(model, sound).expression @ lips
    assert np.corrcoef(known, retargeted)[0, 1] > 0.95
    assert 0.7 < retargeted.std() / known.std() < 1.4
    assert np.array_equal(model.style.lip_opening, lips.astype(np.float32))


def test_the_bundled_face_gets_the_general_model_as_it_is():
    assert general_model_for(bundled_model()) is general_model()


def test_modes_that_move_nothing_stay_at_rest(other):
    basis = other.expression_basis.copy()
    basis[..., 50:] = 0
    spare = replace(other, expression_basis=basis)
    model = general_model_for(spare)
    sound = np.random.default_rng(1).normal(size=32000).astype(np.float32) * 0.1
    expression = predict(model, sound).expression
    assert np.abs(expression[:, 50:]).max() < 1e-3 and np.isfinite(expression).all()
