"""The panel's buttons, called as Blender calls them: from a subject to a movie in the sequencer."""

from types import SimpleNamespace

import pytest
from served_panel import open_and_perform
from stand_ins import write_speech


def test_the_steps_from_subject_to_movie_in_the_sequencer(panel, files, tmp_path):
    open_and_perform(panel, files)
    panel.settings.output = str(tmp_path / "shot.mp4")
    assert panel.bpy.ops.headroom.render_shot() == {"FINISHED"}
    strips = panel.module("scene.compat").strips_of(panel.scene)
    sound = panel.module("scene.compat").plays_sound()
    expected = [("MOVIE", 2), ("SOUND", 1)] if sound else [("MOVIE", 1)]
    assert sorted((strip.type, strip.channel) for strip in strips) == expected
    assert panel.bpy.ops.headroom.render_shot() == {"FINISHED"}
    assert len(strips) == len(expected)
    assert [view.state for view in panel.jobs.views()] == ["done"] * 3


def test_the_face_is_selected_when_opened_so_that_the_graph_editor_shows_its_curves(panel, files):
    other = panel.bpy.data.objects.new("Other", None)
    panel.scene.collection.objects.link(other)
    other.select_set(True)
    open_and_perform(panel, files)
    face = panel.module("scene.build.shot").shots_in(panel.scene)[0].face
    assert panel.bpy.context.view_layer.objects.active == face
    assert panel.bpy.context.selected_objects == [face]


def test_performing_again_neither_piles_up_strips_nor_keys(panel, files):
    open_and_perform(panel, files)
    panel.settings.seed = 5
    panel.bpy.ops.headroom.perform_speech()
    assert len(panel.module("scene.compat").strips_of(panel.scene)) == panel.module("scene.compat").plays_sound()
    assert len(panel.bpy.data.actions) == 2 + 2 * 2
    panel.bpy.ops.headroom.perform_speech()
    assert len(panel.bpy.data.actions) == 2 + 2 * 2


def test_several_takes_are_performed_at_once_and_one_more_is_added(panel, backend, files):
    panel.settings.take_count = 3
    open_and_perform(panel, files)
    assert panel.bpy.ops.headroom.add_take() == {"FINISHED"}
    shot = panel.module("scene.build.shot").shots_in(panel.scene)[0]
    assert [take.seed for take in shot.root.headroom.takes] == [0, 1, 2, 3]
    assert [settings["seed"] for kind, _, settings in backend.submitted] == [0, 1, 2, 3]


def test_the_selected_sound_strip_is_performed_where_it_lies(panel, backend, files):
    compat = panel.module("scene.compat")
    panel.settings.subject, panel.settings.speech_source = str(files[0]), "STRIP"
    panel.bpy.ops.headroom.open_subject()
    with pytest.raises(RuntimeError, match="No sound strip selected"):
        panel.bpy.ops.headroom.perform_speech()
    if not compat.plays_sound():
        pytest.skip("this Blender was built without sound")
    backend.seconds = 2.0
    strip = compat.new_strip(panel.scene, "SOUND", "Line 1", write_speech(files[1].with_name("line.wav"), 2.0), 3, 41)
    strip.frame_offset_start, strip.select = 5, True
    assert panel.bpy.ops.headroom.perform_speech() == {"FINISHED"}
    assert len(compat.strips_of(panel.scene)) == 1 and strip.channel == 3
    shot = panel.module("scene.build.shot").shots_in(panel.scene)[0]
    keys = compat.curves_of(shot.face)[0].keyframe_points
    assert (keys[0].co[0], keys[-1].co[0]) == (46, 90)
    assert (panel.scene.frame_start, panel.scene.frame_end) == (46, 90)
    assert panel.scene.sync_mode == "AUDIO_SYNC"


