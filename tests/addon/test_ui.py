"""The panel's buttons, called as Blender calls them, and jobs beside the window."""

import threading
import time
from pathlib import Path

import pytest
from stand_ins import FakeBackend, tiny_subject, write_movie, write_speech

from addon.core.movie_output import MovieOutput


@pytest.fixture
def backend():
    return FakeBackend(seconds=0.08)


@pytest.fixture
def panel(headroom, backend, monkeypatch):
    """The add-on with its preferences set to a server that is the fake backend; gives its modules and settings."""
    preferences = headroom.module("ui.preferences")
    chosen = preferences.preferences(headroom.bpy.context)
    chosen.where, chosen.url = "SERVER", "http://127.0.0.1:9"
    monkeypatch.setattr(preferences.Connection, "client", lambda self, address: backend)
    headroom.settings = headroom.scene.headroom
    headroom.jobs = headroom.module("ui.jobs")
    headroom.jobs.clear()
    yield headroom
    headroom.jobs.stop_all()


@pytest.fixture
def files(tmp_path):
    return tiny_subject(tmp_path / "subject"), write_speech(tmp_path / "speech.wav", 0.08)


def open_and_perform(panel, files):
    panel.settings.subject, panel.settings.speech = str(files[0]), str(files[1])
    assert panel.bpy.ops.headroom.open_subject() == {"FINISHED"}
    assert panel.bpy.ops.headroom.perform_speech() == {"FINISHED"}


def settle(panel, seconds=30.0):
    """Call what Blender's timer calls until no job is left."""
    end = time.monotonic() + seconds
    while panel.jobs.update() is not None:
        assert time.monotonic() < end, panel.jobs.views()
        time.sleep(0.01)


def start(panel, task, kind="setup", **settings):
    """Start a job beside the window, which runs while `settle` or `update` is called."""
    panel.jobs.start_beside_window(panel.jobs.JobSpec(kind, "Test", task, **{"summary": str, **settings}))


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


def test_learn_makes_a_subject_and_opens_it(panel, backend, tmp_path, files):
    backend._learn = lambda inputs, settings: {"subject": backend.put_tree(files[0]), "notes": []}
    chosen = panel.settings
    chosen.clip, chosen.name, chosen.consent = str(write_speech(tmp_path / "clip.mp4")), "Zoë / Ann", True
    chosen.learn_output = str(tmp_path / "learned")
    assert panel.bpy.ops.headroom.learn_subject() == {"FINISHED"}
    assert Path(chosen.subject) == tmp_path / "learned" / "Zoë Ann"
    assert len(panel.module("scene.build.shot").shots_in(panel.scene)) == 1
    assert backend.submitted[0][2] == {"preset": "draft", "albedo": "clip", "resolution": 256,
                                       "from_seconds": None, "to_seconds": None, "budget_minutes": None, "face": 0,
                                       "name": "Zoë / Ann", "consent": True}


def start_learning(panel, backend, tmp_path, files, monkeypatch):
    """Press Learn Subject and return the job that it would start beside a window."""
    backend._learn = lambda inputs, settings: {"subject": backend.put_tree(files[0]), "notes": []}
    chosen, started = panel.settings, []
    chosen.clip, chosen.name, chosen.consent = str(write_speech(tmp_path / "clip.mp4")), "Zoë", True
    chosen.learn_output = str(tmp_path / "learned")
    monkeypatch.setattr(panel.jobs, "start", lambda spec: started.append(spec) or spec.title)
    panel.bpy.ops.headroom.learn_subject()
    return started[0]


def test_a_subject_learned_while_another_file_was_opened_is_not_built_there(panel, backend, tmp_path, files,
                                                                            monkeypatch):
    job = start_learning(panel, backend, tmp_path, files, monkeypatch)
    panel.bpy.ops.wm.read_homefile(use_empty=True)
    result = panel.module("core.tasks").run_task(job.task)
    job.apply(result)
    assert job.summary(result) == f"Learned Zoë into {tmp_path / 'learned' / 'Zoë'}."
    assert not panel.bpy.data.objects and (tmp_path / "learned" / "Zoë" / "subject.toml").is_file()


