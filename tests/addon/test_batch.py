"""Job files, written by the panel and run by the command line, and what the command line prints for each job."""

import json
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from stand_ins import FakeBackend, tiny_subject, write_movie, write_speech

FORMATS = Path(__file__).resolve().parents[1] / "formats"


@pytest.fixture
def backend():
    return FakeBackend(seconds=0.08)


@pytest.fixture
def files(tmp_path):
    subject = tiny_subject(tmp_path / "subject")
    write_movie(subject / "plates.mp4", 30, size=(640, 360))
    return subject, write_speech(tmp_path / "a speech.wav", 0.08)


def job_file(folder, *jobs):
    path = folder / "jobs.json"
    path.write_text(json.dumps({"headroom": 1, "jobs": jobs}), encoding="utf-8")
    return path


def test_a_batch_continues_after_a_failed_job_and_exits_with_1(run, files, tmp_path):
    path = job_file(tmp_path, {"kind": "perform", "subject": "subject", "speech": "missing.wav", "output": "a.npz"},
                    {"kind": "sing"}, "perform",
                    {"kind": "perform", "subject": "subject", "speech": "a speech.wav", "output": "b.npz", "seed": 2})
    code, lines, err = run("batch", path)
    assert code == 1, err
    assert [(line["job"], line["state"]) for line in lines] == [(1, "failed"), (2, "failed"), (3, "failed"),
                                                                (4, "done")]
    assert "does not exist" in lines[0]["error"] and "no job of kind 'sing'" in lines[1]["error"]
    assert lines[3]["performance"] == str(tmp_path / "b.npz") and np.load(tmp_path / "b.npz")["expression"].size


def test_a_batch_whose_jobs_all_succeed_exits_with_0(run, backend, files, tmp_path):
    path = job_file(tmp_path, {"kind": "shot", "subject": "subject", "speech": "a speech.wav", "output": "out/s.mp4",
                               "blend": "out/s.blend"},
                    {"kind": "render", "file": "out/s.blend", "output": "out/again.mp4", "plate_fit": 0.5,
                     "engine": "fast"})
    code, lines, err = run("batch", path)
    assert code == 0, (lines, err)
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == ["again.mp4", "headroom_s", "s.blend", "s.mp4"]
    assert lines[1]["frames"] == 2
    assert [settings["plate_fit"] for kind, _, settings in backend.submitted if kind == "match_plates"] == [0.0, 0.5]
    assert [inputs["renders"] for kind, inputs, _ in backend.submitted if kind == "refine"][-1] == [None, None]


@pytest.fixture
def older_file(headroom, files, tmp_path, monkeypatch, capfd):
    """A file of format 1 that names the subject and the speech of `files`."""
    bpy, path = headroom.bpy, tmp_path / "older.blend"
    with monkeypatch.context() as patch:
        patch.setattr(headroom.module("ui.follow"), "upgrade_file", lambda: [])
        bpy.ops.wm.open_mainfile(filepath=str(FORMATS / "shot_1.blend"), load_ui=False)
        (root,) = (each for each in bpy.data.objects if each.get("headroom_role") == "root")
        root["headroom_subject"], root["headroom_speech"] = (str(each) for each in files)
        for sound in bpy.data.sounds:
            sound.filepath = str(files[1])
        bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True)
        assert "headroom_format" not in root
    capfd.readouterr()  # what Blender says about saving
    return path


def test_a_file_of_an_older_format_is_upgraded_and_rendered(run, headroom, backend, older_file, tmp_path):
    code, lines, err = run("render", "--file", older_file, "--output", tmp_path / "shot.mp4", "--engine", "eevee")
    assert code == 0, err
    scene = headroom.bpy.context.scene
    frames = scene.frame_end - scene.frame_start + 1
    assert lines == [{"movie": str(tmp_path / "shot.mp4"), "frames": frames, "notes": []}] and frames > 1
    assert [len(inputs["renders"]) for kind, inputs, _ in backend.submitted if kind == "refine"] == [frames]


def test_an_unexpected_error_in_one_job_does_not_end_the_batch(run, headroom, files, tmp_path, monkeypatch):
    def fail(*args):
        raise ZeroDivisionError("unexpected")

    monkeypatch.setattr(headroom.module("core.backend_jobs"), "perform", fail)
    perform = {"kind": "perform", "subject": "subject", "speech": "a speech.wav", "output": "a.npz"}
    code, lines, _ = run("batch", job_file(tmp_path, perform, perform))
    assert code == 1 and [line["state"] for line in lines] == ["failed", "failed"]
    assert "Internal error (ZeroDivisionError: unexpected)" in lines[0]["error"]