@pytest.mark.parametrize(("button", "settings", "reason"), [
    ("learn_subject", {}, "No clip or photo"),
    ("learn_subject", {"clip": "/a.mp4"}, "No name for the person"),
    ("learn_subject", {"clip": "/a.mp4", "name": "A"}, "consent of the person shown is not confirmed"),
    ("open_subject", {}, "No subject folder"),
    ("perform_speech", {"speech": "/a.wav"}, "No subject in the scene"),
    ("render_shot", {}, "No subject in the scene"),
    ("add_take", {}, "No speech performed yet"),
    ("remove_take", {}, "No subject in the scene"),
    ("reset_controls", {}, "No subject in the scene"),
    ("mark_as_user_keys", {}, "No subject in the scene"),
    ("blend_to_user_keys", {}, "No subject in the scene"),
    ("clear_user_keys", {}, "No subject in the scene"),
    ("follow_selected_strip", {}, "No subject in the scene"),
])
def test_a_disabled_button_shows_the_reason(panel, button, settings, reason):
    for name, value in settings.items():
        setattr(panel.settings, name, value)
    with pytest.raises(RuntimeError, match=reason):
        getattr(panel.bpy.ops.headroom, button)()


def test_without_a_backend_the_buttons_show_the_reason(panel, files, monkeypatch):
    monkeypatch.delenv("HEADROOM_PYTHON", raising=False)
    open_and_perform(panel, files)
    panel.module("ui.preferences").preferences(panel.bpy.context).where = "LOCAL"
    with pytest.raises(RuntimeError, match="The backend is not set up"):
        panel.bpy.ops.headroom.perform_speech()


def test_a_server_elsewhere_needs_online_access(panel):
    preferences = panel.module("ui.preferences")
    preferences.preferences(panel.bpy.context).url = "https://gpu.example.org"
    refused = "Online access is off" in preferences.backend_disabled_reason(panel.bpy.context)
    assert refused == (not panel.bpy.app.online_access)


def test_an_error_of_the_backend_is_reported_and_listed(panel, backend, files):
    backend.fail = "perform"
    with pytest.raises(RuntimeError, match="No luck with perform"):
        open_and_perform(panel, files)
    assert (panel.jobs.views()[0].state, panel.jobs.views()[0].message) == ("failed", "No luck with perform.")


def test_checking_the_backend_waits_until_its_worker_knows_the_device(panel):
    assert panel.bpy.ops.headroom.check_backend() == {"FINISHED"}
    assert panel.jobs.views()[0].message == "The backend is ready. It runs on a fake device."


def test_undo_takes_a_subject_and_a_performance_back(panel, files):
    bpy = panel.bpy
    panel.settings.subject, panel.settings.speech = str(files[0]), str(files[1])
    bpy.ops.ed.undo_push(message="start")
    bpy.ops.headroom.open_subject()
    bpy.ops.ed.undo_push(message="opened")  # what Blender's window manager does after an operator; not in background
    bpy.ops.headroom.perform_speech()
    assert len(bpy.data.actions) == 4
    bpy.ops.ed.undo()
    assert len(bpy.data.actions) == 0 and len(panel.module("scene.build.shot").shots_in(bpy.context.scene)) == 1
    bpy.ops.ed.undo()
    assert not bpy.data.objects
    bpy.ops.ed.redo()
    assert len(panel.module("scene.build.shot").shots_in(bpy.context.scene)) == 1


def test_the_face_alone_is_rendered_to_a_file_that_holds_alpha(panel, files, tmp_path):
    panel.settings.subject, panel.settings.layer = str(files[0]), "face"
    panel.bpy.ops.headroom.open_subject()
    render, movie_file = panel.module("ui.render").HEADROOM_OT_render_shot, panel.module("ui.paths").movie_file
    for output, reason in (("shot.mp4", "The face alone has alpha, which .mov and .png files hold"), ("shot.mov", ""),
                           ("shot.####.png", ""), ("shot", "")):
        panel.settings.output = str(tmp_path / output)
        assert render.missing_setting(panel.bpy.context) == reason
    assert movie_file(panel.bpy.context).name == "shot.mov"
    panel.bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert render.requests(panel.bpy.context)[0].settings["layer"] == "face"
    assert SimpleNamespace(**render.requests(panel.bpy.context)[0].as_json()).layer == "face"
