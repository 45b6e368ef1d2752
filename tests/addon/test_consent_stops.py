"""A consent that does not cover a use stops the command line, job files and the panel with the backend's sentence."""

import json

import pytest
from stand_ins import tiny_performance, tiny_subject, write_movie, write_speech

local_server = pytest.importorskip("headroom.cli.local_server", reason="other Blender versions run without it")

WITHDRAWN = "[consent]\nwithdrawn = 2020-05-03\n"
FILM = '[consent]\nuses = ["Film A"]\n'


@pytest.fixture(scope="module")
def server():
    """A real backend."""
    with local_server.local_server() as server:
        yield server


@pytest.fixture
def files(tmp_path):
    """A subject whose metadata a real backend reads, a speech and a performance."""
    subject = tiny_subject(tmp_path / "subject")
    write_movie(subject / "plates.mp4", 30, size=(640, 360))
    agree(subject, "")
    return subject, write_speech(tmp_path / "speech.wav", 0.08), tiny_performance(tmp_path / "p.npz", seconds=0.08)


def agree(subject, consent):
    (subject / "subject.toml").write_text(f'format = 3\nname = "Zoë"\n{consent}', encoding="utf-8")


@pytest.fixture
def run(server, monkeypatch, command_line):
    """Run the command line with the real backend."""
    monkeypatch.setenv("HEADROOM_TOKEN", server.token)
    return lambda *arguments: command_line(*arguments, "--url", server.url)


@pytest.fixture
def saved(headroom, files, tmp_path):
    """A saved file with a shot that has a motion."""
    shot = headroom.module("scene.build.shot").open_subject(headroom.scene, files[0])
    take = headroom.module("core.take_settings").TakeSettings(files[1])
    performance = headroom.module("core.performance").Performance.load(files[2])
    headroom.module("scene.output.shot_tasks").apply_performance(shot, performance, take, 1)
    headroom.bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"), copy=True)
    return tmp_path / "shot.blend"


@pytest.mark.parametrize(("consent", "use", "sentence"), [
    (WITHDRAWN, [], "Zoë withdrew their consent on 2020-05-03"),
    ("[consent]\nuntil = 2020-05-02\n", [], "The consent of Zoë ended on 2020-05-02"),
    (FILM, ["--use", "Film C"], "Zoë did not agree to the use Film C, only to: Film A")])
def test_shot_and_perform_stop(run, files, tmp_path, consent, use, sentence):
    subject, speech, performance = files
    agree(subject, consent)
    given = ("--subject", subject, "--speech", speech, *use)
    for words in (("shot", *given, "--output", tmp_path / "shot.mp4"),
                  ("shot", *given, "--output", tmp_path / "shot.mp4", "--performance", performance),
                  ("perform", *given, "--output", tmp_path / "new.npz")):
        code, lines, err = run(*words)
        assert code == 2 and not lines and err[-1].startswith(sentence)
    assert not (tmp_path / "shot.mp4").exists() and not (tmp_path / "new.npz").exists()


def test_render_stops_and_takes_the_use_from_the_file_or_the_command(run, headroom, files, saved, tmp_path):
    render = ("render", "--file", saved, "--output", tmp_path / "shot.mp4")
    agree(files[0], WITHDRAWN)
    assert run(*render)[2][-1].startswith("Zoë withdrew")
    agree(files[0], FILM)
    assert run(*render)[2][-1].startswith("Zoë agreed to these uses only: Film A")
    assert run(*render, "--use", "Film C")[2][-1].startswith("Zoë did not agree to the use Film C")
    assert "not a subject" not in (allowed := run(*render, "--use", "film a")[2][-1]) and "agree" not in allowed
    (root,) = (each for each in headroom.bpy.data.objects if each.get("headroom_role") == "root")
    root.headroom.use = "Film B"
    headroom.bpy.ops.wm.save_as_mainfile(filepath=str(saved), copy=True)
    assert run(*render)[2][-1].startswith("Zoë did not agree to the use Film B")


def test_a_batch_says_it_in_the_line_of_each_job(run, files, saved, tmp_path):
    agree(files[0], WITHDRAWN)
    path = tmp_path / "jobs.json"
    path.write_text(json.dumps({"headroom": 1, "jobs": [
        {"kind": "shot", "subject": "subject", "speech": "speech.wav", "output": "a.mp4", "use": "Film A"},
        {"kind": "render", "file": "shot.blend", "output": "b.mp4"}]}))
    code, lines, _ = run("batch", path)
    assert code == 1 and [line["state"] for line in lines] == ["failed", "failed"]
    assert all(line["error"].startswith("Zoë withdrew their consent on 2020-05-03") for line in lines)


def test_the_panel_shows_the_sentence(headroom, server, files, saved, monkeypatch):
    client = headroom.module("core.client").Client(server.url, server.token)
    monkeypatch.setattr(headroom.module("core.connection").Connection, "client", lambda self, address: client)
    preferences = headroom.module("ui.preferences")
    monkeypatch.setattr(preferences, "backend_disabled_reason", lambda context: "")
    headroom.bpy.ops.wm.open_mainfile(filepath=str(saved), load_ui=False)
    agree(files[0], FILM)
    settings = headroom.bpy.context.scene.headroom
    settings.output, settings.speech = str(saved.with_suffix(".mp4")), str(files[1])
    (root,) = (each for each in headroom.bpy.data.objects if each.get("headroom_role") == "root")
    root.headroom.use = "Film C"
    for button in ("render_shot", "perform_speech", "refine_frame"):
        with pytest.raises(RuntimeError, match="Zoë did not agree to the use Film C, only to: Film A"):
            getattr(headroom.bpy.ops.headroom, button)()
