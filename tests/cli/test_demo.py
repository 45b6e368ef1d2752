"""The demo's order of work; each step of it is tested elsewhere."""

from types import SimpleNamespace

import pytest

from headroom.cli import demo
from headroom.common.errors import HeadroomError


@pytest.fixture
def steps(monkeypatch, tmp_path):
    """The demo's steps without their work; each leaves its file."""
    done = []

    def learn(clip, subject, settings, **more):
        done.append("learn")
        subject.mkdir()
        return ["Learned early."]

    def first_second(subject, speech, movie, progress):
        done.append(movie.name)
        movie.touch()

    def shot(subject, speech, movie, *more):
        done.append(sorted(path.name for path in tmp_path.iterdir()))
        movie.touch()
        return SimpleNamespace(notes=["A note."])

    monkeypatch.setattr("headroom.pipeline.learn", learn)
    monkeypatch.setattr(demo, "find_blender", lambda: None)
    monkeypatch.setattr(demo, "write_first_second", first_second)
    monkeypatch.setattr(demo, "make_shot", shot)
    return done


def test_the_first_second_is_named_and_there_until_the_shot_is_complete(steps, tmp_path, capsys):
    paths, notes = demo.run_demo(tmp_path)
    assert steps == ["learn", "first_second.mp4", ["first_second.mp4", "subject"]]
    assert f"First second of the shot: {tmp_path / 'first_second.mp4'}" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shot.mp4", "subject"]
    assert (paths[1], notes) == (tmp_path / "shot.mp4", ["Learned early.", "A note."])


def test_the_first_second_stays_when_the_shot_fails_and_replaces_no_file(steps, tmp_path, monkeypatch):
    (tmp_path / "first_second.mp4").write_text("the user's")

    def fail(*given):
        raise HeadroomError("Blender failed.")

    monkeypatch.setattr(demo, "make_shot", fail)
    with pytest.raises(HeadroomError):
        demo.run_demo(tmp_path)
    assert (tmp_path / "first_second.mp4").read_text() == "the user's"
    assert steps[1] != "first_second.mp4" and (tmp_path / steps[1]).exists()
