"""A backend for the length of one command: it leaves nothing but the logs that a message names."""

import json
import signal
import subprocess
import sys
import tempfile
import urllib.request
from functools import partial

import pytest

from headroom.cli import local_server as module
from headroom.cli.local_server import BackendKilled, local_server, stop
from headroom.common import temporary
from headroom.common.errors import HeadroomError, InputError


def test_a_local_server_answers_and_is_stopped_afterwards(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with local_server() as server:
        request = urllib.request.Request(f"{server.url}/v2/health", headers={"Authorization": f"Bearer {server.token}"})
        with urllib.request.urlopen(request) as answer:
            assert json.load(answer)["api"] == 2
    with pytest.raises(OSError):
        urllib.request.urlopen(request)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills as Unix does")
def test_a_local_server_that_is_killed_while_it_starts_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    start = subprocess.Popen

    def killed(*arguments, **options):
        process = start(*arguments, **options)
        process.kill()
        return process

    monkeypatch.setattr(subprocess, "Popen", killed)
    with pytest.raises(BackendKilled, match="it was killed"), local_server():
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills as Unix does")
def test_a_local_server_that_is_killed_because_it_does_not_stop_was_not_killed_by_others(tmp_path, monkeypatch):
    deaf = ("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('no address', flush=True); "
            "time.sleep(60)")
    start = subprocess.Popen
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(subprocess, "Popen", lambda _, **options: start([sys.executable, "-c", deaf], **options))
    monkeypatch.setattr(module, "stop", partial(stop, seconds=0.2))
    with pytest.raises(HeadroomError, match="it left no message") as caught, local_server():
        pass
    assert type(caught.value) is HeadroomError


@pytest.mark.parametrize("error,remaining", [(InputError("Too short."), set()), (KeyboardInterrupt(), set()),
                                        (HeadroomError("See the log."), {"server.log", "stderr.log"})])
def test_only_the_logs_of_an_unexpected_failure_stay(tmp_path, monkeypatch, error, remaining):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(type(error)), local_server():
        raise error
    files = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert files - {"worker.log", temporary.LOCK, temporary.KEPT} == remaining
