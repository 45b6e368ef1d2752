"""Jobs beside the window: threads, cancelling, errors, and other files that are opened meanwhile."""

import threading
import time
from dataclasses import replace

import pytest
from caching_backend import render_task
from served_panel import open_and_perform, settle, start
from stand_ins import write_movie

from addon.core.movie_output import MovieOutput


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
    tasks = panel.module("scene.output.movie_tasks")
    task = render_task(tasks, [shot], MovieOutput(tmp_path / "s.mp4"), lambda: None)
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


def test_a_job_says_how_long_it_still_takes_once_that_is_known(panel, monkeypatch):
    job_list, view = panel.module("ui.job_list"), panel.jobs.JobView(1, "learn", "Learn Subject", started=1000.0)
    for elapsed, fraction, text in ((5, 0.5, "50%"), (300, 0.01, "1%"), (30, 0.4, "40 %, about 45 s left"),
                                    (600, 0.5, "50 %, about 10 min left")):
        monkeypatch.setattr(job_list.time, "monotonic", lambda elapsed=elapsed: 1000.0 + elapsed)
        assert job_list.progress_text(replace(view, fraction=fraction)) == text
