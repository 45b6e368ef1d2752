"""What survives the backend, and what the backend survives."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from running import HERE, JobFailed, fake_backend, wait

from addon.core.backend import MAX_RESTARTS, BackendDied, LocalBackend
from addon.core.client import BackendError, Unreachable
from headroom.common.errors import InputError
from headroom.server.jobs import Job, JobState, Started
from headroom.server.serve import serve
from headroom.server.store import Store


def submit(client, order):
    inputs = {"subject": {"subject.toml": client.put_bytes(b"who")}, "speech": client.put_bytes(order.encode())}
    return client.submit("perform", inputs, {})


def running(client, order):
    return next(job for job in client.events(submit(client, order).id) if "Worker" in job.message)


def exists(pid):
    """Whether a process is still at work."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")


def wait_until(condition):
    for _ in range(300):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it never came true")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows ends processes in another way")
def test_a_killed_backend_comes_back_with_its_jobs_the_running_one_once_more(tmp_path):
    backend = fake_backend(tmp_path)
    client = backend.start()
    done = wait(client, submit(client, "count").id)
    cut_short = running(client, "stuck")
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
            wait(client, cut_short.id)
        assert wait(client, queued.id).state == "done"
        assert client.get_file(done.result["performance"], tmp_path / "performance.npz").exists()
        assert list((tmp_path / "scratch").rglob("*.wav")) == []
    finally:
        backend.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="ps")
def test_stopping_the_backend_ends_its_worker(tmp_path):
    backend = fake_backend(tmp_path)
    worker = int(running(backend.start(), "stuck").message.split()[1])
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
        assert client._has(sha)
        assert client.jobs() == []
    finally:
        second.stop()
    with pytest.raises(Unreachable):
        client.health()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows ends processes in another way")
def test_who_waits_for_a_job_gets_its_result_though_the_backend_was_killed(tmp_path):
    backend = fake_backend(tmp_path)
    client = backend.start()
    try:
        states = []
        for job in client.events(submit(client, "count").id):
            states.append(job.state)
            if job.message == "Step 10" and states.count("queued") < 2:
                os.kill(backend._process.pid, signal.SIGKILL)
        assert states[-1] == "done"
    finally:
        backend.stop()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows ends processes in another way")
def test_a_backend_that_keeps_dying_says_what_it_said_last(tmp_path, monkeypatch):
    monkeypatch.setattr("addon.core.backend.RESTART_SECONDS", 1e9)
    backend = fake_backend(tmp_path)
    client = backend.start()
    try:
        for _ in range(MAX_RESTARTS):
            backend._restart_times.append(time.monotonic())
        os.kill(backend._process.pid, signal.SIGKILL)
        with pytest.raises(BackendDied, match="signal 9"):
            client.health()
    finally:
        backend.stop()


def test_stopping_a_backend_that_is_starting_ends_the_start(tmp_path):
    backend = LocalBackend(sys.executable, tmp_path, command=["-c", "import time; time.sleep(60)"])
    errors = []

    def start():
        try:
            backend.start()
        except BackendError as error:
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    wait_until(lambda: backend.alive)
    backend.stop()
    thread.join(10)
    assert errors and not thread.is_alive() and not backend.alive


def test_a_job_cut_short_long_ago_is_not_taken_up(tmp_path):
    store = Store(tmp_path)
    ids = [store.add(Job("perform", {}, {})).id for _ in range(2)]
    for each in ids:
        store.apply(each, Started())
    store._replace(replace(store.job(ids[0]), changed=time.time() - 3600))
    store.close()
    again = Store(tmp_path)
    assert [again.job(each).state for each in ids] == [JobState.FAILED, JobState.QUEUED]
    again.close()


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
        assert backend.start().health()["api"] == 1
    finally:
        backend.stop()


def test_other_machines_are_not_served(tmp_path):
    with pytest.raises(InputError, match="can be reached from other machines"):
        serve(host="0.0.0.0", data_dir=tmp_path)
