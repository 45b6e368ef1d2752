"""The file of motion models: round trip, upgrades and refusals."""

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from lip_frames import open_lip_frames
from safetensors import safe_open
from safetensors.torch import save_file

from headroom.common.errors import InputError
from headroom.common.paths import MOTION_WEIGHTS
from headroom.motion.model.file_format import FORMAT
from headroom.motion.model.model import MotionModel
from headroom.motion.predict import predict
from headroom.motion.style.blinks import Blinks
from headroom.motion.style.speaker_style import SpeakerStyle

FORMATS = Path(__file__).resolve().parents[1] / "formats"


def assert_same_values(a, b):
    """Compare two dataclasses of arrays, scalars and dataclasses, with their types."""
    for field in fields(a):
        ours, theirs = getattr(a, field.name), getattr(b, field.name)
        assert type(ours) is type(theirs), field.name
        if isinstance(ours, Blinks):
            assert_same_values(ours, theirs)
        else:
            np.testing.assert_array_equal(ours, theirs, err_msg=field.name)


def test_a_loaded_model_has_the_saved_values_and_predicts_the_same(learned, tmp_path):
    model, samples, _ = learned
    model = replace(model, style=replace(model.style, gaze_modes=(50, 51), gaze=model.style.pose[:, :2].copy()))
    model.save(tmp_path / "motion.safetensors")
    loaded = MotionModel.load(tmp_path / "motion.safetensors")
    assert loaded.config == model.config and loaded.audio_offset_seconds == model.audio_offset_seconds
    assert (loaded.ridge_weight, loaded.held_out) == (model.ridge_weight, model.held_out)
    assert_same_values(loaded.style, model.style)
    np.testing.assert_array_equal(predict(loaded, samples).expression, predict(model, samples).expression)


@pytest.mark.parametrize("name", ["motion_2.safetensors", "motion_2_general.safetensors", "motion_3.safetensors"])
def test_a_released_format_opens_and_predicts_the_same(name, tmp_path):
    kind = "general" if "general" in name else "personal"
    model = MotionModel.load(FORMATS / name)
    with np.load(FORMATS / f"motion_{name[7]}_predictions.npz") as stored:
        speech = stored["speech"] / np.float32(32767)
        performance = predict(model, speech, seed=5)
        speaking = open_lip_frames(speech, performance)
        assert speaking.sum() > 10
        np.testing.assert_allclose(performance.expression[speaking], stored[f"{kind}_expression"][speaking], atol=1e-4)
        for part in ("rotation", "translation"):
            np.testing.assert_allclose(getattr(performance, part), stored[f"{kind}_{part}"], atol=1e-5)
    model.save(tmp_path / name)
    with safe_open(str(tmp_path / name), "pt") as file:
        assert file.metadata()["format"] == f"headroom motion {FORMAT}"
    assert_same_values(MotionModel.load(tmp_path / name).style, model.style)


def test_the_upgraded_style_has_scalars_and_indices_instead_of_arrays():
    style = MotionModel.load(FORMATS / "motion_2.safetensors").style
    assert style.gaze_modes == (50, 51) and style.gaze.shape == (len(style.pose), 2)
    assert isinstance(style.blinks.rate, float) and style.lip_curve.shape == (2, 2)
    assert isinstance(style, SpeakerStyle) and style.blinks.shape.shape == (13, 64)


def test_the_bundled_weights_have_the_present_format():
    with safe_open(str(MOTION_WEIGHTS), "pt") as file:
        assert file.metadata()["format"] == f"headroom motion {FORMAT}"
        assert json.loads(file.metadata()["metadata"])["ridge_weight"] == 0.7


def test_files_that_are_no_models_are_refused(tmp_path):
    path = tmp_path / "motion.safetensors"
    path.write_text("nonsense")
    with pytest.raises(InputError, match="not a motion model"):
        MotionModel.load(path)
    save_file({}, str(path), {"format": "headroom refiner 3"})
    with pytest.raises(InputError, match="not a motion model"):
        MotionModel.load(path)
    with pytest.raises(InputError, match="does not exist; check its name"):
        MotionModel.load(tmp_path / "missing.safetensors")


def test_a_model_for_another_speech_encoder_is_refused(learned, tmp_path, monkeypatch):
    learned[0].save(tmp_path / "motion.safetensors")
    monkeypatch.setattr("headroom.motion.model.model.bundled_encoder_digest", lambda: "another")
    with pytest.raises(InputError, match="learned with another speech encoder; learn the subject again"):
        MotionModel.load(tmp_path / "motion.safetensors")


def test_a_model_of_a_newer_version_asks_for_an_update(tmp_path):
    save_file({}, str(tmp_path / "motion.safetensors"), {"format": f"headroom motion {FORMAT + 1}"})
    with pytest.raises(InputError, match="newer version of Headroom"):
        MotionModel.load(tmp_path / "motion.safetensors")
