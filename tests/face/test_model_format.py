"""Face models' files of every format."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.common.files import file_digest
from headroom.common.paths import FACE_MODEL
from headroom.face.model import ControlModel, FaceModel, bundled_model, load_model
from headroom.face.model_format import FORMAT

FIRST_FORMAT = Path(__file__).parents[1] / "formats" / "face_surface_1.npz"


def test_a_surface_of_the_first_format_has_the_same_values():
    model = load_model(FIRST_FORMAT)
    with np.load(FIRST_FORMAT) as stored:
        assert "format" not in stored
        for name in (field.name for field in fields(FaceModel) if field.name != "digest"):
            assert np.array_equal(np.asarray(getattr(model, name)), stored[name]), name
    assert model.names[2] == "Gaze Left" and model.gaze_modes == (2,) and model.source == "Test face"
    assert model.digest == file_digest(FIRST_FORMAT)[:16]


def test_a_surface_of_the_first_format_without_eyes_has_none(tmp_path):
    with np.load(FIRST_FORMAT) as stored:
        np.savez(tmp_path / "old.npz", **{name: stored[name] for name in stored.files if name != "eyes"})
    assert np.array_equal(load_model(tmp_path / "old.npz").eyes, np.zeros(4))


def test_written_surfaces_and_control_points_have_the_format_number_and_round_trip(tmp_path):
    surface, control = load_model(FIRST_FORMAT), ControlModel.load(FACE_MODEL)
    surface.save(tmp_path / "surface.npz")
    control.save(tmp_path / "control.npz")
    for name in ("surface.npz", "control.npz"):
        with np.load(tmp_path / name) as stored:
            assert stored["format"] == FORMAT
    assert np.array_equal(load_model(tmp_path / "surface.npz").expression_basis, surface.expression_basis)
    again = ControlModel.load(tmp_path / "control.npz")
    assert all(np.array_equal(getattr(again, field.name), getattr(control, field.name)) for field in fields(control))
    assert np.array_equal(load_model(tmp_path / "control.npz").mean, bundled_model().mean)


def test_the_bundled_models_digest_is_that_of_its_first_release():
    """Subjects and weights refer to it."""
    assert bundled_model().digest == "b0bc2c1e04d1f3d8"


def test_newer_formats_and_incomplete_files_are_refused(tmp_path):
    with np.load(FIRST_FORMAT) as stored:
        arrays = {name: stored[name] for name in stored.files}
    np.savez(tmp_path / "newer.npz", **arrays, format=FORMAT + 1)
    with pytest.raises(InputError, match="newer version of Headroom"):
        load_model(tmp_path / "newer.npz")
    del arrays["identity_basis"]
    np.savez(tmp_path / "part.npz", **arrays)
    with pytest.raises(InputError, match=r"part\.npz is not a Headroom face model"):
        load_model(tmp_path / "part.npz")
