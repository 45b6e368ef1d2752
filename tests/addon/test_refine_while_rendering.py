"""Refining while rendering over a fake backend: which groups are sent, and what errors and cancellation do."""

import threading
import time

import numpy as np
import pytest
from stand_ins import FakeBackend, tiny_subject

from addon.core import backend_jobs
from addon.core.errors import Cancelled, HeadroomError
from addon.core.frame_cache import Render
from addon.core.refine_while_rendering import GROUP, THREAD_NAME, RefineWhileRendering
from addon.core.tasks import ProgressToken


class Backend(FakeBackend):
    """Ends each refine_frames job as `ends` says: done, failed or cancelled."""

    def __init__(self, *ends):
        super().__init__()
        self.ends, self.first_frames = list(ends), []

    def submit(self, kind, inputs, settings):
        job = super().submit(kind, inputs, settings)
        if kind == "refine_frames":
            self.first_frames.append(settings["first"] + settings["context"])
            end = self.ends.pop(0) if self.ends else "done"
            job = self._jobs[job.id] = type(job)(job.id, kind, end, message=f"It {end}.", result=job.result)
        return job


def wait_until(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "the condition never became true"
        time.sleep(0.005)


def threads():
    return [thread for thread in threading.enumerate() if thread.name == THREAD_NAME]


@pytest.fixture
def shot(tmp_path):
    """The subject, its match and a render for each frame of four groups."""
    subject, frames = backend_jobs.SubjectUse(tiny_subject(tmp_path / "s")), 4 * GROUP
    poses = backend_jobs.Poses(25.0, np.zeros((frames, 3)), np.zeros((frames, 3)), np.full(frames, np.nan))
    backend = FakeBackend()
    match = backend_jobs.match_plates(backend, subject, poses, 0.0, tmp_path, ProgressToken(lambda step: None))
    renders = [tmp_path / f"{frame}.png" for frame in range(frames)]
    for render in renders:
        render.write_bytes(render.name.encode())
    return subject, match, [Render(render, None) for render in renders]


def add_group(refining, shot, group, is_new=True):
    for index in range(group * GROUP, (group + 1) * GROUP):
        refining.add(index, shot[2][index], is_new)


def test_a_group_is_sent_when_it_is_complete_with_the_frames_before_it_as_context(shot):
    backend = Backend()
    with RefineWhileRendering(lambda: backend, *shot[:2]) as refining:
        add_group(refining, shot, 1)
        assert not threads(), "the two frames before the group are missing"
        add_group(refining, shot, 0)
        wait_until(lambda: refining.refined == 2 * GROUP)
    assert sorted(backend.first_frames) == [0, GROUP]
    settings = sorted((settings for _, _, settings in backend.submitted), key=lambda each: each["first"])
    assert [(each["first"], each["context"]) for each in settings] == [(0, 0), (GROUP - 2, 2)]


def test_a_group_without_a_new_frame_is_left_to_the_movie(shot):
    backend = Backend()
    with RefineWhileRendering(lambda: backend, *shot[:2]) as refining:
        add_group(refining, shot, 0, is_new=False)
        add_group(refining, shot, 1)
        wait_until(lambda: refining.refined == GROUP)
    assert backend.first_frames == [GROUP]


def test_a_job_that_the_server_cancelled_costs_its_group_and_not_the_next_one(shot):
    backend = Backend("cancelled")
    with RefineWhileRendering(lambda: backend, *shot[:2]) as refining:
        for group in range(4):
            add_group(refining, shot, group)
            wait_until(lambda: len(backend.first_frames) > group)  # noqa: B023
        wait_until(lambda: refining.refined == 3 * GROUP)
    assert backend.first_frames == [group * GROUP for group in range(4)]


def test_the_error_of_a_failed_job_is_raised_by_the_next_frame_and_starts_no_thread_again(shot):
    backend = Backend("failed")
    with RefineWhileRendering(lambda: backend, *shot[:2]) as refining:
        add_group(refining, shot, 0)
        wait_until(lambda: not threads())
        with pytest.raises(HeadroomError, match="It failed"):
            add_group(refining, shot, 1)


def test_a_thread_that_ends_between_the_check_and_the_next_group_is_not_started_again(shot):
    """The moment in which the error is not yet stored: the next group must not start the ended thread."""
    backend = Backend("failed")
    with RefineWhileRendering(lambda: backend, *shot[:2]) as refining:
        add_group(refining, shot, 0)
        wait_until(lambda: not threads())
        refining._error = None
        add_group(refining, shot, 1)
        assert not threads()
    assert backend.first_frames == [0]


def test_a_backend_that_cannot_be_reached_is_the_error_of_the_next_frame(shot):
    def connect():
        raise HeadroomError("Nobody answers.")

    with RefineWhileRendering(connect, *shot[:2]) as refining:
        add_group(refining, shot, 0)
        wait_until(lambda: not threads())
        with pytest.raises(HeadroomError, match="Nobody answers"):
            refining.add(GROUP, shot[2][GROUP], True)


def test_leaving_cancels_the_job_that_is_running(shot):
    backend = Backend()
    entered = threading.Event()

    def events(job_id):
        entered.set()
        wait_until(lambda: backend.cancelled)
        yield type(backend._jobs[job_id])(job_id, "", "cancelled")

    backend.events = events
    with RefineWhileRendering(lambda: backend, *shot[:2]) as refining:
        add_group(refining, shot, 0)
        add_group(refining, shot, 1)
        assert entered.wait(10)
    wait_until(lambda: not threads())
    assert backend.first_frames == [0] and refining._error is None


def test_leaving_before_the_first_group_ends_quietly(shot):
    with pytest.raises(Cancelled), RefineWhileRendering(lambda: Backend(), *shot[:2]):
        raise Cancelled("Stopped.")
    assert not threads()
