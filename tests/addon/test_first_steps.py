"""First steps in Blender: setting up the backend, the token, the shot template."""

import sys
from pathlib import Path

import pytest
from stand_ins import tiny_subject, write_speech


@pytest.fixture
def first(headroom, monkeypatch, tmp_path):
    """The add-on as installed, with the environment in a temporary folder."""
    monkeypatch.delenv("HEADROOM_PYTHON", raising=False)
    monkeypatch.delenv("HEADROOM_DATA", raising=False)
    preferences = headroom.module("ui.preferences")
    chosen = preferences.preferences(headroom.bpy.context)
    chosen.where, chosen.python, chosen.url, chosen.token, chosen.package = "LOCAL", "", "", "", ""
    environment = headroom.module("core.environment").Environment(tmp_path / "backend", "0.1.0")
    for name in ("ui.preferences", "ui.setup", "ui.managed_backend"):
        monkeypatch.setattr(headroom.module(name), "environment", lambda: environment)
    headroom.jobs, headroom.environment, headroom.chosen = headroom.module("ui.jobs"), environment, chosen
    headroom.jobs.clear()
    headroom.reason = lambda: preferences.backend_disabled_reason(headroom.bpy.context)
    yield headroom
    headroom.jobs.stop_all()


def write_ready_state(first, environment):
    """Write the state file of a complete installation."""
    states = first.module("core.setup_state")
    states.write_setup_state(environment.folder / "state.json", states.SetupState(True, environment.version))


@pytest.fixture
def online(first, monkeypatch):
    """Blender with Online Access switched on."""
    first.bpy.context.preferences.system.use_online_access = True
    yield first
    first.bpy.context.preferences.system.use_online_access = False


def test_setting_up_installs_the_given_package_and_the_panel_finds_it(online, monkeypatch, tmp_path):
    calls = []
    states = online.module("core.environment")

    def install(self, package, host_python, progress):
        calls.append((package, host_python))
        self.python.parent.mkdir(parents=True)
        self.python.write_text("")
        write_ready_state(online, self)
        return "a fake GPU"

    monkeypatch.setattr(states.Environment, "install", install)
    online.chosen.package = str(tmp_path / "headroom.whl")
    assert online.reason() == "The backend is not set up"
    assert online.bpy.ops.headroom.set_up_backend() == {"FINISHED"}
    assert calls == [(str(tmp_path / "headroom.whl"), sys.executable)]
    assert online.jobs.views()[0].message == "The backend is set up. It runs on a fake GPU."
    address = online.module("ui.preferences").address(online.bpy.context)
    assert online.reason() == "" and address.python == str(online.environment.python)


def test_everything_of_a_local_backend_lies_in_the_extensions_user_folder(headroom, monkeypatch):
    monkeypatch.delenv("HEADROOM_DATA", raising=False)
    user = Path(headroom.bpy.utils.extension_path_user("bl_ext.user_default.headroom"))
    address = headroom.module("ui.preferences").local_address("/usr/bin/python3")
    assert user in Path(address.data).parents
    assert user in headroom.module("ui.managed_backend").environment.__wrapped__().folder.parents


def test_without_online_access_setting_up_says_how_to_allow_it(first):
    assert not first.bpy.app.online_access
    with pytest.raises(RuntimeError, match=r"Online access is off.*under System"):
        first.bpy.ops.headroom.set_up_backend()


def test_a_build_without_the_backend_needs_a_package(online):
    with pytest.raises(RuntimeError, match="does not include the backend"):
        online.bpy.ops.headroom.set_up_backend()


@pytest.mark.parametrize("button", ["verify_backend", "remove_backend"])
def test_a_backend_that_is_not_set_up_can_be_neither_verified_nor_removed(first, button):
    with pytest.raises(RuntimeError, match="The backend is not set up"):
        getattr(first.bpy.ops.headroom, button)()


@pytest.mark.parametrize(("state", "label"), [
    ("NOT_INSTALLED", "Set Up Backend"), ("INCOMPLETE", "Resume Setup"), ("OUTDATED", "Update Backend"),
    ("FAILED", "Repair Backend"), ("READY", "Repair Backend")])
def test_the_setup_button_is_named_after_what_it_does(first, monkeypatch, state, label):
    states = first.module("core.environment")
    monkeypatch.setattr(states.Environment, "state", states.State[state])
    assert first.module("ui.setup").setup_label() == label


def test_removing_deletes_the_folder_and_shows_the_setup_again(first):
    first.environment.folder.mkdir()
    write_ready_state(first, first.environment)
    assert first.bpy.ops.headroom.remove_backend() == {"FINISHED"}
    assert not first.environment.folder.exists() and first.reason() == "The backend is not set up"


def test_using_a_server_needs_its_address(first):
    assert first.bpy.ops.headroom.use_server() == {"FINISHED"}
    assert first.chosen.where == "SERVER" and first.reason() == "No server URL in the preferences"


def test_a_saved_file_holds_neither_token_nor_address(first, tmp_path):
    first.chosen.where, first.chosen.url, first.chosen.token = "SERVER", "http://127.0.0.1:9765", "very-secret-token"
    settings = first.scene.headroom
    settings.subject, settings.speech = str(tiny_subject(tmp_path / "s")), str(write_speech(tmp_path / "a.wav"))
    first.bpy.ops.headroom.open_subject()
    path = tmp_path / "file.blend"
    first.bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=False)
    content = path.read_bytes()
    assert b"very-secret-token" not in content and b"9765" not in content
    assert str(tmp_path / "a.wav").encode() in content  # the search would find it


@pytest.fixture
def template(headroom):
    found = headroom.module("scene.build.templates").find("headroom_shot")
    headroom.bpy.ops.wm.open_mainfile(filepath=str(found))
    return headroom.bpy


def test_the_shot_template_has_the_camera_the_curves_and_the_sequencer_side_by_side(template):
    assert list(template.data.workspaces.keys()) == ["Shot"]
    (screen,) = template.data.workspaces["Shot"].screens
    kinds = sorted(area.type for area in screen.areas)
    assert {"VIEW_3D", "GRAPH_EDITOR", "SEQUENCE_EDITOR"} <= set(kinds)
    view = next(area for area in screen.areas if area.type == "VIEW_3D").spaces.active
    assert view.show_region_ui and view.region_3d.view_perspective == "CAMERA"
    scene = template.context.scene
    assert scene.view_settings.view_transform == "Standard" and scene.sync_mode == "AUDIO_SYNC"


def test_the_users_own_app_template_takes_precedence(headroom):
    templates, bpy = headroom.module("scene.build.templates"), headroom.bpy
    assert templates.find("no such template") is None and not templates.is_installed("headroom_shot")
    own = Path(bpy.utils.user_resource("SCRIPTS", path="startup/bl_app_templates_user/headroom_shot", create=True))
    (own / "startup.blend").write_bytes(templates.find("headroom_shot").read_bytes())
    try:
        assert templates.is_installed("headroom_shot") and templates.find("headroom_shot") == own / "startup.blend"
    finally:
        (own / "startup.blend").unlink()
        own.rmdir()


def test_a_new_shot_file_is_untitled_and_has_the_add_on(headroom):
    bpy = headroom.bpy
    assert bpy.ops.headroom.new_shot_file() == {"FINISHED"}
    assert bpy.data.filepath == "" and bpy.context.scene.name == "Shot"
    assert hasattr(bpy.context.scene, "headroom")
