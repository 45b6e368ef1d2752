"""Jobs and files after the backend was stopped or killed, and the backend after its parent has ended."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest
from running import HERE, JobFailed, a_request, fake_backend, wait_for

from addon.core.backend import BackendDied, LocalBackend
from addon.core.client import BackendError, Unreachable
from headroom.common.errors import InputError
from headroom.server.jobs import JobState, Started
from headroom.server.serve import ServeOptions, serve
from headroom.server.store import Store


def submit(client, command):
    inputs = {"subject": {"subject.toml": client.put_bytes(b"subject")}, "speech": client.put_bytes(command.encode())}
    return client.submit("perform", inputs, {})


def submit_and_wait_until_running(client, command):
    return next(job for job in client.events(submit(client, command).id) if "Worker" in job.message)


def exists(pid):
    """Return whether a process exists and is not a zombie."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")


def wait_until(condition):
    for _ in range(300):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("the condition never became true")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows ends processes in another way")
def test_a_killed_backend_restarts_with_its_jobs_and_runs_the_interrupted_one_once_more(tmp_path):
    backend = fake_backend(tmp_path)
    client = backend.start()
    done = wait_for(client, submit(client, "count").id)
    cut_short = submit_and_wait_until_running(client, "stuck")
    queued = submit(client, "count")
    worker = int(cut_short.message.split()[1])
    os.kill(backend._process.pid, signal.SIGKILL)
    wait_until(lambda: not backend.alive and not exists(worker))
    with pytest.raises(BackendDied, match="The backend stopped"):
        _ = backend.client
    try:
        assert client.job(done.id) == done
        again = next(job for job in client.events(cut_short.id) if "Worker" in job.message)
        assert int(again.message.split()[1]) != worker
        os.kill(backend._process.pid, signal.SIGKILL)
        with pytest.raises(JobFailed, match=r"The backend stopped while this job was running\. Start the job again\."):
            wait_for(client, cut_short.id)
        assert wait_for(client, queued.id).state == "done"
        assert client.get_file(done.result["performance"], tmp_path / "performance.npz").exists()
        assert list((tmp_path / "scratch").rglob("*.wav")) == []
    finally:
        backend.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="ps")
def test_stopping_the_backend_ends_its_worker(tmp_path):
    backend = fake_backend(tmp_path)
    worker = int(submit_and_wait_until_running(backend.start(), "stuck").message.split()[1])
    backend.stop()
    assert not backend.alive
    wait_until(lambda: not exists(worker))
    with pytest.raises(BackendError, match="not running"):
        _ = backend.client


@pytest.mark.skipif(sys.platform == "win32", reason="ps")
def test_the_backend_ends_with_its_parent(tmp_path):
    parent = subprocess.Popen(["sleep", "600"])
    environment = {**os.environ, "HEADROOM_DATA": str(tmp_path), "HEADROOM_TOKEN": "given"}
    command = [sys.executable, str(HERE / "serve_fake.py"), "--exit-with-parent", str(parent.pid)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as server:
        assert '"token": "given"' in server.stdout.readline()
        parent.kill()
        parent.wait()
        assert server.stdout.read() == ""
    assert server.returncode == 0


def test_two_backends_share_files_but_not_jobs(backend, data_dir):
    second = fake_backend(data_dir)
    client = second.start()
    try:
        sha = backend.client.put_bytes(b"shared")
        assert client._transport.json("POST", f"/v2/blobs/{sha}", {"bytes": 6})["stored"]
        assert client.jobs() == []
    finally:
        second.stop()
    with pytest.raises(Unreachable):
        client.health()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows ends processes in another way")
def test_a_client_gets_its_result_although_the_backend_was_killed_meanwhile(tmp_path):
    backend = fake_backend(tmp_path)
    client = backend.start()
    try:
        killed = False
        for job in client.events(submit(client, "count").id):
            if job.message == "Step 10" and not killed:
                os.kill(backend._process.pid, signal.SIGKILL)
                killed = True
        assert killed and job.state == "done"
    finally:
        backend.stop()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows ends processes in another way")
def test_a_backend_that_ends_again_and_again_is_reported_with_its_last_message(tmp_path):
    backend = fake_backend(tmp_path)
    client = backend.start()
    try:
        with pytest.raises(BackendDied, match="signal 9"):
            for _ in range(10):
                os.kill(backend._process.pid, signal.SIGKILL)
                backend._process.wait()
                client.put_bytes(b"x")
    finally:
        backend.stop()


def test_a_job_that_was_interrupted_long_ago_is_not_resumed(tmp_path):
    with closing(Store(tmp_path)) as store:
        ids = [store.add(a_request()).id for _ in range(2)]
        for each in ids:
            store.apply(each, Started())
    with closing(sqlite3.connect(tmp_path / "jobs-1.sqlite", isolation_level=None)) as database:
        database.execute("UPDATE jobs SET changed = changed - 3600 WHERE id = ?", (ids[0],))
    with closing(Store(tmp_path)) as store:
        assert [store.job(each).state for each in ids] == [JobState.FAILED, JobState.QUEUED]


def test_a_backend_that_cannot_start_says_why(tmp_path):
    with pytest.raises(BackendDied, match="Cannot run"):
        LocalBackend(tmp_path / "no python").start()
    with pytest.raises(BackendDied, match="last words"):
        LocalBackend(sys.executable, command=["-c", "raise SystemExit('last words')"]).start()
    with pytest.raises(BackendDied, match="does not have Headroom's backend"):
        LocalBackend(sys.executable, command=["-m", "headroom_absent"]).start()


def test_the_command_line_serves_the_real_thing(tmp_path):
    backend = LocalBackend(sys.executable, tmp_path)
    try:
        assert backend.start().health()["api"] == 2
    finally:
        backend.stop()


def test_other_machines_are_not_served(tmp_path):
    with pytest.raises(InputError, match="can be reached from other machines"):
        serve(ServeOptions(host="0.0.0.0", data=tmp_path))