@pytest.mark.parametrize(("content", "words"), [
    ("{", "not a job file"), ("[]", "not a job file"), ('{"headroom": 2, "jobs": []}', "newer version")])
def test_a_file_without_jobs_gives_one_message(run, tmp_path, content, words):
    path = tmp_path / "jobs.json"
    path.write_text(content)
    code, lines, err = run("batch", path)
    assert (code, lines) == (2, []) and words in err[-1]
    code, _, err = run("batch", tmp_path / "none.json")
    assert code == 2 and "Cannot read" in err[-1]


@pytest.mark.parametrize(("entry", "words"), [
    ({"kind": "learn", "clip": "a.mp4"}, "has no output"),
    ({"kind": "learn", "clip": "a.mp4", "output": "b", "preset": "best"}, "draft or standard or paper"),
    ({"kind": "learn", "clip": "a.mp4", "output": "b", "consent": 1}, "true or false"),
    ({"kind": "learn", "clip": "a.mp4", "output": "b", "resolution": 300}, "must be auto or 256 or 512, not"),
    ({"kind": "perform", "subject": "a", "speech": "b", "output": "c", "seed": True}, "whole number"),
    ({"kind": "perform", "subject": "a", "speech": "b", "output": "c", "volume": 3}, "no setting volume"),
    ({"kind": "perform", "subject": "", "speech": "b", "output": "c"}, "empty"),
])
def test_an_invalid_entry_gives_a_message(headroom, tmp_path, entry, words):
    jobfile, errors = headroom.module("core.job_file"), headroom.module("core.errors")
    with pytest.raises(errors.InputError, match=words):
        jobfile.request_of(entry, tmp_path)


def test_rendering_a_file_without_a_shot_gives_a_message(run, headroom, tmp_path, capfd):
    headroom.bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "empty.blend"))
    capfd.readouterr()
    code, _, err = run("render", "--file", tmp_path / "empty.blend", "--output", tmp_path / "s.mp4")
    assert code == 2 and "There is no shot in the scene" in err[-1]
    code, _, err = run("render", "--file", tmp_path / "empty.blend", "--output", tmp_path / "s.mp4", "--scene", "X")
    assert code == 2 and "has no scene X" in err[-1]
    (tmp_path / "broken.blend").write_bytes(b"no")
    code, _, err = run("render", "--file", tmp_path / "broken.blend", "--output", tmp_path / "s.mp4")
    assert code == 2 and "cannot open" in err[-1]


def test_a_server_elsewhere_needs_online_access_on_the_command_line_too(run, headroom, files, tmp_path):
    assert not headroom.bpy.app.online_access
    code, _, err = run("perform", "--subject", files[0], "--speech", files[1], "--output", tmp_path / "p.npz",
                       "--url", "https://gpu.example.org")
    assert code == 2 and "Online access is off" in err[-1] and "--online-mode" in err[-1]


@pytest.fixture
def panel(headroom, files):
    """The panel with complete settings and a subject in the scene."""
    settings = headroom.scene.headroom
    settings.subject, settings.speech, settings.seed = str(files[0]), str(files[1]), 4
    headroom.bpy.ops.headroom.open_subject()
    headroom.requests = lambda kind: headroom.module("ui.command_line").requests_of(headroom.bpy.context, kind)
    headroom.request = lambda kind: headroom.requests(kind)[0]
    return headroom


def fill_in(panel, tmp_path):
    """Fill in the settings for learning and rendering, and save the file."""
    settings = panel.scene.headroom
    settings.clip, settings.name, settings.consent = str(tmp_path / "Zoë's clip.mp4"), "Zoë", True
    settings.albedo, settings.pose = "frame", "replayed"
    settings.from_seconds, settings.learn_output = 1.5, str(tmp_path / "people")
    settings.output, settings.plate_fit = str(tmp_path / "shot.mp4"), 0.25
    panel.bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "my shot.blend"))


