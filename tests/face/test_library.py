"""Imported models are stored, and found by the digest that a subject has."""

from dataclasses import replace

import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.common.paths import FACE_MODEL
from headroom.face.library import find_model, store_model
from headroom.face.model import bundled_model, load_model
from headroom.face.model_info import model_info
from headroom.subject.folder import Subject, SubjectWriter
from headroom.subject.info import SubjectInfo


@pytest.fixture()
def other(tmp_path, monkeypatch):
    """The file of a model that is not the bundled one; the folder of models is empty."""
    monkeypatch.setenv("HEADROOM_MODELS", str(tmp_path / "models"))
    model = bundled_model()
    replace(model, mean=model.mean * np.float32(1.1), source="Another").save(tmp_path / "other.npz")
    return tmp_path / "other.npz"


def test_a_surface_round_trips_through_its_file(other):
    model, bundled = load_model(other), bundled_model()
    assert model.source == "Another" and model.digest != bundled.digest
    assert np.allclose(model.mean, bundled.mean * 1.1) and model.names == bundled.names
    assert np.array_equal(model.interior, bundled.interior) and model.regions == bundled.regions
    assert model.vertex_of(13) == bundled.vertex_of(13)


def test_a_stored_model_is_found_without_its_file(other):
    assert find_model(load_model(other).digest) is None
    stored = store_model(other)
    other.unlink()
    found = find_model(stored.digest)
    assert found is not None and np.array_equal(found.mean, stored.mean) and found.digest == stored.digest


def test_the_bundled_model_is_not_stored(other, tmp_path):
    assert store_model(FACE_MODEL).digest == bundled_model().digest
    assert not (tmp_path / "models").exists()


def test_a_subject_uses_its_own_model_or_names_the_remedy(other, tmp_path):
    digest = load_model(other).digest
    (tmp_path / "subject").mkdir()
    SubjectWriter(tmp_path / "subject").write_info(SubjectInfo(name="Robin", face_model=digest))
    with pytest.raises(InputError, match=f"{digest}, which is not on this machine; give its file to `headroom model"):
        _ = Subject.open(tmp_path / "subject").model
    store_model(other)
    assert Subject.open(tmp_path / "subject").model.source == "Another"


def test_the_summary_counts_only_modes_that_have_an_effect(other):
    model = bundled_model()
    basis = model.expression_basis.copy()
    basis[..., 60:] = 0
    info = model_info(replace(model, expression_basis=basis))
    assert info["expression_modes"] == 60 and info["identity_modes"] == 80
    assert info["vertices"] == len(model.mean) and info["landmarks"] == 470
    assert info["regions"] == {"Mouth": 40, "Eyes": 10, "Gaze": 2, "Brows": 12}
    assert info["size_mm"] == [round(float(length), 1) for length in np.ptp(model.mean, axis=0)]
