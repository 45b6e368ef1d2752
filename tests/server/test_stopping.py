"""Several workers, and a server that is told to stop while they run."""

import os
import signal
import sys
import threading
import time

import pytest
from running import Asker, served

from headroom.server.serve import gpus_of_workers

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")


def asker(announcement):
    return Asker(announcement["url"], announcement["token"])


def runs(job):
    return "Worker" in job["message"]


def test_several_workers_run_as_many_jobs_at_a_time(tmp_path):
    with served(tmp_path, "--workers", 2) as (_, announcement):
        ask = asker(announcement)
        first, second, third = (ask.perform("stuck")[1]["id"] for _ in range(3))
        ask.wait(first, runs), ask.wait(second, runs)
        assert ask("GET", f"/v2/jobs/{third}")[1]["state"] == "queued"
        ask("POST", f"/v2/jobs/{first}/cancel")
        ask.wait(third, runs)
        assert ask("GET", f"/v2/jobs/{second}")[1]["state"] == "running"


@pytest.mark.parametrize(("workers", "visible", "gpus"), [
    (1, "3", (None,)), (0, "0,2", ("0", "2")), (3, "0,2", ("0", "2", "0")), (0, "", (None,)), (2, "", (None, None)),
])
def test_each_worker_has_a_gpu_while_there_are_some(monkeypatch, workers, visible, gpus):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setenv("PATH", "")  # without nvidia-smi
    assert gpus_of_workers(workers) == gpus


def test_a_draining_server_ends_its_jobs_and_takes_no_more(tmp_path):
    with served(tmp_path, "--drain-seconds", 30) as (process, announcement):
        ask = asker(announcement)
        ask.wait(ask.perform("nothing")[1]["id"])  # the worker has started
        running, waiting = (ask.perform("work: 2")[1]["id"] for _ in range(2))
        ends = []
        listener = threading.Thread(target=lambda: ends.append(ask("GET", f"/v2/jobs/{running}/events")[1]))
        listener.start()
        ask.wait(running, runs)
        process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 10
        while (status := ask.perform("nothing"))[0] != 503:
            assert time.monotonic() < deadline
        assert status[1]["error"] == {"code": "stopping", "message": "The server is stopping and takes no more jobs. "
                                                                     "Try again once it is running again."}
        listener.join(10)
        assert b'"state": "done"' in ends[0].splitlines()[-2]
        assert process.wait(20) == 0
    with served(tmp_path) as (_, announcement):
        assert asker(announcement).wait(waiting)["state"] == "done"


@pytest.mark.parametrize(("options", "starts"), [([], 1), (["--drain-seconds", "0.5"], 2)])
def test_a_job_that_does_not_end_in_time_runs_again_after_the_next_start(tmp_path, options, starts):
    with served(tmp_path, *options) as (process, announcement):
        ask = asker(announcement)
        job = ask.perform("stuck")[1]["id"]
        worker = ask.wait(job, runs)["message"].split()[1]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(worker), 0)
    for _ in range(starts):  # stopping on purpose is not counted as an attempt
        with served(tmp_path, *options) as (process, announcement):
            asker(announcement).wait(job, runs)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0


def test_a_second_sigterm_does_not_wait(tmp_path):
    with served(tmp_path, "--drain-seconds", 300) as (process, announcement):
        ask = asker(announcement)
        ask.wait(ask.perform("stuck")[1]["id"], runs)
        process.send_signal(signal.SIGTERM)
        while ask.perform("nothing")[0] != 503:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
