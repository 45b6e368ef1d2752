"""Performances as .npz, .csv and .json, for the head that they are read for."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.face.controls.json_format import read_json, write_json
from headroom.face.controls.names import CONTROL_NAMES
from headroom.face.controls.track import ControlTrack
from headroom.face.performance import Performance
from headroom.face.phone_track import PhoneTrack
from headroom.subject.performance_files import read_performance, write_performance


@pytest.fixture
def rig():
    rng = np.random.default_rng(1)
    return SimpleNamespace(controls=rng.normal(size=(52, 64)).astype(np.float32),
                           rest_rotation=np.array([0.1, 0.2, 0.3], np.float32),
                           rest_translation=np.array([1, 2, -600], np.float32))


@pytest.fixture
def performance(rig):
    rng = np.random.default_rng(0)
    controls = rng.uniform(size=(40, 52)).astype(np.float32)
    phones = PhoneTrack(np.array(["SIL", "AH"]), np.array([0, 0.8]), np.array([0.8, 1.6]),
                        np.array([0.25, 0.5], np.float32))
    return Performance(25.0, controls @ rig.controls + 0.5, rng.normal(size=(40, 3)).astype(np.float32) * 0.3,
                       rng.normal(size=(40, 3)).astype(np.float32) * 10, phones, controls, 0.2)


def test_an_npz_keeps_everything(performance, rig, tmp_path):
    assert write_performance(performance, tmp_path / "take.npz") == []
    read = read_performance(tmp_path / "take.npz", rig)
    assert np.array_equal(read.expression, performance.expression) and read.detail_share == 0.2


def test_a_json_keeps_controls_pose_and_phones(performance, rig, tmp_path):
    (note,) = write_performance(performance, tmp_path / "take.json")
    assert note == "take.json has the controls without the detail. Write .npz to keep all of the motion."
    read = read_performance(tmp_path / "take.json", rig)
    assert read.controls == pytest.approx(performance.controls, abs=1e-6)
    assert read.rotation == pytest.approx(performance.rotation, abs=1e-6)
    assert read.translation == pytest.approx(performance.translation, abs=1e-5)
    assert read.phones.labels.tolist() == ["SIL", "AH"] and read.phones.ends == pytest.approx([0.8, 1.6])
    assert read.expression == pytest.approx(read.controls @ rig.controls) and read.detail_share == 0


def test_a_csv_keeps_controls_and_rotation_and_the_head_stays_at_its_usual_place(performance, rig, tmp_path):
    write_performance(performance, tmp_path / "take.CSV")
    read = read_performance(tmp_path / "take.CSV", rig)
    assert read.fps == 25 and read.controls == pytest.approx(performance.controls, abs=1e-6)
    assert read.rotation == pytest.approx(performance.rotation, abs=1e-6)
    assert np.array_equal(read.translation, np.tile(rig.rest_translation, (40, 1)))
    assert read.expression == pytest.approx(read.controls @ rig.controls)


def test_controls_without_a_head_leave_it_in_its_usual_pose(rig, tmp_path):
    write_json(ControlTrack(30.0, np.ones((3, 52), np.float32)), tmp_path / "take.json")
    read = read_performance(tmp_path / "take.json", rig)
    assert np.array_equal(read.rotation, np.tile(rig.rest_rotation, (3, 1)))


def test_json_names_may_have_any_order_and_case_and_values_are_limited(tmp_path):
    (tmp_path / "own.json").write_text(json.dumps(
        {"format": 1, "fps": 10, "names": ["JawOpen", "other", "mouthclose"], "controls": [[0.5, 9, 2], [0, 9, -1]]}))
    read = read_json(tmp_path / "own.json")
    assert read.controls[:, CONTROL_NAMES.index("jawOpen")].tolist() == [0.5, 0]
    assert read.controls[:, CONTROL_NAMES.index("mouthClose")].tolist() == [1, 0] and read.controls.sum() == 1.5


@pytest.mark.parametrize("content", [
    "", "[]", "{}", '{"format": 1, "fps": 25, "names": ["jawOpen"], "controls": [[1, 2], [3]]}',
    '{"format": 1, "fps": 0, "names": ["jawOpen"], "controls": [[1]]}',
    '{"format": 1, "fps": 25, "names": ["jawOpen"], "controls": [[1]], "rotation": [[0, 0]]}'])
def test_other_json_files_are_refused(tmp_path, content):
    (tmp_path / "take.json").write_text(content)
    with pytest.raises(InputError, match="choose a JSON file of"):
        read_json(tmp_path / "take.json")


def test_heads_without_controls_are_told_so(performance, rig, tmp_path):
    with pytest.raises(InputError, match=r"There are no controls for take\.csv to hold"):
        write_performance(replace(performance, controls=None), tmp_path / "take.csv")
    write_performance(performance, tmp_path / "take.csv")
    with pytest.raises(InputError, match=r"This head has no controls for take\.csv to move"):
        read_performance(tmp_path / "take.csv", SimpleNamespace(controls=rig.controls[:0]))


def test_other_endings_and_newer_files_are_refused(rig, tmp_path):
    with pytest.raises(InputError, match=r"must end in \.npz, \.csv, \.json; choose another performance"):
        read_performance(tmp_path / "take.fbx", rig)
    (tmp_path / "take.json").write_text('{"format": 2}')
    with pytest.raises(InputError, match="newer version of Headroom"):
        read_performance(tmp_path / "take.json", rig)
