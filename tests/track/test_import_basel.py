"""Importing adds landmarks, texture and names to a face; the test face is the bundled one without them."""

from dataclasses import replace

import numpy as np
import pytest
from mediapipe.python.solutions import face_mesh_connections as connections
from scipy.io import savemat

from headroom.common.errors import InputError
from headroom.face.basel import LinearFace
from headroom.face.holes import boundary_loops
from headroom.face.model import bundled_model
from headroom.face.topology import EYE_LIDS, IRISES, LEFT_IRIS, RIGHT_IRIS, SOCKETS
from headroom.track.face_models.import_basel import SPARE, complete_model, import_model, name_modes
from headroom.track.face_models.landmark_vertices import mouth_opening_coefficients
from headroom.track.solve.landmark_fit import fit_clip


@pytest.fixture(scope="module")
def foreign():
    """A random person's face as in a file: vertices in another order, shifted, without a mouth, 60 expressions."""
    return without(bundled_model().interior > 1e-6)


def painted_eyes():
    """The bundled model with eyes as in scans, skin with the colours of an eye, and a mask (V,) of its eyeballs."""
    bundled = bundled_model()
    depth = bundled.mean[IRISES[0], 2] - bundled.mean[SOCKETS[0], 2]
    mean, colours = bundled.mean.copy(), bundled.albedo_mean.copy()
    mean[:, 2] += depth * bundled.eyes
    weight = np.clip(2 * bundled.eyes - 1, 0, 1)[:, None]
    colours += weight * (bundled.albedo_mean[IRISES[0]] - colours)
    eyeballs = (bundled.eyes == 1) & ~np.isin(np.arange(len(mean)), SOCKETS)
    return replace(bundled, mean=mean, albedo_mean=colours), eyeballs


def without(left_out):
    """A random person's face with painted eyes, without some vertices (V,), and the new number of each vertex."""
    bundled, eyeballs = painted_eyes()
    remaining = np.random.default_rng(0).permutation(np.flatnonzero(~(left_out | eyeballs)))
    number = np.full(len(bundled.mean), -1)
    number[remaining] = np.arange(len(remaining))
    faces = number[bundled.faces]
    person = bundled.shape(np.random.default_rng(3).normal(size=80)) * [1.05, 0.97, 1.03] + [3, 30, -40]
    return LinearFace(
        "Foreign", person[remaining].astype(np.float32), bundled.identity_basis[remaining],
        bundled.expression_basis[remaining][..., :60], bundled.albedo_mean[remaining],
        bundled.albedo_basis[remaining], faces[(faces >= 0).all(1)].astype(np.int32),
    ), number


@pytest.fixture(scope="module")
def model(foreign):
    return complete_model(foreign[0])


def test_landmarks_are_found_at_their_vertices(model, foreign):
    bundled, number = bundled_model(), foreign[1]
    at = np.array([bundled.vertex_of(landmark) for landmark in model.landmark_ids])
    at[np.isin(model.landmark_ids, (RIGHT_IRIS, LEFT_IRIS))] = SOCKETS  # where the irises are painted
    distance = np.linalg.norm(model.mean[model.landmark_vertices] - model.mean[number[at]], axis=1)
    outline = np.isin(model.landmark_ids, list({a for edge in connections.FACEMESH_FACE_OVAL for a in edge}))
    assert distance[~outline].mean() < 2.5
    lips = np.isin(model.landmark_ids, list({a for edge in connections.FACEMESH_LIPS for a in edge}))
    assert distance[lips].mean() < 2.0
    assert np.abs(model.opening_direction(13, 14)[:10] - bundled.opening_direction(13, 14)[:10]).max() < 0.6


def test_the_mouth_is_closed_by_a_dark_cavity_behind_the_lips(model, foreign):
    cavity = len(foreign[0].mean)
    assert len(model.mean) == cavity + 1 and len(boundary_loops(model.faces)) == 1
    assert model.interior[cavity] == 1 and (model.interior > 0.02).sum() == 1
    lips = model.mean[[model.vertex_of(13), model.vertex_of(14)]].mean(0)
    assert -30 < model.mean[cavity, 2] - lips[2] < -10
    assert model.albedo_mean[cavity].mean() < 0.6 * model.albedo_mean[model.vertex_of(13)].mean()


