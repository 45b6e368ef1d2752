"""A face model is built from landmarks of several people."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_person import SyntheticPerson, smooth_noise

from headroom.common.errors import InputError
from headroom.face.alignment import EYE_DISTANCE_MM
from headroom.face.build import PersonLandmarks, build_model
from headroom.face.topology import MESH_POINTS


@pytest.fixture(scope="module")
def people(person):
    """Three synthetic people in front of a distant camera, 60 frames each."""
    people = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        other = SyntheticPerson(
            person.model, person.camera, rng.normal(size=80), smooth_noise(rng, 60, 64, 0.15),
            smooth_noise(rng, 60, 3, 0.8) * 0.1, np.array([0.0, 0, -900]) + smooth_noise(rng, 60, 3, 0.8) * 5,
        )
        people.append(PersonLandmarks(other.landmarks(), rng.uniform(0.3, 0.7, (478, 3))))
    return people


@pytest.fixture(scope="module")
def built(people):
    """The model of these people."""
    return build_model(people)


def test_rounding_errors_do_not_change_the_file(people, built, tmp_path):
    def perturbed(points):
        return points * (1 + 1e-13 * np.random.default_rng(0).normal(size=points.shape))

    rounded = [replace(person, points=perturbed(person.points)) for person in people]
    built.save(tmp_path / "first.npz")
    build_model(rounded).save(tmp_path / "again.npz")
    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "again.npz").read_bytes()


def test_the_model_is_upright_symmetric_and_in_millimetres(built):
    mean = built.mean
    right, left = mean[MESH_POINTS], mean[MESH_POINTS + 1]
    assert left[0] > 0 > right[0]
    assert np.isclose(np.linalg.norm(left - right), EYE_DISTANCE_MM, rtol=0.05)
    assert mean[10, 1] > mean[152, 1], "forehead above chin"
    assert mean[1, 2] > mean[234, 2], "nose in front of the ears"
    mirrored = mean * [-1, 1, 1]
    nearest = np.linalg.norm(mean[:, None] - mirrored[None], axis=2).min(1)
    assert nearest.max() < 0.5


def test_the_expression_basis_spans_the_peoples_motion(built, person):
    basis = built.expression_basis[:MESH_POINTS].reshape(-1, 64)
    expression = smooth_noise(np.random.default_rng(0), 60, 64, 0.15)
    shapes = person.model.shape(np.zeros(80), expression)[:, :MESH_POINTS].astype(float)
    motion = (shapes - shapes.mean(0)).reshape(60, -1)
    residual = motion - motion @ np.linalg.pinv(basis.T) @ basis.T
    assert residual.std() < 0.3 * motion.std()


def test_a_photo_adds_identity_and_no_motion(people):
    photo = replace(people[2], points=people[2].points[:1])
    clips, both = build_model(people[:2]), build_model([*people[:2], photo])
    assert not np.allclose(clips.identity_basis, both.identity_basis)
    # the motion refers to another mean face, and is otherwise the same
    change = np.abs(both.expression_basis - clips.expression_basis).mean() / np.abs(clips.expression_basis).mean()
    assert np.isfinite(both.mean).all() and change < 0.5
    again = build_model([*people[:2], photo])
    assert np.array_equal(both.identity_basis, again.identity_basis)


def test_clips_of_fewer_than_two_people_are_refused(people):
    for few in (people[:1], [people[0], replace(people[1], points=people[1].points[:1])]):
        with pytest.raises(InputError, match="at least two people"):
            build_model(few)
