"""A backend server that runs for the length of one command."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from headroom.common.errors import Cancelled, HeadroomError, InputError
from headroom.common.temporary import for_children, keep, temporary_folder

STOP_SECONDS = 10.0


@dataclass(frozen=True)
class LocalServer:
    """The address and the process of a running server."""

    url: str
    token: str
    process: subprocess.Popen[bytes]

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self.process.poll() is None


class BackendKilled(HeadroomError):
    """The backend was killed, by another process or the system, before it was ready."""


@contextmanager
def local_server() -> Iterator[LocalServer]:
    """Start `headroom serve` with its own data folder for the block; afterwards stop it and remove the folder.

    The logs stay for some days after an error that the user did not cause, because its message names them.
    """
    with temporary_folder() as folder:
        try:
            with _server_process(folder) as process:
                yield _wait_for_announcement(process, folder / "stderr.log")
        except (InputError, Cancelled, BackendKilled):
            raise
        except Exception:
            _remove_all_but_logs(folder / "data")
            keep(folder)
            raise


def stop(process: subprocess.Popen[str] | subprocess.Popen[bytes], seconds: float = STOP_SECONDS) -> None:
    """Ask a process to end, and end it after `seconds`."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


@contextmanager
def _server_process(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "headroom", "serve", "--data", str(folder / "data"),
               "--exit-with-parent", str(os.getpid())]
    temporary = folder / "data" / "temporary"
    temporary.mkdir(parents=True)
    with open(folder / "stderr.log", "wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, stdin=subprocess.DEVNULL,
                                   env=os.environ | for_children(temporary), start_new_session=True)
    try:
        yield process
    finally:
        stop(process)


def _wait_for_announcement(process: subprocess.Popen[bytes], log: Path) -> LocalServer:
    """Return the address, which is the server's first line; raises HeadroomError when the server ends without it."""
    assert process.stdout is not None
    line = process.stdout.readline()
    try:
        announcement = json.loads(line)
        return LocalServer(announcement["url"], announcement["token"], process)
    except (ValueError, KeyError) as cause:
        if not line.endswith(b"\n"):  # its output has ended, and so will the process
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
        was_killed = process.poll() == -getattr(signal, "SIGKILL", 9)
        stop(process)
        lines = ["it was killed"] if was_killed else log.read_text(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else "it left no message"
        error = HeadroomError(f"The backend did not start: {reason}. Run `headroom doctor`.")
        raise (BackendKilled(str(error)) if was_killed else error) from cause


def _remove_all_but_logs(data: Path) -> None:
    for path in data.glob("*"):
        if path.name == "logs":
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