def test_holes_at_the_eyes_are_closed_without_becoming_a_mouth():
    face, number = without((bundled_model().eyes > 0) | (bundled_model().interior > 1e-6))
    model = complete_model(face)
    assert len(model.mean) == len(face.mean) + 3 and len(boundary_loops(model.faces)) == 1
    middles = np.arange(len(face.mean), len(model.mean))
    for lids in EYE_LIDS:
        lid = model.mean[number[[bundled_model().vertex_of(landmark) for landmark in lids]]].mean(0)
        assert np.linalg.norm(model.mean[middles] - lid, axis=1).min() < 6
    assert (model.interior[middles] == 1).sum() == 1 and (model.interior > 0.02).sum() == 1


def test_the_inside_of_a_mouth_is_kept():
    face, number = without(np.zeros(len(bundled_model().mean), bool))
    model = complete_model(face)
    assert len(model.mean) == len(face.mean)
    assert np.corrcoef(model.interior, bundled_model().interior[np.argsort(number)[-len(face.mean):]])[0, 1] > 0.9


def test_the_inside_of_the_mouth_has_texture_of_its_own(model):
    a, b, c = (model.uv[model.faces[:, i]] for i in range(3))
    area = ((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])) / 2
    mouth = (model.faces == len(model.mean) - 1).any(1)
    assert (area[mouth] > 0).all() and area[mouth].sum() > 0.003
    assert (area > 0).mean() > 0.99


def test_spare_modes_move_nothing(model, foreign):
    assert model.expression_basis.shape[2] == len(set(model.names)) == 64 and model.identity_basis.shape[2] == 80
    assert not model.expression_basis[..., 60:].any() and set(model.regions[60:]) == {SPARE}
    assert model.names[60:] == ("Spare 01", "Spare 02", "Spare 03", "Spare 04")
    assert model.regions[:60] == ("Mouth",) * 40 + ("Eyes",) * 12 + ("Brows",) * 8


def test_a_mode_is_named_after_the_part_that_it_moves_most():
    ids = np.array([61, 13, 159, 105])
    basis = np.zeros((4, 3, 4))
    basis[1, 1, 0], basis[2, 1, 1], basis[3, 2, 2], basis[0, 0, 3] = 2, 1, 1, 1
    names, _ = name_modes(basis, np.arange(4), ids)
    assert names[:4] == ("Mouth 01", "Eyes 01", "Brows 01", "Mouth 02")


def test_the_imported_model_is_at_the_bundled_models_position(model):
    bundled = bundled_model()
    for landmark in (1, 10, 152):
        away = model.mean[model.vertex_of(landmark)] - bundled.mean[bundled.vertex_of(landmark)]
        assert np.linalg.norm(away) < 15


def test_a_clip_is_fitted_with_the_imported_model(model, person):
    fit = fit_clip(model, person.clip(), person.size)
    opening = person.expression @ person.model.opening_direction(13, 14)
    assert np.corrcoef(opening, fit.expression @ model.opening_direction(13, 14))[0, 1] > 0.95
    assert np.nanmean(fit.error) < 0.03 and not fit.expression[:, 60:].any()


def test_a_surface_that_does_not_look_like_a_face_is_refused(foreign):
    ball = foreign[0]
    directions = ball.mean / np.linalg.norm(ball.mean, axis=1, keepdims=True)
    grey = np.full_like(ball.albedo_mean, 0.5)
    with pytest.raises(InputError, match="No face was found on this face model"):
        complete_model(replace(ball, source="Ball", mean=(directions * 80).astype(np.float32), albedo_mean=grey))


def test_lips_that_no_mode_opens_have_no_opening_coefficients(model):
    still = np.zeros_like(model.expression_basis)
    assert not mouth_opening_coefficients(type("Still", (), {"expression_basis": still}), 0, 1).any()


def test_a_file_is_imported_to_a_face_of_the_right_size(tmp_path, foreign):
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