def test_a_learned_subject_opens_in_the_scene_of_the_button_and_the_selection_stays(panel, backend, tmp_path, files,
                                                                                    monkeypatch):
    bpy = panel.bpy
    job = start_learning(panel, backend, tmp_path, files, monkeypatch)
    panel.scene.name = "Renamed"
    bpy.context.window.scene = bpy.data.scenes.new("Scene")
    mine = bpy.data.objects.new("Mine", None)
    bpy.context.scene.collection.objects.link(mine)
    bpy.context.view_layer.objects.active = mine
    job.apply(panel.module("core.tasks").run_task(job.task))
    shots_in = panel.module("scene.build.shot").shots_in
    assert len(shots_in(bpy.data.scenes["Renamed"])) == 1 and not shots_in(bpy.context.scene)
    assert bpy.context.view_layer.objects.active == mine


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


def test_background_work_runs_in_a_thread_and_its_result_is_applied_on_the_main_one(panel):
    tasks, main = panel.module("core.tasks"), threading.get_ident()
    threads, done = [], []

    def work(progress):
        threads.append(threading.get_ident())
        progress.report(0.5, "half")
        return 7

    def task():
        answer = yield tasks.InBackground(work, 0.0, 0.5)
        threads.append(threading.get_ident())
        yield tasks.Step(0.75, "nearly")
        return answer

    start(panel, task(), apply=done.append, summary=lambda result: f"Finished with {result}")
    assert panel.bpy.app.timers.is_registered(panel.jobs.update)
    settle(panel)
    assert done == [7] and threads[0] != main and threads[1] == main
    assert panel.jobs.views()[0].message == "Finished with 7"


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_cancelled_job_cleans_up_and_is_listed_as_cancelled(panel, after):
    tasks, cleaned = panel.module("core.tasks"), []

    def work(progress):
        while True:
            progress.report(0.1, "working")
            time.sleep(0.01)

    def task():
        try:
            yield tasks.Step(0.1, "one")
            yield tasks.InBackground(work)
        finally:
            cleaned.append(True)

    start(panel, task())
    for _ in range(after):
        panel.jobs.update()
        time.sleep(0.03)
    panel.jobs.cancel(panel.jobs.views()[0].number)
    settle(panel)
    assert panel.jobs.views()[0].state == "cancelled"
    assert cleaned == ([True] if after else [])


@pytest.mark.parametrize(("kind", "state"), [("perform", "cancelled"), ("render", "cancelled"),
                                             ("refine_frame", "cancelled"), ("learn", "running")])
def test_opening_another_file_ends_the_jobs_on_this_one_while_its_data_exists(panel, kind, state):
    tasks, cleaned = panel.module("core.tasks"), []
    root = panel.bpy.data.objects.new("Mine", None)

    def task():
        try:
            while True:
                yield tasks.Step(0.1, "working")
        finally:
            cleaned.append(root.name)

    start(panel, task(), kind)
    panel.jobs.update()
    panel.bpy.ops.wm.read_homefile(use_empty=True)
    assert panel.jobs.views()[0].state == state
    assert (panel.jobs.views()[0].message == "Stopped because another file was opened") == (state == "cancelled")
    assert cleaned == (["Mine"] if state == "cancelled" else [])
    assert (panel.jobs.update() is None) == (state == "cancelled")


def test_an_unexpected_error_ends_the_job_and_points_to_the_console(panel):
    def task():
        yield panel.module("core.tasks").Step(0.1, "working")
        raise ZeroDivisionError("nothing to divide by")

    start(panel, task())
    settle(panel)
    view = panel.jobs.views()[0]
    assert (view.state, view.message) == (
        "failed", "Internal error (nothing to divide by). See the system console for details.")


def test_no_timer_is_left_when_the_extension_is_switched_off(panel):
    tasks = panel.module("core.tasks")

    def task():
        while True:
            yield tasks.Step(0.1, "working")

    start(panel, task())
    panel.jobs.update()
    panel.jobs.stop_all()
    assert not panel.bpy.app.timers.is_registered(panel.jobs.update) and panel.jobs.update() is None


