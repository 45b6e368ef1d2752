"""A face model without landmarks, texture and names gets them: the bundled one, stripped, is the foreigner."""

from dataclasses import replace

import numpy as np
import pytest
from mediapipe.python.solutions import face_mesh_connections as connections
from scipy.io import savemat

from headroom.common.errors import InputError
from headroom.face.basel import LinearFace
from headroom.face.closing import border_loops
from headroom.face.model import bundled_model
from headroom.face.topology import EYE_LIDS, IRISES, LEFT_IRIS, RIGHT_IRIS, SOCKETS
from headroom.track.face_models.import_basel import SPARE, completed, import_model, named_modes
from headroom.track.face_models.landmark_vertices import opening_coefficients
from headroom.track.solve.fit import fit_clip


@pytest.fixture(scope="module")
def foreign():
    """Another person's face as a file would hold it: vertices in another order, shifted, no mouth, 60 expressions."""
    return without(bundled_model().interior > 1e-6)


def painted_eyes():
    """The bundled model with eyes as scans have them: skin between the lids that looks like an iris, no eyeballs."""
    bundled = bundled_model()
    depth = bundled.mean[IRISES[0], 2] - bundled.mean[SOCKETS[0], 2]
    mean, colours = bundled.mean.copy(), bundled.albedo_mean.copy()
    mean[:, 2] += depth * bundled.eyes
    share = np.clip(2 * bundled.eyes - 1, 0, 1)[:, None]
    colours += share * (bundled.albedo_mean[IRISES[0]] - colours)
    eyeballs = (bundled.eyes == 1) & ~np.isin(np.arange(len(mean)), SOCKETS)
    return replace(bundled, mean=mean, albedo_mean=colours), eyeballs


def without(left_out):
    """Somebody's face in the bundled model's surface, its eyes painted, without some vertices (V,), and the new number
    of each vertex.
    """
    bundled, eyeballs = painted_eyes()
    kept = np.random.default_rng(0).permutation(np.flatnonzero(~(left_out | eyeballs)))
    number = np.full(len(bundled.mean), -1)
    number[kept] = np.arange(len(kept))
    faces = number[bundled.faces]
    person = bundled.shape(np.random.default_rng(3).normal(size=80)) * [1.05, 0.97, 1.03] + [3, 30, -40]
    return LinearFace("Foreign", person[kept].astype(np.float32), bundled.identity_basis[kept],
                      bundled.expression_basis[kept][..., :60], bundled.albedo_mean[kept], bundled.albedo_basis[kept],
                      faces[(faces >= 0).all(1)].astype(np.int32)), number


@pytest.fixture(scope="module")
def model(foreign):
    return completed(foreign[0])


def test_landmarks_are_found_where_they_are(model, foreign):
    bundled, number = bundled_model(), foreign[1]
    at = np.array([bundled.vertex_of(landmark) for landmark in model.landmark_ids])
    at[np.isin(model.landmark_ids, (RIGHT_IRIS, LEFT_IRIS))] = SOCKETS  # where the irises are painted
    true = model.mean[number[at]]
    away = np.linalg.norm(model.mean[model.landmark_vertices] - true, axis=1)
    outline = np.isin(model.landmark_ids, list({a for edge in connections.FACEMESH_FACE_OVAL for a in edge}))
    assert away[~outline].mean() < 2.5
    lips = np.isin(model.landmark_ids, list({a for edge in connections.FACEMESH_LIPS for a in edge}))
    assert away[lips].mean() < 2.0
    assert np.abs(model.opening_direction(13, 14)[:10] - bundled.opening_direction(13, 14)[:10]).max() < 0.6


def test_the_mouth_is_closed_by_a_dark_cavity_behind_the_lips(model, foreign):
    cavity = len(foreign[0].mean)
    assert len(model.mean) == cavity + 1 and len(border_loops(model.faces)) == 1
    assert model.interior[cavity] == 1 and (model.interior > 0.02).sum() == 1
    lips = model.mean[[model.vertex_of(13), model.vertex_of(14)]].mean(0)
    assert -30 < model.mean[cavity, 2] - lips[2] < -10
    assert model.albedo_mean[cavity].mean() < 0.6 * model.albedo_mean[model.vertex_of(13)].mean()