@pytest.mark.parametrize("kind", ["learn", "perform", "render"])
def test_the_command_line_the_job_file_and_the_panel_describe_the_same_job(panel, tmp_path, kind):
    fill_in(panel, tmp_path)
    request, jobfile, cli = panel.request(kind), panel.module("core.job_file"), panel.module("cli")
    args = cli.parser().parse_args(request.arguments())
    given = {name: getattr(args, name) for name in jobfile.KINDS[kind]}
    assert jobfile.make_request(kind, given, tmp_path) == request
    path = tmp_path / "jobs.json"
    jobfile.append_jobs(path, [request])
    assert jobfile.request_of(jobfile.read_jobs(path)[0], tmp_path / "elsewhere") == request


def test_copying_puts_a_quoted_command_on_the_clipboard(panel, tmp_path):
    fill_in(panel, tmp_path)
    command_line = panel.module("ui.command_line")
    assert panel.bpy.ops.headroom.copy_as_command_line(kind="learn") == {"FINISHED"}
    words = ["blender", *panel.request("learn").arguments()]
    if sys.platform != "win32":
        assert shlex.split(command_line.shell_line(words)) == words
    assert str(tmp_path / "people" / "Zoë") in words and "--consent" in words


def test_jobs_are_added_to_a_file_one_after_the_other(panel, tmp_path):
    path = tmp_path / "night.json"
    for seed in (4, 5):
        panel.scene.headroom.seed = seed
        assert panel.bpy.ops.headroom.add_to_job_file(kind="perform", filepath=str(path)) == {"FINISHED"}
    content = json.loads(path.read_text(encoding="utf-8"))
    assert [job["seed"] for job in content["jobs"]] == [4, 5]
    assert list(tmp_path.glob(".night*")) == []


def test_the_command_of_perform_has_the_speech_that_the_button_uses(panel, tmp_path):
    compat = panel.module("scene.compat")
    if not compat.plays_sound():
        pytest.skip("this Blender was built without sound")
    settings = panel.scene.headroom
    settings.pose = "replayed"
    strip = compat.new_strip(panel.scene, "SOUND", "Line 1", write_speech(tmp_path / "line.wav"), 3, 41)
    strip.select = True
    for source, name in (("FILE", "a speech.wav"), ("STRIP", "line.wav")):
        settings.speech_source = source
        settings_of_job = panel.request("perform").settings
        assert (settings_of_job["speech"].name, settings_of_job["pose"]) == (name, "replayed")
        assert settings_of_job["output"].name == f"{Path(name).stem} performance.npz"


def test_several_takes_are_as_many_commands_and_jobs(panel, tmp_path):
    panel.scene.headroom.take_count = 3
    requests, path = panel.requests("perform"), tmp_path / "jobs.json"
    assert [request.settings["seed"] for request in requests] == [4, 5, 6]
    assert requests[1].settings["output"].name == "a speech performance, seed 5.npz"
    panel.bpy.ops.headroom.add_to_job_file(kind="perform", filepath=str(path))
    jobfile = panel.module("core.job_file")
    assert [jobfile.request_of(entry, tmp_path) for entry in jobfile.read_jobs(path)] == requests


def test_the_command_of_render_names_the_selected_head_and_renders_it(panel, run, backend, files, tmp_path, capfd):
    panel.module("scene.build.shot").open_subject(panel.scene, tiny_subject(tmp_path / "other", albedo=(90, 80, 70)))
    panel.scene.frame_end = 2
    fill_in(panel, tmp_path)
    request = panel.request("render")
    assert request.settings["shot"] == "Zoë Shot"
    capfd.readouterr()  # what Blender prints when it saves
    code, lines, err = run(*request.arguments())
    assert (code, lines[0]["frames"]) == (0, 2), err
    assert backend.submitted[-1][1]["subject"] == backend.put_tree(files[0])
    code, _, err = run("render", "--file", request.settings["file"], "--output", tmp_path / "s.mp4", "--shot", "Nobody")
    assert code == 2 and "The shot Nobody is no longer in the scene" in err[-1]


@pytest.mark.parametrize(("output", "written"), [
    ("shot", "shot.mp4"), ("shot.mov", "shot.mov"), ("shot.avi", "shot.avi.mp4"), ("shot/", None)])
def test_the_command_of_render_writes_where_the_button_would(panel, tmp_path, output, written):
    fill_in(panel, tmp_path)
    panel.scene.headroom.output = f"{tmp_path}/{output}"
    if written is None:
        with pytest.raises(panel.module("core.errors").InputError, match="No movie file"):
            panel.request("render")
    else:
        assert panel.request("render").settings["output"] == tmp_path / written


