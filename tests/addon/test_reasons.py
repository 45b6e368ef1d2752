"""Why a button cannot be pressed: every reason, by what causes it."""

import warnings
from types import SimpleNamespace

import pytest
from stand_ins import tiny_subject, write_speech


@pytest.fixture
def panel(headroom, tmp_path):
    """A subject open, everything filled in, a server that is not asked."""
    chosen = headroom.module("ui.preferences").preferences(headroom.bpy.context)
    chosen.where, chosen.url = "SERVER", "http://127.0.0.1:9"
    settings = headroom.scene.headroom
    settings.clip, settings.name, settings.consent, settings.from_seconds = str(tmp_path / "a.mp4"), "A", True, 0.0
    settings.subject, settings.speech = str(tiny_subject(tmp_path / "s")), str(write_speech(tmp_path / "a.wav"))
    settings.output, settings.to_seconds, settings.resolution = str(tmp_path / "a.mp4"), 0.0, "256"
    headroom.bpy.ops.headroom.open_subject()
    headroom.settings, headroom.jobs = settings, headroom.module("ui.jobs")
    headroom.jobs.clear()
    yield headroom
    headroom.jobs._views.clear()


def reason(panel, button, **arguments):
    with pytest.raises(RuntimeError) as refused:
        getattr(panel.bpy.ops.headroom, button)(**arguments)
    return str(refused.value)


@pytest.mark.parametrize(("kind", "button", "words"), [
    ("learn", "learn", "A clip is being learnt"),
    ("perform", "perform", "A speech is being performed"),
    ("render", "render_shot", "A shot is being rendered"),
    ("check", "check_backend", "The check is under way"),
    ("refine_frame", "refine_frame", "A frame is being refined"),
])
def test_one_job_of_a_kind_at_a_time(panel, kind, button, words):
    panel.jobs._views[1] = panel.jobs.JobView(1, kind, "Another")
    assert words in reason(panel, button)


@pytest.mark.parametrize(("button", "settings", "words"), [
    ("learn", {"from_seconds": 3.0, "to_seconds": 2.0}, "The part of the clip ends before it begins"),
    ("learn", {"resolution": "512", "preset": "draft"}, "512 pixels needs the preset Standard or Paper"),
    ("perform", {"speech": ""}, "Choose a speech file"),
    ("render_shot", {"output": ""}, "Choose a movie file to write"),
    ("render_shot", {"output": "//a.mp4"}, "Save the file first, or choose a movie path"),
    ("open_subject", {"subject": ""}, "Choose a subject's folder"),
])
def test_what_is_missing_is_named(panel, button, settings, words):
    for name, value in settings.items():
        setattr(panel.settings, name, value)
    assert words in reason(panel, button)


def test_a_frame_outside_of_the_shot_is_not_refined(panel):
    panel.scene.frame_set(panel.scene.frame_end + 1)
    assert "Move to a frame between the scene's first and last one" in reason(panel, "refine_frame")


def test_only_a_rendered_strip_is_rendered_again(panel):
    assert "Select a movie strip that Render Shot made" in reason(panel, "redo_render")


@pytest.mark.parametrize(("kind", "settings", "words"), [
    ("perform", {"speech": ""}, "Choose a speech file."),
    ("perform", {"speech_source": "STRIP"}, "Select a sound strip in the sequencer."),
    ("render", {"output": ""}, "Choose a movie file to write."),
])
def test_a_command_line_needs_the_same(panel, tmp_path, kind, settings, words):
    panel.bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    for name, value in settings.items():
        setattr(panel.settings, name, value)
    assert words in reason(panel, "copy_command", kind=kind)


@pytest.mark.parametrize(("state", "words"), [
    ("INCOMPLETE", "Setting up the backend was interrupted"),
    ("OUTDATED", "The backend is of another version than the extension"),
    ("INSTALLING", "The backend is being set up"),
    ("VERIFYING", "The backend is being verified"),
    ("REMOVING", "The backend is being removed"),
])
def test_how_the_backend_stands_is_said(panel, monkeypatch, state, words):
    states = panel.module("core.environment")
    monkeypatch.delenv("HEADROOM_PYTHON", raising=False)
    monkeypatch.setattr(states.Environment, "state", states.State[state])
    panel.module("ui.preferences").preferences(panel.bpy.context).where = "LOCAL"
    assert words in reason(panel, "perform")


def test_a_backend_in_use_is_left_alone(panel, monkeypatch):
    states = panel.module("core.environment")
    monkeypatch.setattr(states.Environment, "state", states.State.READY)
    panel.jobs._views[1] = panel.jobs.JobView(1, "render", "Another")
    assert "Wait until the running jobs have ended" in reason(panel, "remove_backend")


def test_blender_in_offline_mode_is_told_apart(panel, monkeypatch):
    app = SimpleNamespace(online_access=False, online_access_override=True)
    monkeypatch.setattr(panel.module("ui.setup"), "bpy", SimpleNamespace(app=app))
    assert "Blender was started in offline mode" in reason(panel, "setup_backend")


def test_a_build_without_a_template_says_so(panel, monkeypatch):
    monkeypatch.setattr(panel.module("scene.build.templates"), "find", lambda name: None)
    assert "This build of the extension has no shot template" in reason(panel, "new_shot")


def test_a_doctor_that_fails_is_quoted(headroom, tmp_path):
    environment, tasks = headroom.module("core.environment"), headroom.module("core.tasks")
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho 'a library is gone'\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(headroom.module("core.errors").HeadroomError,
                       match=r"The backend's doctor failed: a library is gone\. Repair"):
        environment._findings(program, tasks.ProgressToken(lambda step: None))


@pytest.mark.parametrize("name", ["clip", "learn_output", "subject", "speech", "output"])
def test_paths_may_begin_at_the_files_folder(panel, name):
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        setattr(panel.settings, name, "//a file")
    assert [str(each.message) for each in warned] == []
