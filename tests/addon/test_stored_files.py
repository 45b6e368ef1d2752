"""Files that the add-on stores, without Blender: job files, match histories and settings of movies, old ones too."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from addon.core import match_history
from addon.core.errors import InputError
from addon.core.job_file import KINDS, append_jobs, make_request, read_jobs, request_of
from addon.core.match_history import MatchHistory
from addon.core.render_settings import RenderSettings

FORMATS = Path(__file__).resolve().parents[1] / "formats"
SHOTS = Path("/shots")


def test_a_job_file_of_format_1_is_read_with_all_of_its_settings(tmp_path):
    learn, perform, shot, render = (request_of(entry, tmp_path) for entry in read_jobs(FORMATS / "jobs-1.json"))
    assert learn == make_request("learn", {
        "clip": SHOTS / "Zoë.mp4", "output": SHOTS / "Zoë", "name": "Zoë", "consent": True, "preset": "standard",
        "albedo": "frame", "resolution": 512, "from_seconds": 1.5, "to_seconds": 9.0}, tmp_path)
    assert perform == make_request("perform", {
        "subject": SHOTS / "Zoë", "speech": SHOTS / "line 1.wav", "output": SHOTS / "line 1.npz", "seed": 4,
        "pose": "replayed"}, tmp_path)
    assert shot == make_request("shot", {
        "subject": SHOTS / "Zoë", "speech": SHOTS / "line 1.wav", "output": SHOTS / "line 1.mp4",
        "blend": SHOTS / "line 1.blend", "performance": SHOTS / "line 1.npz", "plate_fit": 0.5}, tmp_path)
    assert render == make_request("render", {
        "file": SHOTS / "line 1.blend", "output": SHOTS / "again.mp4", "scene": "Scene", "shot": "Zoë Shot"}, tmp_path)


def test_jobs_are_appended_to_a_job_file_of_format_1(tmp_path):
    path = shutil.copyfile(FORMATS / "jobs-1.json", tmp_path / "jobs.json")
    before = [request_of(entry, tmp_path) for entry in read_jobs(path)]
    new = make_request("perform", {"subject": "a", "speech": "b.wav", "output": "c.npz"}, tmp_path)
    assert append_jobs(path, [new]) == 5
    assert [request_of(entry, tmp_path) for entry in read_jobs(path)] == [*before, new]
    assert json.loads(path.read_text(encoding="utf-8"))["headroom"] == 1


def test_a_newer_job_file_is_neither_read_nor_overwritten(tmp_path):
    path, text = tmp_path / "jobs.json", '{"headroom": 2, "jobs": []}'
    path.write_text(text)
    for use in (lambda: read_jobs(path), lambda: append_jobs(path, [])):
        with pytest.raises(InputError, match="written by a newer version of Headroom"):
            use()
    assert path.read_text() == text


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_lacks_what_has_no_default_and_accepts_nothing_else(tmp_path, kind):
    with pytest.raises(InputError, match=f"The {kind} job has no "):
        make_request(kind, {}, tmp_path)
    with pytest.raises(InputError, match=f"A {kind} job has no setting colour"):
        make_request(kind, {"colour": "red"}, tmp_path)


def history(subject_key="subject", frames=range(10, 20)):
    poses = np.random.default_rng(0).normal(size=(len(frames), 3)).astype(np.float32)
    return MatchHistory(subject_key, np.array(frames), poses, -poses, np.arange(len(frames), dtype=np.float64))


def test_a_match_history_of_format_1_fixes_the_positions_of_unchanged_frames():
    poses = np.arange(12, dtype=np.float32).reshape(4, 3)
    fixed = MatchHistory.load(FORMATS / "match-history-1.npz").fixed_positions(
        "digest 25.000000", np.arange(10, 14), poses, -poses)
    assert fixed.tolist() == [0.5, 1.5, 2.5, 7.0]


def test_a_match_history_comes_back_from_its_file(tmp_path):
    history().save(tmp_path / "m.npz")
    loaded = MatchHistory.load(tmp_path / "m.npz")
    assert loaded.subject_key == "subject"
    for name in ("frames", "rotation", "translation", "position"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(history(), name))


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 cut short", "newer"])
def test_a_match_history_that_cannot_be_read_is_empty(tmp_path, content, monkeypatch):
    path = tmp_path / "m.npz"
    if content == "newer":
        monkeypatch.setattr(match_history, "FORMAT", 3)
        history().save(path)
        monkeypatch.undo()
    elif content is not None:
        path.write_bytes(content)
    assert len(MatchHistory.load(path).frames) == 0


def test_only_frames_with_the_same_pose_of_the_same_subject_keep_their_positions():
    old = history()
    rotation = old.rotation.copy()
    rotation[3:5] += 1
    fixed = old.fixed_positions("subject", old.frames, rotation, old.translation)
    assert np.isnan(fixed[3:5]).all() and fixed[[0, 1, 2, 5, 6, 7, 8, 9]].tolist() == [0, 1, 2, 5, 6, 7, 8, 9]
    assert np.isnan(old.fixed_positions("another", old.frames, old.rotation, old.translation)).all()


def test_a_part_that_is_matched_anew_replaces_its_frames_in_the_history_and_no_others():
    old = history()
    part = MatchHistory("subject", old.frames[3:5], old.rotation[3:5] + 1, old.translation[3:5], np.array([7.5, 8.5]))
    new = old.updated(part)
    assert new.frames.tolist() == old.frames.tolist()
    assert new.position.tolist() == [0, 1, 2, 7.5, 8.5, 5, 6, 7, 8, 9]
    assert old.updated(history("another", range(2))).frames.tolist() == [0, 1]


def test_settings_of_a_movie_survive_their_text_and_texts_without_a_format_are_read():
    settings = RenderSettings("Zoë Shot", 20, 24, 0.5, "fast")
    assert RenderSettings.from_json(settings.to_json()) == settings
    of_format_1 = '{"shot": "Zoë Shot", "frame_start": 20, "frame_end": 24, "plate_fit": 0.5}'
    assert RenderSettings.from_json(of_format_1) == RenderSettings("Zoë Shot", 20, 24, 0.5, "auto")
    of_format_2 = of_format_1.replace("{", '{"format": 2, "engine": "fast", ')
    assert RenderSettings.from_json(of_format_2) == RenderSettings("Zoë Shot", 20, 24, 0.5, "fast")


@pytest.mark.parametrize("text", [
    "", "[1]", "3", '{"shot": "a"}', '{"shot": "a", "frame_start": "x"}',
    '{"shot": "a", "frame_start": 1, "frame_end": 2, "plate_fit": 0, "engine": "slow"}'])
def test_settings_of_a_movie_that_cannot_be_read_say_what_to_do(text):
    with pytest.raises(InputError, match="Render the shot again"):
        RenderSettings.from_json(text)


def test_settings_of_a_movie_of_a_newer_version_say_what_to_update():
    newer = json.loads(RenderSettings("a", 1, 2, 0.0, "auto").to_json())
    newer["format"] += 1
    text = json.dumps(newer)
    with pytest.raises(InputError, match="newer version of Headroom"):
        RenderSettings.from_json(text)
