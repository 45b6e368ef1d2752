"""The add-on reads and writes Live Link Face CSV and JSON as the backend does."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from add_on_causes import core

backend = pytest.importorskip("headroom.subject.performance_files")
from headroom.face.controls.names import CONTROL_NAMES  # noqa: E402
from headroom.face.performance import Performance  # noqa: E402
from headroom.face.phone_track import PhoneTrack  # noqa: E402


@pytest.fixture
def rig():
    rng = np.random.default_rng(1)
    return SimpleNamespace(controls=rng.normal(size=(52, 64)).astype(np.float32), control_names=np.array(CONTROL_NAMES),
                           rest_rotation=np.array([0.1, 0.2, 0.3], np.float32),
                           rest_translation=np.array([1, 2, -600], np.float32))


def take(rig, seed, fps):
    """A performance of 70 samples whose head turns far about all axes."""
    rng = np.random.default_rng(seed)
    controls = rng.uniform(size=(70, 52)).astype(np.float32)
    phones = PhoneTrack(np.array(["SIL", "AH"]), np.array([0, 0.8]), np.array([0.8, 1.6]),
                        np.array([0.25, 0.5], np.float32))
    return Performance(fps, controls @ rig.controls, rng.normal(0, 0.4, (70, 3)).astype(np.float32),
                       rng.normal(size=(70, 3)).astype(np.float32), phones, controls, 0.0)


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".json"])
@pytest.mark.parametrize("fps", [25.0, 24 / 1.001])
def test_both_sides_read_the_same(rig, tmp_path, suffix, fps):
    path = tmp_path / f"take{suffix}"
    backend.write_performance(take(rig, 3, fps), path)
    ours, theirs = core("performance_files").read_performance(path, rig), backend.read_performance(path, rig)
    assert ours.fps == theirs.fps and len(ours) == 70
    for name in ("expression", "rotation", "translation", "controls"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), abs=1e-5), name
        assert getattr(ours, name).dtype == np.float32
    assert [phone.symbol for phone in ours.phones] == ([] if suffix == ".csv" else ["SIL", "AH"])
    controls, detail = ours.divided(rig.controls)
    assert np.abs(detail).max() < 1e-4 and np.array_equal(controls, ours.controls)


@pytest.mark.parametrize("suffix", [".csv", ".json"])
@pytest.mark.parametrize("fps", [25.0, 24 / 1.001, 60.0])
def test_both_sides_write_the_same(rig, tmp_path, suffix, fps):
    theirs, ours = tmp_path / f"theirs{suffix}", tmp_path / f"ours{suffix}"
    files, performance = core("performance_files"), take(rig, 4, fps)
    backend.write_performance(performance, theirs)
    phones = tuple(core("phones").Phone(*row) for row in (("SIL", 0.0, 0.8, 0.25), ("AH", 0.8, 1.6, 0.5)))
    files.write_control_track(files.ControlTrack(fps, performance.controls, performance.rotation, phones, (),
                                                 performance.translation), ours)
    if suffix == ".json":
        assert json.loads(ours.read_text()) == json.loads(theirs.read_text())
        return
    (header, *rows), (expected_header, *expected) = (path.read_text().splitlines() for path in (ours, theirs))
    assert header == expected_header and len(rows) == len(expected) == 70
    for row, other in zip(rows, expected):
        (time, count, *values), (other_time, other_count, *others) = row.split(","), other.split(",")
        assert (time, count) == (other_time, other_count) and {len(value.split(".")[1]) for value in values} == {10}
        assert np.array(values, float) == pytest.approx(np.array(others, float), abs=2e-7)
    read, original = backend.read_performance(ours, rig), files.read_performance(ours, rig)
    for each in (read, original):
        assert each.rotation == pytest.approx(performance.rotation, abs=1e-3)  # of the timecode's thousandths
        assert each.controls == pytest.approx(performance.controls, abs=1e-3)


def test_both_sides_hold_a_head_that_was_not_captured_in_its_usual_pose(rig, tmp_path):
    lines = ["JAWOPEN,Timecode", *(f"{frame / 100},00:00:0{frame // 30};{frame % 30:02d}" for frame in range(40))]
    (tmp_path / "take.csv").write_text("\n".join(lines))
    ours, theirs = (side.read_performance(tmp_path / "take.csv", rig) for side in (core("performance_files"), backend))
    assert ours.fps == theirs.fps == 30 and np.array_equal(ours.controls, theirs.controls)
    assert np.array_equal(ours.rotation, np.tile(rig.rest_rotation, (40, 1)))
    assert np.array_equal(ours.translation, np.tile(rig.rest_translation, (40, 1)))


def with_span(kind, label, **changes):
    """A JSON performance of one sample with one phone or word."""
    span = {label: "AH", "start": 0.5, "end": 0.75, "confidence": 0.5} | changes
    return json.dumps({"format": 1, "fps": 25, "names": ["jawOpen"], "controls": [[1]], kind: [span]})


@pytest.mark.parametrize(("kind", "label"), [("phones", "symbol"), ("words", "text")])
def test_both_sides_read_spans_of_a_json_and_refuse_those_that_no_speech_has(rig, tmp_path, kind, label):
    path = tmp_path / "take.json"
    path.write_text(with_span(kind, label))
    (span,) = getattr(core("performance_files").read_performance(path, rig), kind)
    assert tuple(span) == ("AH", 0.5, 0.75, 0.5)
    assert getattr(backend.read_performance(path, rig), kind).starts.tolist() == [0.5]
    for changes in ({"start": 0.8}, {"start": -0.1}, {"end": float("nan")}, {"confidence": 1.5}, {"end": 1e9}):
        path.write_text(with_span(kind, label, **changes))
        with pytest.raises(core("errors").InputError, match="choose a JSON file of"):
            core("performance_files").read_performance(path, rig)
        with pytest.raises(backend.InputError, match="choose a JSON file of"):
            backend.read_performance(path, rig)


@pytest.mark.parametrize(("name", "content"), [
    ("take.csv", ""), ("take.csv", "Timecode,Other\n00:00:00:01,0\n"), ("take.json", "{}"), ("take.fbx", ""),
    ("take.json", '{"format": 2}'), ("take.json", '{"format": 1, "fps": 25, "names": [], "controls": []}')])
def test_both_sides_refuse_the_same_files_in_the_same_words(rig, tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(core("errors").InputError) as ours:
        core("performance_files").read_performance(tmp_path / name, rig)
    with pytest.raises(backend.InputError) as theirs:
        backend.read_performance(tmp_path / name, rig)
    assert str(ours.value) == str(theirs.value)
