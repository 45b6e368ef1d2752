"""A learn job that shows the result so far and is finished early, from the button to the backend."""

import threading
import time

import numpy as np
import pytest
from served_panel import settle
from stand_ins import FakeBackend, FakeJob, write_png


class TrainingBackend(FakeBackend):
    """A backend whose learn job shows pictures until it is finished or cancelled."""

    def __init__(self, pictures):
        super().__init__()
        self.pictures = [self.put_file(picture) for picture in pictures]
        self.ended = threading.Event()
        self.finished: list[str] = []

    def events(self, job_id):
        yield FakeJob(job_id, "", "running", 0.3, "Tracking")
        for picture in [*self.pictures, "replaced before it was fetched"]:
            yield FakeJob(job_id, "", "running", 0.5, f"Learning {picture[:3]}", preview=picture)
        self.ended.wait(20)
        yield FakeJob(job_id, "", "cancelled") if self.cancelled else self._jobs[job_id]

    def get_file(self, sha, path):
        if sha not in self.blobs:
            raise self.error("The backend does not hold this file.")
        return super().get_file(sha, path)

    def cancel(self, job_id):
        super().cancel(job_id)
        self.ended.set()

    def finish(self, job_id):
        self.finished.append(job_id)
        self.ended.set()


@pytest.fixture
def backend(tmp_path):
    pictures = [tmp_path / "1.png", tmp_path / "2.png"]
    for number, picture in enumerate(pictures):
        write_png(picture, np.full((8, 16, 3), 100 + number))
    return TrainingBackend(pictures)


@pytest.fixture
def learning(panel, backend, tmp_path):
    """The panel with a learn job that shows its last picture."""
    backend.error = panel.module("core.errors").HeadroomError  # of the installed extension
    task = panel.module("core.backend_jobs")
    clip = tmp_path / "clip.mp4"
    clip.touch()
    in_background = panel.module("core.tasks").InBackground

    def learn():
        notes = yield in_background(lambda token: task.learn(backend, clip, tmp_path / "subject", {}, token))
        return notes

    panel.jobs.start_beside_window(panel.jobs.JobSpec("learn", "Learn Robin", learn(), summary=str))
    end = time.monotonic() + 20
    while "rep" not in panel.jobs.views()[0].message:
        assert time.monotonic() < end
        panel.jobs.update()
        time.sleep(0.01)
    return panel


def test_a_job_shows_the_last_picture_that_arrived(learning, backend):
    view = learning.jobs.views()[0]
    assert view.picture.read_bytes() == backend.blobs[backend.pictures[1]]
    pictures = learning.module("ui.job_pictures")
    view.picture.unlink()  # what the panel shows was loaded when it arrived
    assert len(pictures.icons_of(view.picture)) == 2  # without a window all icons are 0
    halves = [pictures._collection[f"{view.picture} {half}"] for half in pictures.HALVES]
    assert [tuple(half.image_size) for half in halves] == [(8, 8), (8, 8)]
    learning.jobs.cancel(view.number)
    settle(learning)
    assert learning.jobs.views()[0].picture is None and not view.picture.exists()


def test_finish_now_ends_the_job_with_its_result(learning, backend):
    number = learning.jobs.views()[0].number
    assert learning.bpy.ops.headroom.finish_now(number=number) == {"FINISHED"}
    assert learning.jobs.views()[0].state == "finishing"
    settle(learning)
    assert (learning.jobs.views()[0].state, len(backend.finished)) == ("done", 1)


def test_a_job_that_finishes_can_still_be_cancelled(learning, backend, monkeypatch):
    monkeypatch.setattr(backend, "finish", lambda job_id: None)  # it takes long
    number = learning.jobs.views()[0].number
    learning.jobs.finish(number)
    learning.jobs.cancel(number)
    settle(learning)
    assert learning.jobs.views()[0].state == "cancelled" and backend.cancelled


def test_nothing_can_be_finished_before_it_has_learned_something(panel):
    with pytest.raises(RuntimeError, match="No running job has learned anything yet"):
        panel.bpy.ops.headroom.finish_now(number=1)
