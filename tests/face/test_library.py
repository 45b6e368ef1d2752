"""Imported models are kept, and found again by the digest that a subject records."""

from dataclasses import replace

import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.common.paths import FACE_MODEL
from headroom.face.facts import model_info
from headroom.face.library import find_model, store_model
from headroom.face.model import bundled_model, load_model
from headroom.subject.folder import Subject, SubjectWriter
from headroom.subject.info import SubjectInfo


@pytest.fixture()
def other(tmp_path, monkeypatch):
    """The file of a model that is not the bundled one, and an empty folder of models."""
    monkeypatch.setenv("HEADROOM_MODELS", str(tmp_path / "models"))
    model = bundled_model()
    replace(model, mean=model.mean * np.float32(1.1), source="Somebody").save(tmp_path / "other.npz")
    return tmp_path / "other.npz"


def test_a_surface_is_read_back_as_it_was_written(other):
    model, bundled = load_model(other), bundled_model()
    assert model.source == "Somebody" and model.digest != bundled.digest
    assert np.allclose(model.mean, bundled.mean * 1.1) and model.names == bundled.names
    assert np.array_equal(model.interior, bundled.interior) and model.regions == bundled.regions
    assert model.vertex_of(13) == bundled.vertex_of(13)


def test_a_kept_model_is_found_again_when_its_file_has_gone(other):
    assert find_model(load_model(other).digest) is None
    kept = store_model(other)
    other.unlink()
    found = find_model(kept.digest)
    assert found is not None and np.array_equal(found.mean, kept.mean) and found.digest == kept.digest


def test_the_bundled_model_is_not_kept_again(other, tmp_path):
    assert store_model(FACE_MODEL).digest == bundled_model().digest
    assert not (tmp_path / "models").exists()


def test_a_subject_uses_its_own_model_or_says_what_to_do(other, tmp_path):
    digest = load_model(other).digest
    (tmp_path / "subject").mkdir()
    SubjectWriter(tmp_path / "subject").write_info(SubjectInfo(name="Robin", face_model=digest))
    with pytest.raises(InputError, match=f"{digest}, which is not on this machine; give its file to `headroom model"):
        _ = Subject.open(tmp_path / "subject").model
    store_model(other)
    assert Subject.open(tmp_path / "subject").model.source == "Somebody"


def test_facts_count_only_modes_that_do_something(other):
    model = bundled_model()
    basis = model.expression_basis.copy()
    basis[..., 60:] = 0
    facts = model_info(replace(model, expression_basis=basis))
    assert facts["expression_modes"] == 60 and facts["identity_modes"] == 80
    assert facts["vertices"] == len(model.mean) and facts["landmarks"] == 470
    assert facts["regions"] == {"Mouth": 40, "Eyes": 10, "Gaze": 2, "Brows": 12}
    assert facts["size_mm"] == [round(float(length), 1) for length in np.ptp(model.mean, axis=0)]