@pytest.mark.parametrize(("kind", "words"), [("learn", "No clip or photo"), ("render", "Save the .blend file first")])
def test_a_command_line_with_a_missing_setting_gives_a_message(panel, kind, words):
    panel.scene.headroom.output = "/a.mp4"
    with pytest.raises(RuntimeError, match=words):
        panel.bpy.ops.headroom.copy_as_command_line(kind=kind)


def table_row(kind, name, setting, required):
    """Return a setting as a line of the table in the guide."""
    names = {str: "text", bool: "true or false", int: "a whole number", float: "a number",
             tuple: "list of SUBJECT=SPEECH"}
    what = " or ".join(map(str, setting.choices)) or names.get(setting.value_type, "path")
    default = "needed" if setting.default is required else json.dumps(setting.default).strip('"')
    default = {"": "empty", "null": "nothing", "[]": "nobody"}.get(default, default)
    return f"| {kind} | `{name}` | {what} | {default} | {setting.summary} |"


def test_the_guide_lists_every_setting_as_it_is(headroom):
    jobfile = headroom.module("core.job_file")
    guide = (Path(__file__).resolve().parents[2] / "docs" / "batch.md").read_text(encoding="utf-8")
    listed = [line for line in guide.splitlines() if line.count("|") == 6 and "`" in line]
    assert listed == [table_row(kind, name, setting, jobfile.REQUIRED)
                      for kind, settings in jobfile.KINDS.items() for name, setting in settings.items()]


def test_a_plan_tells_what_each_job_reads_and_writes_and_runs_none(run, backend, files, tmp_path):
    path = job_file(tmp_path, {"kind": "shot", "subject": "subject", "speech": "a speech.wav", "output": "s.mp4",
                               "blend": "s.blend"}, {"kind": "sing"})
    code, lines, err = run("batch", path, "--plan")
    assert code == 0, err
    assert lines[0] == {"job": 1, "kind": "shot", "state": "queued",
                        "reads": [str(tmp_path / "subject"), str(tmp_path / "a speech.wav")],
                        "writes": [str(tmp_path / "s.mp4"), str(tmp_path / "s.blend")]}
    assert lines[1]["state"] == "failed" and not (tmp_path / "s.mp4").exists()


def test_one_job_of_a_file_runs_alone(run, files, tmp_path):
    jobs = [{"kind": "perform", "subject": "subject", "speech": "a speech.wav", "output": f"{name}.npz"}
            for name in "ab"]
    code, lines, _ = run("batch", job_file(tmp_path, *jobs), "--only", "2")
    assert code == 0 and [line["job"] for line in lines] == [2]
    assert (tmp_path / "b.npz").exists() and not (tmp_path / "a.npz").exists()
    code, lines, err = run("batch", tmp_path / "jobs.json", "--only", "3")
    assert code == 2 and lines == [] and "has no job 3. Choose one from 1 to 2." in err[-1]


@pytest.mark.parametrize("kind", ["learn", "perform", "shot", "render", "evaluate"])
def test_every_path_that_a_command_writes_is_marked_so(headroom, kind):
    settings = headroom.module("core.job_file").KINDS[kind]
    written = {"output", "blend", "movies"} & settings.keys()
    assert {name for name, setting in settings.items() if setting.written} == written


@pytest.mark.parametrize("movies", [None, "made"])
def test_an_evaluation_writes_its_figures_and_on_request_the_movies(run, backend, tmp_path, movies):
    (tmp_path / "clip.mp4").write_bytes(b"clip")
    job = {"kind": "evaluate", "clip": "clip.mp4", "output": "figures.json", "train_seconds": 6}
    code, (line,), err = run("batch", job_file(tmp_path, {**job, "movies": movies} if movies else job))
    assert code == 0, err
    assert line["tables"] == {"prediction": {"psnr_face": 27.7}} and line["notes"] == ["Two faces; kept one."]
    assert line["figures"] == str(tmp_path / "figures.json") and json.loads((tmp_path / "figures.json").read_text())
    assert [each.name for each in (tmp_path / "made").glob("*")] == (["truth.mp4"] if movies else [])
    (kind, inputs, settings) = backend.submitted[-1]
    assert (kind, inputs["clip_name"]) == ("evaluate", "clip.mp4")
    assert settings == {"train_seconds": 6.0, "preset": "draft", "movies": movies is not None}
