"""The add-on reads Live Link Face CSV and JSON as the backend does."""

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


def test_both_sides_hold_a_head_that_was_not_captured_in_its_usual_pose(rig, tmp_path):
    lines = ["JAWOPEN,Timecode", *(f"{frame / 100},00:00:0{frame // 30};{frame % 30:02d}" for frame in range(40))]
    (tmp_path / "take.csv").write_text("\n".join(lines))
    ours, theirs = (side.read_performance(tmp_path / "take.csv", rig) for side in (core("performance_files"), backend))
    assert ours.fps == theirs.fps == 30 and np.array_equal(ours.controls, theirs.controls)
    assert np.array_equal(ours.rotation, np.tile(rig.rest_rotation, (40, 1)))
    assert np.array_equal(ours.translation, np.tile(rig.rest_translation, (40, 1)))


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
