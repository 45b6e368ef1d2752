"""A backend on this machine: started, watched, brought back after a crash, and stopped by the add-on."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from .client import Client
from .processes import child_environment
from .transport import BackendError

START_SECONDS = 120.0  # the first start of a cold disk loads torch
STOP_SECONDS = 5.0
DEATH_SECONDS = 0.2
REVIVALS = 3  # in so many seconds, after which something is wrong that starting again does not mend
REVIVAL_SECONDS = 300.0
LAST_LINES = 20  # of stderr, kept to explain a death

SERVE = ("-m", "headroom", "serve")


class BackendDied(BackendError):
    """The backend's process ended, or never got ready; the message has its last words."""


class LocalBackend:
    """One `headroom serve` process, which ends when this process does.

    `start` blocks until the backend answers, so call it from a thread; it is the owner of the process until `stop`.
    When the process dies it comes back at its address as soon as somebody asks it for something, and takes up its jobs.
    """

    def __init__(self, python: Path | str, data_dir: Path | None = None, command: Sequence[str] = SERVE):
        """`python` is the interpreter that has the package `headroom`; `data_dir` is its own default unless given."""
        self._command = [str(python), *command, "--exit-with-parent", str(os.getpid())]
        self._environment = child_environment({} if data_dir is None else {"HEADROOM_DATA": str(data_dir)})
        self._lock = threading.RLock()
        self._revived: deque[float] = deque(maxlen=REVIVALS)  # times of the clock
        self._process: subprocess.Popen[str] | None = None
        self._client: Client | None = None
        self._pid: int | None = None  # of the server, which a virtual environment on Windows starts through a launcher
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def client(self) -> Client:
        """For the running backend; raises when it is not running, with the reason where it has left one."""
        if self._client is None:
            raise BackendError("The backend is not running. Start it in the preferences.")
        self._check_alive()
        return self._client

    def start(self, timeout_seconds: float = START_SECONDS) -> Client:
        """Start the backend and wait until it answers; a running one is kept."""
        with self._lock:
            if self.alive and self._client is not None:
                return self._client
            died = self._client  # one that was stopped has none
            self.stop()
            self._client = self._launch(died, timeout_seconds)
            return self._client

    def _launch(self, died: Client | None, timeout_seconds: float) -> Client:
        """Start the process, at the address of the one that died, since others know it by that."""
        self._last_lines.clear()
        options = ["--port", str(urlsplit(died.url).port)] if died else []
        process = self._process = self._spawn(options, {"HEADROOM_TOKEN": died.token} if died else {})
        first_line: queue.Queue[str] = queue.Queue()
        _read(process.stdout, "backend stdout", first_line.put, lambda: first_line.put(""))
        errors_read = _read(process.stderr, "backend stderr", self._last_lines.append)
        try:
            announcement = _announcement(first_line.get(timeout=timeout_seconds))
        except queue.Empty as error:
            self.stop()
            raise BackendDied(f"The backend is not ready after {timeout_seconds:g} seconds. Start it again.") from error
        if announcement is None:
            self.stop()
            errors_read.join(STOP_SECONDS)
            raise BackendDied(self._obituary("The backend did not start"))
        self._pid = announcement.get("pid")
        return Client(announcement["url"], announcement["token"], self._revive)

    def stop(self) -> None:
        """End the backend and its jobs; nothing happens when it is not running."""
        process, self._client = self._process, None  # without the lock: a start under way ends with its process
        if process is None or process.poll() is not None:
            return
        if self._pid is not None and self._pid != process.pid:
            with suppress(OSError):
                os.kill(self._pid, signal.SIGTERM)
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _check_alive(self) -> None:
        """Raise BackendDied if the process has ended by itself."""
        process = self._process
        if process is None or self._client is None:  # not started, or stopped by us
            return
        with suppress(subprocess.TimeoutExpired):  # its connections break a moment before it has ended
            process.wait(DEATH_SECONDS)
            raise BackendDied(self._obituary("The backend stopped"))

    def _revive(self) -> None:
        """Bring the backend back at its address if it has ended by itself; BackendDied when it keeps dying."""
        dead = self._process
        try:
            self._check_alive()
        except BackendDied:
            with self._lock:
                client = self._client
                if client is None or self._process is not dead:  # stopped by us, or another thread was faster
                    return
                if len(self._revived) == REVIVALS and time.monotonic() - self._revived[0] < REVIVAL_SECONDS:
                    raise
                self._revived.append(time.monotonic())
                self._launch(client, START_SECONDS)

    def _spawn(self, options: list[str], secrets: Mapping[str, str]) -> "subprocess.Popen[str]":
        no_window = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows would open a console
        try:
            return subprocess.Popen([*self._command, *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace",
                                    env={**self._environment, **secrets}, creationflags=no_window)
        except OSError as error:
            raise BackendDied(f"Cannot run {self._command[0]}: {error.strerror}. "
                              "Choose the Python that has Headroom's backend in the preferences.") from error

    def _obituary(self, what: str) -> str:
        last = next((line.strip() for line in reversed(self._last_lines) if line.strip() and " INFO " not in line), "")
        if "No module named" in last and "headroom" in last:
            return f"{what}: the chosen Python does not have Headroom's backend. Install it there, or choose another."
        code = self._process.returncode if self._process else None
        if code is not None and code < 0:
            last = f"it was ended from outside (signal {-code}), perhaps because memory ran out. Start again."
        return f"{what}: {last}" if last else f"{what} and left no message. Start it again."


def _read(stream: Any, name: str, take: Any, at_end: Any = lambda: None) -> threading.Thread:
    """Hand the lines of `stream` to `take` from a thread, so that the backend never waits for a reader."""

    def read(lines: IO[str]) -> None:
        with suppress(ValueError), lines:
            for line in lines:
                take(line)
        at_end()

    thread = threading.Thread(target=read, args=(stream,), name=name, daemon=True)
    thread.start()
    return thread


def _announcement(line: str) -> dict[str, Any] | None:
    """What `headroom serve` says when it is ready, or None when it said something else or ended."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) and {"url", "token"} <= said.keys() else None
