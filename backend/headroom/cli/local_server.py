"""A backend of our own for the length of one command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from headroom.common.errors import Cancelled, HeadroomError, InputError

STOP_SECONDS = 10.0


@dataclass(frozen=True)
class LocalServer:
    """Where a running backend is."""

    url: str
    token: str


@contextmanager
def local_server() -> Iterator[LocalServer]:
    """Start `headroom serve` with data of its own, stop it whatever happens, and remove the data.

    After a failure that the user did not cause, the logs stay, since the message names them.
    """
    folder = Path(tempfile.mkdtemp(prefix="headroom-"))
    data, keep_logs = folder / "data", False
    command = [sys.executable, "-m", "headroom", "serve", "--data", str(data), "--exit-with-parent", str(os.getpid())]
    with open(folder / "stderr.log", "wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, stdin=subprocess.DEVNULL,
                                   start_new_session=True)
    try:
        yield _announced(process, folder / "stderr.log")
    except (InputError, Cancelled):
        raise
    except Exception:
        keep_logs = True
        raise
    finally:
        stop(process)
        for left in data.glob("*") if keep_logs else [folder]:
            if left.name != "logs":
                shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)


def stop(process: subprocess.Popen, seconds: float = STOP_SECONDS) -> None:
    """End a process politely, then by force."""
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


def _announced(process: subprocess.Popen, log: Path) -> LocalServer:
    """The server's first line says where it is."""
    assert process.stdout is not None
    line = process.stdout.readline()
    try:
        said = json.loads(line)
        return LocalServer(said["url"], said["token"])
    except (ValueError, KeyError) as error:
        lines = log.read_text(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else "it said nothing"
        raise HeadroomError(f"The backend did not start: {reason}. Run `headroom doctor`.") from error
