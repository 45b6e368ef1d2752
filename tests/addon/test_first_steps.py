"""First steps in Blender: what is missing and the button that fixes it, the token, the shot template."""

import importlib
import sys
from pathlib import Path

import pytest
from stand_ins import tiny_subject, write_speech


@pytest.fixture
def first(headroom, monkeypatch, tmp_path):
    """The add-on as it is after installation, with an environment in a folder of the test's."""
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
    headroom.missing = lambda: preferences.missing(headroom.bpy.context)
    yield headroom
    headroom.jobs.stop_all()


@pytest.fixture
def online(first, monkeypatch):
    """Blender with Online Access switched on."""
    first.bpy.context.preferences.system.use_online_access = True
    yield first
    first.bpy.context.preferences.system.use_online_access = False


def test_setting_up_installs_the_given_package_and_the_panel_finds_it(online, monkeypatch, tmp_path):
    asked = []
    states = online.module("core.environment")

    def install(self, package, host_python, watch):
        asked.append((package, host_python))
        self.python.parent.mkdir(parents=True)
        self.python.write_text("")
        self._write(states.Record(True, self.version))
        return "a fake GPU"

    monkeypatch.setattr(states.Environment, "install", install)
    online.chosen.package = str(tmp_path / "headroom.whl")
    assert online.missing() == "The backend is not set up yet"
    assert online.bpy.ops.headroom.setup_backend() == {"FINISHED"}
    assert asked == [(str(tmp_path / "headroom.whl"), sys.executable)]
    assert online.jobs.views()[0].message == "The backend is set up. It runs on a fake GPU."
    address = online.module("ui.preferences").address(online.bpy.context)
    assert online.missing() == "" and address.python == str(online.environment.python)


def test_everything_of_a_local_backend_lies_in_the_extensions_user_folder(headroom, monkeypatch):
    monkeypatch.delenv("HEADROOM_DATA", raising=False)
    user = Path(headroom.bpy.utils.extension_path_user("bl_ext.user_default.headroom"))
    address = headroom.module("ui.preferences").local("/usr/bin/python3")
    assert user in Path(address.data).parents
    assert user in headroom.module("ui.managed_backend").environment.__wrapped__().folder.parents


def test_without_online_access_setting_up_says_how_to_allow_it(first):
    assert not first.bpy.app.online_access
    with pytest.raises(RuntimeError, match=r"Online Access is off.*under System"):
        first.bpy.ops.headroom.setup_backend()


def test_a_build_without_a_backend_asks_for_a_wheel(online):
    with pytest.raises(RuntimeError, match="carries no backend"):
        online.bpy.ops.headroom.setup_backend()


@pytest.mark.parametrize("button", ["verify_backend", "remove_backend"])
def test_what_is_not_set_up_can_be_neither_verified_nor_removed(first, button):
    with pytest.raises(RuntimeError, match=r"Set up the backend first|no backend to remove"):
        getattr(first.bpy.ops.headroom, button)()


@pytest.mark.parametrize(("state", "verb"), [
    ("NOT_INSTALLED", "Set Up Backend"), ("INCOMPLETE", "Go On Setting Up"), ("OUTDATED", "Update Backend"),
    ("FAILED", "Repair Backend"), ("READY", "Repair Backend")])
def test_the_button_is_called_after_what_it_will_do(first, monkeypatch, state, verb):
    states = first.module("core.environment")
    monkeypatch.setattr(states.Environment, "state", states.State[state])
    assert first.module("ui.managed_backend").verb() == verb


def test_removing_asks_nothing_of_the_backend_and_brings_back_the_first_panel(first):
    states = first.module("core.environment")
    first.environment.folder.mkdir()
    first.environment._write(states.Record(True, "0.1.0"))
    assert first.bpy.ops.headroom.remove_backend() == {"FINISHED"}
    assert not first.environment.folder.exists() and first.missing() == "The backend is not set up yet"


def test_using_a_server_asks_for_its_address(first):
    assert first.bpy.ops.headroom.use_server() == {"FINISHED"}
    assert first.chosen.where == "SERVER" and first.missing() == "Enter the server's URL in the preferences"


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


def test_the_users_own_app_template_is_found_before_ours(headroom):
    templates, bpy = headroom.module("scene.build.templates"), headroom.bpy
    assert templates.find("no such template") is None and not templates.is_installed("headroom_shot")
    own = Path(bpy.utils.user_resource("SCRIPTS", path="startup/bl_app_templates_user/headroom_shot", create=True))
    (own / "startup.blend").write_bytes(templates.find("headroom_shot").read_bytes())
    try:
        assert templates.is_installed("headroom_shot") and templates.find("headroom_shot") == own / "startup.blend"
    finally:
        (own / "startup.blend").unlink()
        own.rmdir()


def test_a_new_shot_file_is_untitled_and_keeps_the_add_on(headroom):
    bpy = headroom.bpy
    assert bpy.ops.headroom.new_shot() == {"FINISHED"}
    assert bpy.data.filepath == "" and bpy.context.scene.name == "Shot"
    assert hasattr(bpy.context.scene, "headroom")
    assert importlib.import_module("bl_ext.user_default.headroom.ui.new_shot").TEMPLATE == "headroom_shot"
