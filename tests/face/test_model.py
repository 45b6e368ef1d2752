"""The morphable face and its surface."""

import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.common.paths import FACE_MODEL
from headroom.face import topology
from headroom.face.model import ControlModel, bundled_model


@pytest.fixture(scope="module")
def model():
    return bundled_model()


def test_no_coefficients_give_the_mean_face(model):
    assert np.allclose(model.shape(np.zeros(80), np.zeros(64)), model.mean, atol=1e-5)
    assert np.allclose(model.albedo(np.zeros(80)), model.albedo_mean)


def test_vertices_match_a_loop_written_by_hand(model):
    rng = np.random.default_rng(0)
    identity, expression = rng.normal(size=80), rng.normal(size=64)
    vertices = model.shape(identity, expression)
    for vertex in (0, 100, 5000):
        expected = model.mean[vertex].astype(float).copy()
        for mode in range(80):
            expected += model.identity_basis[vertex, :, mode] * identity[mode]
        for mode in range(64):
            expected += model.expression_basis[vertex, :, mode] * expression[mode]
        assert np.allclose(vertices[vertex], expected, atol=1e-3)


def test_many_frames_at_once_equal_one_by_one(model):
    expression = np.random.default_rng(1).normal(size=(3, 64))
    together = model.shape(np.zeros(80), expression)
    for frame in range(3):
        assert np.allclose(together[frame], model.shape(np.zeros(80), expression[frame]), atol=1e-3)


def test_normals_match_a_loop_and_point_out_of_the_face(model):
    normals = model.normals(model.mean)
    vertex = model.vertex_of(1)  # tip of the nose
    summed = np.zeros(3)
    for a, b, c in model.faces[(model.faces == vertex).any(1)]:
        summed += np.cross(model.mean[b] - model.mean[a], model.mean[c] - model.mean[a])
    assert np.allclose(normals[vertex], summed / np.linalg.norm(summed), atol=1e-4)
    assert normals[vertex, 2] > 0.7


def test_the_surface_passes_through_the_landmarks():
    control = ControlModel.load(FACE_MODEL)
    model = control.subdivided()
    assert np.allclose(model.mean[: topology.CONTROLS], control.mean, atol=1e-3)


def test_only_the_surfaces_outline_is_open(model):
    faces = model.faces[(model.eyes[model.faces] < 1).any(1)]
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    unique, counts = np.unique(edges, axis=0, return_counts=True)
    assert counts.max() == 2, "an edge with three faces"
    boundary = np.unique(unique[counts == 1])
    outline = np.abs(model.mean[boundary] - model.mean.mean(0))
    assert (outline.max(1) > 35).all(), "eyes or mouth are open holes"


def test_the_numbers_of_modes_are_the_papers(model):
    assert model.identity_basis.shape[2] == model.albedo_basis.shape[2] == 80
    assert model.expression_basis.shape[2] == len(set(model.names)) == len(model.regions) == 64
    assert model.uv.min() >= 0 and model.uv.max() <= 1


def test_positive_coefficients_open_mouth_and_eyes(model):
    assert model.opening_direction(13, 14)[model.names.index("Mouth 01")] > 1
    assert model.opening_direction(159, 145)[model.names.index("Eyes 01")] > 0.5


@pytest.mark.parametrize("content", [b"nothing", b"", b"PK\x03\x04 cut short"])
def test_a_file_of_another_kind_is_refused_by_name(tmp_path, content):
    path = tmp_path / "face.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"face\.npz is not a Headroom face model"):
        ControlModel.load(path)
