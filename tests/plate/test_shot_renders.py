"""The mesh of a render is read as vertices, or refused in words."""

import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.plate.shot_renders import Render

VERTICES = np.random.default_rng(0).normal(0, 50, (5, 3)).astype(np.float32)


def render_with(tmp_path, array):
    np.save(tmp_path / "000007.npy", array)
    return Render(tmp_path / "000007.png", tmp_path / "000007.npy")


def test_vertices_are_read_as_they_were_written(tmp_path):
    assert np.array_equal(render_with(tmp_path, VERTICES).vertices(5), VERTICES)
    assert Render(tmp_path / "000007.png").vertices(5) is None


@pytest.mark.parametrize("array", [VERTICES[:4], VERTICES.ravel(), VERTICES * np.nan])
def test_an_array_that_is_no_mesh_of_the_face_model_is_refused_by_name(tmp_path, array):
    with pytest.raises(InputError, match=r"000007\.npy is not a mesh of 5 vertices"):
        render_with(tmp_path, array).vertices(5)
