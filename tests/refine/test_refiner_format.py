"""Refiners of older formats, and files that are none."""

from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_faces import over_plates
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from headroom.common.errors import InputError
from headroom.common.paths import REFINER_WEIGHTS
from headroom.refine.file_format import FORMAT, NAME
from headroom.refine.refiner import Refiner

FORMATS = Path(__file__).parents[1] / "formats"


@pytest.mark.parametrize("name", ["refiner_1", "refiner_memory_1"])
def test_a_refiner_of_format_1_generates_what_it_did_and_is_written_as_the_present_format(name, tmp_path):
    expected = np.load(FORMATS / "refiner_1.npz")
    Refiner.load(FORMATS / f"{name}.safetensors", "cpu").save(tmp_path / "again.safetensors")
    for path in (FORMATS / f"{name}.safetensors", tmp_path / "again.safetensors"):
        refiner = Refiner.load(path, "cpu")
        assert (refiner.identity.retrieval is not None) == (name == "refiner_memory_1")
        assert refiner.identity.feature == "somebody's" and refiner.region.margin == 0.1
        inputs = list(refiner.prepare(over_plates(expected["renders"], expected["plates"])))
        identities = np.stack([each.identity for each in inputs])
        assert np.allclose(identities, expected[f"{name}_identity"], atol=1e-4)
        for (crop, mask), known in zip(refiner.refine_inputs(inputs), expected[name], strict=True):
            assert np.abs(crop.astype(int) - known)[mask > 0].max() <= 1
    with safe_open(tmp_path / "again.safetensors", "pt") as file:
        assert file.metadata()["format"] == f"{NAME} {FORMAT}"


def test_saving_a_loaded_refiner_changes_no_weight(tmp_path):
    Refiner.load(REFINER_WEIGHTS, "cpu").save(tmp_path / "again.safetensors")
    bundled, again = load_file(REFINER_WEIGHTS), load_file(tmp_path / "again.safetensors")
    assert bundled.keys() == again.keys() and all(value.equal(again[name]) for name, value in bundled.items())


@pytest.mark.parametrize(("header", "message"), [
    ({"format": f"{NAME} {FORMAT + 1}", "config": "{}"}, "newer version"),
    ({"format": "headroom motion 1", "config": "{}"}, "is not a refiner"),
    ({"config": "{}"}, "is not a refiner"),
    ({"format": f"{NAME} {FORMAT}", "config": "{"}, "is damaged"),
    ({"format": f"{NAME} {FORMAT}", "config": "{}"}, "another version"),
])
def test_files_of_other_formats_are_refused(header, message, tmp_path):
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors", header)
    with pytest.raises(InputError, match=message):
        Refiner.load(tmp_path / "other.safetensors")
