"""The server's threads survive errors, and say so in the log."""

import logging
import os
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest
from running import a_request

from headroom.server import parent
from headroom.server.jobs import Finished, Progressed
from headroom.server.logs import _log_thread_error
from headroom.server.messages import JobReport, RunJob, WorkerReady
from headroom.server.results import PerformResult
from headroom.server.runner import Runner
from headroom.server.store import Store
from headroom.server.worker import WorkerSetup

RESULT = PerformResult(performance="2" * 64, notes=[])


class InstantWorker:
    """A worker process that finishes each job at once, in the thread that sends it the job."""

    def __init__(self, setup):
        from multiprocessing import Pipe

        self.connection, self._other_end = Pipe()
        self._other_end.send(WorkerReady("a device"))
        self.ended, self.is_ready = False, True

    def send(self, message):
        assert isinstance(message, RunJob)
        self._other_end.send(JobReport(message.request.id, Progressed(0.5, "Half")))
        self._other_end.send(JobReport(message.request.id, Finished(RESULT)))

    def receive(self):
        return self.connection.recv()

    def kill(self):
        self.ended = True


@pytest.fixture
def store(tmp_path):
    with closing(Store(tmp_path)) as store:
        yield store


@pytest.fixture
def runner(store, tmp_path, monkeypatch):
    monkeypatch.setattr("headroom.server.worker_thread.WorkerProcess", InstantWorker)
    monkeypatch.setattr("headroom.server.worker_thread.POLL_SECONDS", 0.01)
    runner = Runner(store, WorkerSetup(store.blobs.folder, tmp_path, tmp_path / "logs" / "worker.log", "none"))
    yield runner
    runner.stop()


def run_job(store, runner):
    """Return a new job once it is finished."""
    job = store.add(a_request())
    runner.wake()
    end = time.monotonic() + 10
    while not store.job(job.id).is_finished:
        assert time.monotonic() < end, "the job runner does not run any more"
        time.sleep(0.01)
    return store.job(job.id)


def test_the_runner_can_be_started_again_after_it_was_stopped(store, runner):
    for _ in range(2):
        runner.start()
        assert run_job(store, runner).result == RESULT
        runner.stop()


@pytest.mark.parametrize("error", [ZeroDivisionError("a mistake"), sqlite3.OperationalError("disk I/O error")])
def test_an_error_between_two_jobs_does_not_end_the_runner(store, runner, monkeypatch, caplog, error):
    take, failures = store.take, []

    def fail_at_first(choose):
        if len(failures) < 3:
            failures.append(error)
            raise error
        return take(choose)

    monkeypatch.setattr(store, "take", fail_at_first)
    runner.start()
    assert run_job(store, runner).result == RESULT
    assert len(failures) == 3 and str(error) in caplog.text


def test_an_unexpected_error_fails_its_job_and_not_the_next_one(store, runner, monkeypatch):
    request, failures = store.request, []

    def fail_at_first(job_id):
        if not failures:
            failures.append(job_id)
            raise ZeroDivisionError("a mistake")
        return request(job_id)

    monkeypatch.setattr(store, "request", fail_at_first)
    runner.start()
    job = run_job(store, runner)
    assert job.state.value == "failed" and "Unexpected error in the backend: ZeroDivisionError" in job.message
    assert run_job(store, runner).result == RESULT


@pytest.mark.skipif(sys.platform == "win32", reason="process ids are checked in another way")
@pytest.mark.parametrize("pid", [10**12, 2**40])
def test_a_parent_that_cannot_be_waited_for_counts_as_ended(pid, caplog):
    ended = threading.Event()
    parent.call_after_end(pid, ended.set)
    assert ended.wait(10) and f"Cannot wait for the process {pid}" in caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="sleep is a program of other systems")
def test_the_end_of_a_process_is_noticed():
    program = subprocess.Popen(["sleep", "600"])
    ended = threading.Event()
    parent.call_after_end(program.pid, ended.set)
    assert not ended.wait(0.1)
    program.kill()
    program.wait()
    assert ended.wait(10)


def test_an_error_that_ends_a_thread_is_in_the_log(caplog, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", _log_thread_error)
    thread = threading.Thread(target=lambda: 1 / 0, name="a thread")
    with caplog.at_level(logging.ERROR):
        thread.start()
        thread.join()
    assert "'a thread' ended with an error" in caplog.text and "ZeroDivisionError" in caplog.text


def test_a_subject_folder_that_cannot_be_renamed_is_an_error_and_leaves_nothing(store, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"content")
    tree = {"subject.toml": store.blobs.add(tmp_path / "file")}
    monkeypatch.setattr(os, "replace", lambda *paths: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        store.cache.subject(tree, store.blobs)
    assert list(store.cache.subjects.iterdir()) == []
