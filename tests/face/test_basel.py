"""The reader of the Basel Face Model agrees with naive loops over its published layouts."""

import numpy as np
import pytest
from basel_files import write_deep3d, write_front_file, write_h5

from headroom.common.errors import InputError
from headroom.face.basel import DEEP3D_FILES, read_basel


@pytest.fixture()
def rng():
    return np.random.default_rng(4)


def assert_equal(face, expected):
    for actual, value in ((face.mean, expected.mean), (face.identity_basis, expected.identity),
                         (face.expression_basis, expected.expression), (face.albedo_mean, expected.albedo_mean),
                         (face.albedo_basis, expected.albedo)):
        np.testing.assert_allclose(actual, value, rtol=2e-5, atol=1e-5)
    assert {frozenset(face) for face in face.faces.tolist()} == {frozenset(face) for face in expected.faces.tolist()}
    a, b, c = (face.mean[face.faces[:, i]] for i in range(3))
    assert np.cross(b - a, c - a)[:, 2].sum() > 0, "the triangles face backwards"


def test_the_2009_files_are_cut_to_the_face_in_millimetres(tmp_path, rng):
    expected = write_deep3d(tmp_path / "bfm", rng)
    face = read_basel([tmp_path / "bfm"])
    assert_equal(face, expected)
    assert face.source == "Basel Face Model 2009"


def test_files_may_be_given_one_by_one_and_in_other_case(tmp_path, rng):
    expected = write_deep3d(tmp_path / "bfm", rng, modes=3, expressions=5)
    (tmp_path / "bfm" / "Exp_Pca.bin").rename(tmp_path / "exp_pca.BIN")
    face = read_basel([tmp_path / "exp_pca.BIN", *(tmp_path / "bfm").iterdir()])
    assert face.identity_basis.shape[2] == 3 and face.expression_basis.shape[2] == 5
    np.testing.assert_allclose(face.expression_basis, expected.expression, rtol=2e-5, atol=1e-5)


def test_the_prepared_file_is_the_same_as_the_six_files(tmp_path, rng):
    write_deep3d(tmp_path / "bfm", rng)
    six = read_basel([tmp_path / "bfm"])
    write_front_file(tmp_path / "BFM_model_front.mat", six)
    front = read_basel([tmp_path / "BFM_model_front.mat"])
    for name in ("mean", "identity_basis", "expression_basis", "albedo_mean", "albedo_basis"):
        np.testing.assert_allclose(getattr(front, name), getattr(six, name), rtol=1e-5, atol=1e-5)
    assert np.array_equal(front.faces, six.faces)


@pytest.mark.parametrize("name,source", [("model2017-1_bfm_nomouth.h5", "Basel Face Model 2017"),
                                         ("model2019_bfm.h5", "Basel Face Model 2019")])
def test_an_h5_file_gives_millimetres_display_values_and_standard_deviations(tmp_path, rng, name, source):
    expected = write_h5(tmp_path / name, rng)
    face = read_basel([tmp_path / name])
    assert_equal(face, expected)
    assert face.source == source


@pytest.mark.parametrize("part", DEEP3D_FILES)
def test_a_missing_file_is_named(tmp_path, rng, part):
    write_deep3d(tmp_path / "bfm", rng, modes=2, expressions=2)
    (tmp_path / "bfm" / part).unlink()
    with pytest.raises(InputError, match=f"^{part} is missing"):
        read_basel([tmp_path / "bfm"])


@pytest.mark.parametrize("part", DEEP3D_FILES)
def test_a_damaged_file_is_named(tmp_path, rng, part):
    write_deep3d(tmp_path / "bfm", rng, modes=2, expressions=2)
    (tmp_path / "bfm" / part).write_bytes(b"not what it says")
    with pytest.raises(InputError, match=part):
        read_basel([tmp_path / "bfm"])


def test_an_incomplete_h5_file_is_refused(tmp_path, rng):
    import h5py

    write_h5(tmp_path / "model2017.h5", rng, modes=2, expressions=2)
    with h5py.File(tmp_path / "model2017.h5", "a") as file:
        del file["expression/model/pcaBasis"]
    with pytest.raises(InputError, match=r"model2017\.h5 is not a Basel Face Model"):
        read_basel([tmp_path / "model2017.h5"])


def test_files_of_two_downloads_are_refused(tmp_path, rng):
    write_deep3d(tmp_path / "one", rng, modes=2, expressions=2)
    write_deep3d(tmp_path / "other", rng, scan=80, trimmed=70, front=60, modes=2, expressions=2)
    (tmp_path / "other" / "BFM_front_idx.mat").replace(tmp_path / "one" / "BFM_front_idx.mat")
    with pytest.raises(InputError, match="do not belong together"):
        read_basel([tmp_path / "one"])


def test_a_folder_without_a_model_and_one_with_two_are_refused(tmp_path, rng):
    with pytest.raises(InputError, match="No Basel Face Model was found"):
        read_basel([tmp_path])
    with pytest.raises(InputError, match="does not exist"):
        read_basel([tmp_path / "nowhere"])
    for name in ("2017.h5", "2019.h5"):
        write_h5(tmp_path / name, rng, modes=2, expressions=2)
    with pytest.raises(InputError, match=r"2017\.h5, 2019\.h5; name the one"):
        read_basel([tmp_path])
