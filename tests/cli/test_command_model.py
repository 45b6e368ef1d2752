"""`headroom model` and `headroom export` as a user meets them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from command_call import call

from headroom.face.model import bundled_model, load_model
from headroom.subject.folder import SubjectWriter
from headroom.subject.info import SubjectInfo


@pytest.fixture(autouse=True)
def own_models(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADROOM_MODELS", str(tmp_path / "models"))


def test_info_describes_the_bundled_model(monkeypatch, capsys):
    code, out, _ = call(monkeypatch, capsys, "model", "info")
    assert code == 0 and "Mouth 40, Eyes 10, Gaze 2, Brows 12" in out and bundled_model().digest in out
    code, out, _ = call(monkeypatch, capsys, "model", "info", "--json")
    assert json.loads(out)["vertices"] == len(bundled_model().mean)


def test_import_writes_and_stores_a_model_that_a_subject_then_finds(monkeypatch, capsys, tmp_path):
    imported = replace(bundled_model(), mean=bundled_model().mean + np.float32(1), source="Basel Face Model 2019")
    monkeypatch.setattr("headroom.track.face_models.import_basel.import_model", lambda files, progress: imported)
    code, out, _ = call(monkeypatch, capsys, "model", "import", tmp_path / "model2019.h5", "-o", tmp_path / "mine.npz")
    digest = load_model(tmp_path / "mine.npz").digest
    assert code == 0 and f"Stored Basel Face Model 2019, {digest}" in out
    (tmp_path / "subject").mkdir()
    SubjectWriter(tmp_path / "subject").write_info(SubjectInfo(name="Robin", face_model=digest))
    code, out, _ = call(monkeypatch, capsys, "model", "info", tmp_path / "subject", "--json")
    assert code == 0 and json.loads(out)["source"] == "Basel Face Model 2019"


def test_a_model_from_another_machine_is_stored_as_it_is(monkeypatch, capsys, tmp_path):
    replace(bundled_model(), source="Elsewhere").save(tmp_path / "theirs.npz")
    digest = load_model(tmp_path / "theirs.npz").digest
    code, out, _ = call(monkeypatch, capsys, "model", "import", tmp_path / "theirs.npz")
    assert code == 0 and digest in out
    assert (tmp_path / "models" / f"{digest}.npz").read_bytes() == (tmp_path / "theirs.npz").read_bytes()


@pytest.mark.parametrize("arguments,words", [
    (["model", "import", "{}/nowhere", "-o", "{}/m.npz"], "does not exist"),
    (["model", "import", "{}", "-o", "{}/m.npz"], "No Basel Face Model was found"),
    (["model", "import", "{}"], "Say where to write the model"),
    (["model", "import", "{}/theirs.npz", "-o", "{}/m.npz"], "is already a model and is stored as it is"),
    (["model", "info", "{}/nothing.npz"], "does not exist; check its name"),
    (["model", "info", "{}"], "is not a subject"),
    (["export", "{}", "-o", "{}/face.stl"], "must end in .obj, .ply, .glb"),
    (["export", "{}", "-o", "{}/face.obj"], "is not a subject"),
])
def test_mistakes_are_one_sentence(monkeypatch, capsys, tmp_path, arguments, words):
    code, _, err = call(monkeypatch, capsys, *(argument.format(tmp_path) for argument in arguments))
    assert code == 2 and words in err and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
