"""Why a button is disabled: every reason, by its cause."""

import warnings
from types import SimpleNamespace

import pytest
from stand_ins import Row, tiny_subject, wide, write_speech


@pytest.fixture
def panel(headroom, tmp_path):
    """A subject in the scene, all settings complete, and a server that gets no request."""
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
    headroom.jobs.stop_all()


def reason(panel, button, **arguments):
    """Return why a button is disabled."""
    with pytest.raises(RuntimeError) as error:
        getattr(panel.bpy.ops.headroom, button)(**arguments)
    return str(error.value)


def start(panel, kind):
    """Start a job beside the window, which runs until the test ends."""

    def task():
        while True:
            yield panel.module("core.tasks").Step(0.0, "working")

    panel.jobs.start_beside_window(panel.jobs.JobSpec(kind, "Another", task(), str))


@pytest.mark.parametrize(("kind", "button", "words"), [
    ("learn", "learn_subject", "Already learning a clip"),
    ("check_clip", "check_clip", "Already checking a clip"),
    ("perform", "perform_speech", "Already performing a speech"),
    ("render", "render_shot", "Already rendering a shot"),
    ("check", "check_backend", "Already checking the backend"),
    ("refine_frame", "refine_frame", "Already refining a frame"),
])
def test_one_job_of_a_kind_at_a_time(panel, kind, button, words):
    start(panel, kind)
    assert words in reason(panel, button)


@pytest.mark.parametrize(("button", "settings", "words"), [
    ("learn_subject", {"from_seconds": 3.0, "to_seconds": 2.0}, "End is before Start"),
    ("perform_speech", {"speech": ""}, "No speech file"),
    ("render_shot", {"output": ""}, "No movie file"),
    ("render_shot", {"output": "//a.mp4"}, "The movie path starts with //, and the .blend file is not saved"),
    ("open_subject", {"subject": ""}, "No subject folder"),
])
def test_a_missing_setting_is_named(panel, button, settings, words):
    for name, value in settings.items():
        setattr(panel.settings, name, value)
    assert words in reason(panel, button)


def test_a_frame_outside_the_shot_is_not_refined(panel):
    panel.scene.frame_set(panel.scene.frame_end + 1)
    assert "The current frame is outside the scene's frame range" in reason(panel, "refine_frame")


def test_only_a_rendered_strip_is_rendered_again(panel):
    assert "The active strip is not a movie from Render Shot" in reason(panel, "redo_render")


@pytest.mark.parametrize(("kind", "settings", "words"), [
    ("perform", {"speech": ""}, "No speech file."),
    ("perform", {"speech_source": "STRIP"}, "No sound strip selected in the sequencer."),
    ("render", {"output": ""}, "No movie file."),
])
def test_a_command_line_needs_the_same_settings(panel, tmp_path, kind, settings, words):
    panel.bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    for name, value in settings.items():
        setattr(panel.settings, name, value)
    assert words in reason(panel, "copy_as_command_line", kind=kind)


@pytest.mark.parametrize(("state", "words"), [
    ("INCOMPLETE", "Backend setup was interrupted"),
    ("OUTDATED", "The backend has another version than the extension"),
    ("INSTALLING", "Setting up the backend"),
    ("VERIFYING", "Verifying the backend"),
    ("REMOVING", "Removing the backend"),
])
def test_the_state_of_the_backend_is_shown(panel, monkeypatch, state, words):
    states = panel.module("core.environment")
    monkeypatch.delenv("HEADROOM_PYTHON", raising=False)
    monkeypatch.setattr(states.Environment, "state", states.State[state])
    panel.module("ui.preferences").preferences(panel.bpy.context).where = "LOCAL"
    assert words in reason(panel, "perform_speech")


def test_a_backend_in_use_cannot_be_removed(panel, monkeypatch):
    states = panel.module("core.environment")
    monkeypatch.setattr(states.Environment, "state", states.State.READY)
    start(panel, "render")
    assert "Jobs are running" in reason(panel, "remove_backend")


def test_blender_in_offline_mode_gives_its_own_reason(panel, monkeypatch):
    app = SimpleNamespace(online_access=False, online_access_override=True)
    monkeypatch.setattr(panel.module("ui.setup"), "bpy", SimpleNamespace(app=app))
    assert "Blender was started with --offline-mode" in reason(panel, "set_up_backend")


def test_a_build_without_the_template_says_so(panel, monkeypatch):
    monkeypatch.setattr(panel.module("scene.build.templates"), "find", lambda name: None)
    assert "This build does not include the shot template" in reason(panel, "new_shot_file")


@pytest.mark.parametrize(("button", "words"), [
    ("mark_as_user_keys", "No generated keys selected"),
    ("blend_to_user_keys", "No user keys"),
    ("clear_user_keys", "No user keys to clear"),
])
def test_a_button_for_user_keys_that_finds_none_says_so(headroom, performed, button, words):
    for action in headroom.bpy.data.actions:
        for curve in headroom.module("scene.compat").curves_in(action):
            curve.keyframe_points.foreach_set("select_control_point", [False] * len(curve.keyframe_points))
    operator = getattr(headroom.module("ui.controls"), f"HEADROOM_OT_{button}")
    assert operator.run(SimpleNamespace(selected=False), headroom.bpy.context) == words


def test_the_panel_names_shots_of_a_newer_version(headroom, monkeypatch):
    monkeypatch.setattr(headroom.module("ui.follow"), "newer_shots", lambda: ["Zoë Shot"])
    row = Row()
    headroom.module("ui.panels").HEADROOM_PT_subject.draw(
        SimpleNamespace(layout=row), wide(scene=headroom.scene, active_object=None))
    assert "Saved by a newer version of Headroom: Zoë Shot. Update the extension" in row.texts


@pytest.mark.parametrize("name", ["clip", "learn_output", "subject", "speech", "output"])
def test_paths_may_begin_at_the_files_folder(panel, name):
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        setattr(panel.settings, name, "//a file")
    assert [str(each.message) for each in warned] == []