def test_a_job_whose_shot_is_gone_says_so_and_leaves_nothing(panel, files, tmp_path):
    open_and_perform(panel, files)
    shot = panel.module("scene.build.shot").shots_in(panel.scene)[0]
    write_movie(tmp_path / "x.mp4", 2)
    task = panel.module("scene.output.shot_tasks").render_shot(shot, MovieOutput(tmp_path / "s.mp4"), 0.0, lambda: None)
    while not isinstance(next(task), panel.module("core.tasks").InBackground):
        pass
    panel.bpy.ops.wm.read_homefile(use_empty=True)
    match = panel.module("core.backend_jobs").Match(None, None, None, None, "")
    with pytest.raises(panel.module("core.errors").HeadroomError, match="no longer in the scene"):
        task.send(match)
    assert not (tmp_path / "s.mp4").exists()


def test_a_job_that_ends_another_one_does_not_stop_the_timer(panel):
    tasks = panel.module("core.tasks")

    def opens_a_file():
        yield tasks.Step(0.1, "opening")
        panel.bpy.ops.wm.read_homefile(use_empty=True)

    def works_on_the_file():
        while True:
            yield tasks.Step(0.1, "working")

    start(panel, opens_a_file())
    start(panel, works_on_the_file(), "render")
    settle(panel)
    assert [view.state for view in panel.jobs.views()] == ["cancelled", "done"]


def test_an_error_while_a_task_cleans_up_neither_hides_its_own_nor_stops_the_timer(panel, capfd):
    tasks = panel.module("core.tasks")

    def work(progress):
        raise panel.module("core.errors").HeadroomError("The first error.")

    def task():
        try:
            yield tasks.InBackground(work)
        finally:
            raise ZeroDivisionError("while cleaning up")

    start(panel, task())
    settle(panel)
    assert (panel.jobs.views()[0].state, panel.jobs.views()[0].message) == ("failed", "The first error.")
    assert "while cleaning up" in capfd.readouterr().err


def test_every_label_is_its_operators_name_in_title_case(panel):
    for operator in panel.module("ui").CLASSES:
        if "_OT_" in operator.__name__:
            label = operator.bl_label
            assert operator.bl_idname == f"headroom.{label.lower().replace(' ', '_')}"
            assert operator.__name__ == f"HEADROOM_OT_{operator.bl_idname.partition('.')[2]}"


def test_tooltips_end_without_a_full_stop_and_every_setting_has_one(panel):
    shown = [panel.module("ui.properties").HeadroomSettings, panel.module("ui.preferences").HeadroomPreferences]
    tooltips = [group.bl_rna.properties[name].description for group in shown for name in group.__annotations__]
    tooltips += [operator.__doc__ for operator in panel.module("ui").CLASSES if "_OT_" in operator.__name__]
    assert [text for text in tooltips if not text or text.endswith(".")] == []


def test_texts_wrap_to_the_width_that_their_letters_need(panel):
    layout = panel.module("ui.layout")
    text = "Only learn people who know how their face will be used and have agreed."
    for width in (120, 190, 400):
        lines = layout.wrapped(text, width, 11.0)
        assert " ".join(lines) == text
        assert all(layout.blf.dimensions(layout.INTERFACE_FONT, line)[0] <= width for line in lines), (width, lines)
    assert len(layout.wrapped(text, 1000, 11.0)) == 1 and len(layout.wrapped(text, 0, 11.0)) > 3


def test_stopping_the_connection_ends_a_start_at_once(panel, tmp_path, monkeypatch):
    monkeypatch.undo()  # the real connection
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    connection, errors = panel.module("core.connection"), []
    made = connection.Connection()

    def start():
        try:
            made.client(connection.Address(python=str(program)))
        except panel.module("core.errors").HeadroomError as error:
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    end = time.monotonic() + 10
    while not made.running and time.monotonic() < end:
        time.sleep(0.01)
    made.stop()
    thread.join(10)
    assert errors and not thread.is_alive() and not made.running
