"""A face model is built from landmarks of several people."""

from dataclasses import replace

import numpy as np
import pytest
from known_person import Known, smooth_noise

from headroom.common.errors import InputError
from headroom.face.build import EYE_DISTANCE_MM, PersonLandmarks, build_model
from headroom.face.topology import MESH_POINTS


@pytest.fixture(scope="module")
def people(known):
    """Three made-up people before a far camera, 60 frames each."""
    made = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        person = Known(
            known.model, known.camera, rng.normal(size=80), smooth_noise(rng, 60, 64, 0.15),
            smooth_noise(rng, 60, 3, 0.8) * 0.1, np.array([0.0, 0, -900]) + smooth_noise(rng, 60, 3, 0.8) * 5,
        )
        made.append(PersonLandmarks(person.landmarks(), rng.uniform(0.3, 0.7, (478, 3))))
    return made


def test_the_same_people_give_the_same_file_whatever_the_rounding(people, tmp_path):
    rounded = [replace(face, points=face.points * (1 + 1e-13 * np.random.default_rng(0).normal(size=face.points.shape)))
               for face in people]
    build_model(people).save(tmp_path / "first.npz")
    build_model(rounded).save(tmp_path / "again.npz")
    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "again.npz").read_bytes()


def test_the_model_is_upright_symmetric_and_in_millimetres(people):
    mean = build_model(people).mean
    right, left = mean[MESH_POINTS], mean[MESH_POINTS + 1]
    assert left[0] > 0 > right[0]
    assert np.isclose(np.linalg.norm(left - right), EYE_DISTANCE_MM, rtol=0.05)
    assert mean[10, 1] > mean[152, 1], "forehead above chin"
    assert mean[1, 2] > mean[234, 2], "nose in front of the ears"
    mirrored = mean * [-1, 1, 1]
    nearest = np.linalg.norm(mean[:, None] - mirrored[None], axis=2).min(1)
    assert nearest.max() < 0.5


def test_the_basis_holds_the_people_s_motion(people, known):
    basis = build_model(people).expression_basis[:MESH_POINTS].reshape(-1, 64)
    expression = smooth_noise(np.random.default_rng(0), 60, 64, 0.15)
    shapes = known.model.shape(np.zeros(80), expression)[:, :MESH_POINTS].astype(float)
    moved = (shapes - shapes.mean(0)).reshape(60, -1)
    left_over = moved - moved @ np.linalg.pinv(basis.T) @ basis.T
    assert left_over.std() < 0.3 * moved.std()


def test_a_photo_adds_a_face_and_no_motion(people, known):
    photo = replace(people[2], points=people[2].points[:1])
    clips, both = build_model(people[:2]), build_model([*people[:2], photo])
    assert not np.allclose(clips.identity_basis, both.identity_basis)
    # the motion is told of another mean face, and is otherwise the same
    change = np.abs(both.expression_basis - clips.expression_basis).mean() / np.abs(clips.expression_basis).mean()
    assert np.isfinite(both.mean).all() and change < 0.5
    again = build_model([*people[:2], photo])
    assert np.array_equal(both.identity_basis, again.identity_basis)


def test_one_speaking_person_is_not_enough(people):
    for some in (people[:1], [people[0], replace(people[1], points=people[1].points[:1])]):
        with pytest.raises(InputError, match="at least two people"):
            build_model(some)