def test_eyes_that_are_holes_are_closed_and_are_no_mouth():
    face, number = without((bundled_model().eyes > 0) | (bundled_model().interior > 1e-6))
    model = completed(face)
    assert len(model.mean) == len(face.mean) + 3 and len(border_loops(model.faces)) == 1
    middles = np.arange(len(face.mean), len(model.mean))
    for lids in EYE_LIDS:
        lid = model.mean[number[[bundled_model().vertex_of(landmark) for landmark in lids]]].mean(0)
        assert np.linalg.norm(model.mean[middles] - lid, axis=1).min() < 6
    assert (model.interior[middles] == 1).sum() == 1 and (model.interior > 0.02).sum() == 1


def test_a_mouth_that_has_an_inside_keeps_it():
    face, number = without(np.zeros(len(bundled_model().mean), bool))
    model = completed(face)
    assert len(model.mean) == len(face.mean)
    assert np.corrcoef(model.interior, bundled_model().interior[np.argsort(number)[-len(face.mean):]])[0, 1] > 0.9


def test_the_inside_of_the_mouth_has_texture_of_its_own(model):
    a, b, c = (model.uv[model.faces[:, i]] for i in range(3))
    area = ((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])) / 2
    mouth = (model.faces == len(model.mean) - 1).any(1)
    assert (area[mouth] > 0).all() and area[mouth].sum() > 0.003
    assert (area > 0).mean() > 0.99


def test_modes_that_the_file_lacks_move_nothing(model, foreign):
    assert model.expression_basis.shape[2] == len(set(model.names)) == 64 and model.identity_basis.shape[2] == 80
    assert not model.expression_basis[..., 60:].any() and set(model.regions[60:]) == {SPARE}
    assert model.names[60:] == ("Spare 01", "Spare 02", "Spare 03", "Spare 04")
    assert model.regions[:60] == ("Mouth",) * 40 + ("Eyes",) * 12 + ("Brows",) * 8


def test_a_mode_is_named_after_what_moves_most():
    ids = np.array([61, 13, 159, 105])
    basis = np.zeros((4, 3, 4))
    basis[1, 1, 0], basis[2, 1, 1], basis[3, 2, 2], basis[0, 0, 3] = 2, 1, 1, 1
    names, _ = named_modes(basis, np.arange(4), ids)
    assert names[:4] == ("Mouth 01", "Eyes 01", "Brows 01", "Mouth 02")


def test_the_imported_model_stands_where_the_bundled_one_does(model):
    bundled = bundled_model()
    for landmark in (1, 10, 152):
        away = model.mean[model.vertex_of(landmark)] - bundled.mean[bundled.vertex_of(landmark)]
        assert np.linalg.norm(away) < 15


def test_a_clip_can_be_fitted_with_it(model, known):
    fit = fit_clip(model, known.landmarks(), 25.0, known.camera.width, known.camera.height)
    true = known.expression @ known.model.opening_direction(13, 14)
    assert np.corrcoef(true, fit.expression @ model.opening_direction(13, 14))[0, 1] > 0.95
    assert np.nanmean(fit.error) < 0.03 and not fit.expression[:, 60:].any()


def test_a_surface_that_is_no_face_is_refused(foreign):
    ball = foreign[0]
    directions = ball.mean / np.linalg.norm(ball.mean, axis=1, keepdims=True)
    grey = np.full_like(ball.albedo_mean, 0.5)
    with pytest.raises(InputError, match="No face was found on this face model"):
        completed(LinearFace("Ball", (directions * 80).astype(np.float32), ball.identity_basis, ball.expression_basis,
                             grey, ball.albedo_basis, ball.faces))


def test_lips_that_no_mode_opens_stay_closed(model):
    still = np.zeros_like(model.expression_basis)
    assert not opening_coefficients(type("Still", (), {"expression_basis": still}), 0, 1).any()


def test_a_model_goes_from_its_file_to_a_face(tmp_path, foreign):
    face = foreign[0]
    identity, expression, albedo = (basis.reshape(-1, basis.shape[2]) for basis in (
        face.identity_basis, face.expression_basis, face.albedo_basis))
    savemat(tmp_path / "BFM_model_front.mat", {
        "meanshape": face.mean.reshape(1, -1) / 100, "idBase": identity / 100, "exBase": expression / 100,
        "meantex": face.albedo_mean.reshape(1, -1) * 255, "texBase": albedo * 255, "tri": face.faces + 1.0})
    model = import_model([tmp_path / "BFM_model_front.mat"])
    assert model.source == "Basel Face Model 2009" and len(model.landmark_ids) == 470
    right, left = (model.mean[model.vertex_of(iris)] for iris in (468, 473))
    assert np.linalg.norm(left - right) == pytest.approx(66, abs=7)
