"""Regressors' files of every format."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from headroom.common.errors import InputError
from headroom.common.networks.regressor_weights import FORMAT, RegressorConfig, read_trunk
from headroom.track.regressor.crop import RegressorCrop
from headroom.track.regressor.network import Regressor

FORMATS = Path(__file__).parents[1] / "formats"
FIRST_FORMAT = FORMATS / "regressor_1.safetensors"


@pytest.fixture
def model(person):
    """The face model that the sample was made for, as far as its digest."""
    return replace(person.model, digest="0123456789abcdef")


def test_a_regressor_of_the_first_format_predicts_the_same(model):
    network = Regressor.load(FIRST_FORMAT, model)
    assert network.config == RegressorConfig(blocks=(1, 1, 1, 1), width=4, resolution=32)
    with np.load(FORMATS / "regressor_1_prediction.npz") as expected:
        prediction = network.predict(expected["picture"], RegressorCrop(5.5, 3.2, 40.0))
        assert np.allclose(prediction.coefficients, expected["coefficients"], rtol=1e-4, atol=1e-4)


def test_a_written_regressor_has_the_current_format_and_the_same_values(model, tmp_path):
    Regressor.load(FIRST_FORMAT, model).save(tmp_path / "new.safetensors", model)
    with safe_open(tmp_path / "new.safetensors", "pt") as file:
        header = file.metadata()
    assert header["format"] == f"headroom regressor {FORMAT}"
    assert json.loads(header["metadata"])["face_model"] == model.digest
    old, new = load_file(FIRST_FORMAT), load_file(tmp_path / "new.safetensors")
    renamed = {"target_mean": "middle", "target_std": "spread"}
    assert len(old) == len(new)
    for name, value in new.items():
        assert value.equal(old[renamed.get(name, name)]) and value.dtype == old[renamed.get(name, name)].dtype


def test_the_trunk_is_read_as_stored():
    config, trunk = read_trunk(FIRST_FORMAT)
    stored = load_file(FIRST_FORMAT)
    assert config.width == 4
    assert {f"backbone.{name}" for name in trunk} == {name for name in stored if name.startswith("backbone.")}
    assert all(value.equal(stored[f"backbone.{name}"]) for name, value in trunk.items())


def test_a_newer_format_is_refused(model, tmp_path):
    save_file(load_file(FIRST_FORMAT), tmp_path / "newer.safetensors", {"format": f"headroom regressor {FORMAT + 1}"})
    with pytest.raises(InputError, match="newer version of Headroom"):
        Regressor.load(tmp_path / "newer.safetensors", model)
