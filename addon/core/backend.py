"""A backend on this machine: the add-on starts it, restarts it after a crash, and stops it."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from .client import Client
from .messages import message
from .processes import child_environment
from .transport import BackendError

START_SECONDS = 120.0  # the first start from a cold disk loads torch
STOP_SECONDS = 5.0
EXIT_SECONDS = 0.2  # from the moment its connections break until the process has ended
MAX_RESTARTS = 3  # within RESTART_SECONDS; more mean that restarting does not help
RESTART_SECONDS = 300.0
MAX_STDERR_LINES = 20  # stored to explain a crash

SERVE = ("-m", "headroom", "serve")


class BackendDied(BackendError):
    """The backend's process ended by itself or did not become ready; the message has the last line of its stderr."""


class LocalBackend:
    """One `headroom serve` process, which ends when this process does.

    `start` blocks until the backend answers, so call it from a thread. When the process ends by itself, the next
    request starts it again at the same address, and it resumes its jobs.

    Two locks: `_start_lock` is held while a process starts. `_state_lock` is held for moments, while `_process`,
    `_client`, `_pid` and `_stop_count` change together, so `stop` need not wait for a start.
    """

    def __init__(self, python: Path | str, data_dir: Path | None = None, command: Sequence[str] = SERVE):
        """`python` has the package `headroom`; `data_dir` is the backend's default unless given."""
        self._command = [str(python), *command, "--exit-with-parent", str(os.getpid())]
        self._environment = child_environment({} if data_dir is None else {"HEADROOM_DATA": str(data_dir)})
        self._start_lock, self._state_lock = threading.RLock(), threading.Lock()
        self._restart_times: deque[float] = deque(maxlen=MAX_RESTARTS)  # time.monotonic()
        self._process: subprocess.Popen[str] | None = None
        self._client: Client | None = None
        self._pid: int | None = None  # of the server, which a virtual environment on Windows starts through a launcher
        self._stop_count = 0  # a start compares it to notice that `stop` was called meanwhile
        self._stderr_lines: deque[str] = deque(maxlen=MAX_STDERR_LINES)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def client(self) -> Client:
        """A client of the running backend; raises BackendError when it does not run."""
        if self._client is None:
            raise BackendError("The backend is not running. Start it with Check Backend.")
        self._check_alive()
        return self._client

    def start(self, timeout_seconds: float = START_SECONDS) -> Client:
        """Start the backend unless it runs, wait until it answers, and return a client."""
        with self._start_lock:
            if self.alive and self._client is not None:
                return self._client
            previous = self._client  # None after `stop`
            self._end(self._process, self._pid)
            return self._launch(previous, timeout_seconds)

    def stop(self) -> None:
        """End the backend and its jobs, also one that is starting; do nothing when it does not run."""
        with self._state_lock:
            self._stop_count += 1
            process, pid, self._client = self._process, self._pid, None
        self._end(process, pid)

    def _launch(self, previous: Client | None, timeout_seconds: float) -> Client:
        """Start the process; after a crash at the address of the previous one, because clients know that address."""
        stop_count = self._stop_count
        self._stderr_lines.clear()
        options = ["--port", str(urlsplit(previous.url).port)] if previous else []
        process = self._spawn(options, {"HEADROOM_TOKEN": previous.token} if previous else {})
        with self._state_lock:
            self._process, self._pid = process, None
        try:
            announcement = self._wait_until_ready(process, timeout_seconds)
            client = Client(announcement["url"], announcement["token"], self._restart_if_dead)
            with self._state_lock:
                if self._stop_count != stop_count:
                    raise BackendError("The backend was stopped while it started. Start it again.")
                self._pid, self._client = announcement.get("pid"), client
            return client
        except BaseException:
            with self._state_lock:
                self._client = None
            self._end(process, None)
            raise

    def _wait_until_ready(self, process: subprocess.Popen[str], timeout_seconds: float) -> dict[str, Any]:
        """Return what the process announces: its url, token and pid. Raises BackendDied when it does not."""
        first_line: queue.Queue[str] = queue.Queue()
        _read_lines(process.stdout, "backend stdout", first_line.put, lambda: first_line.put(""))
        stderr_reader = _read_lines(process.stderr, "backend stderr", self._stderr_lines.append)
        try:
            announcement = _announcement(first_line.get(timeout=timeout_seconds))
        except queue.Empty as error:
            raise BackendDied(message("The backend did not answer within {seconds:g} seconds. Start it again.",
                                      seconds=timeout_seconds)) from error
        if announcement is None:
            self._end(process, None)
            stderr_reader.join(STOP_SECONDS)
            raise BackendDied(self._crash_message(message("The backend did not start")))
        return announcement

    def _end(self, process: subprocess.Popen[str] | None, pid: int | None) -> None:
        """Terminate a process, or kill it when that takes more than STOP_SECONDS."""
        if process is None or process.poll() is not None:
            return
        if pid is not None and pid != process.pid:
            with suppress(OSError):
                os.kill(pid, signal.SIGTERM)
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
        with suppress(subprocess.TimeoutExpired):
            process.wait(EXIT_SECONDS)
            raise BackendDied(self._crash_message(message("The backend stopped")))

    def _restart_if_dead(self) -> None:
        """Restart the backend at its address if it has ended by itself; raise BackendDied after MAX_RESTARTS."""
        dead = self._process
        try:
            self._check_alive()
        except BackendDied:
            with self._start_lock:
                client = self._client
                if client is None or self._process is not dead:  # stopped by us, or another thread was faster
                    return
                times = self._restart_times
                if len(times) == MAX_RESTARTS and time.monotonic() - times[0] < RESTART_SECONDS:
                    raise
                times.append(time.monotonic())
                self._launch(client, START_SECONDS)

    def _spawn(self, options: list[str], secrets: Mapping[str, str]) -> subprocess.Popen[str]:
        """Start the process; the token is passed by the environment, because other users can read command lines."""
        no_window = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows would open a console
        try:
            return subprocess.Popen([*self._command, *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace",
                                    env={**self._environment, **secrets}, creationflags=no_window)
        except OSError as error:
            raise BackendDied(message(
                "Cannot run {program}: {reason}. In the preferences, choose a Python that has Headroom's backend.",
                program=self._command[0], reason=error.strerror)) from error

    def _crash_message(self, event: str) -> str:
        """Return what happened and why, from the exit code and the last lines of stderr."""
        lines = [line.strip() for line in self._stderr_lines]
        last = next((line for line in reversed(lines) if line and " INFO " not in line), "")
        code = self._process.returncode if self._process else None
        if "No module named" in last and "headroom" in last:
            return message("{event}: this Python does not have Headroom's backend. Install it there, or choose "
                           "another Python.", event=event)
        if code is not None and code < 0:
            return message("{event}: it was killed by signal {signal}, perhaps because memory ran out. Start it again.",
                           event=event, signal=-code)
        if last:
            return message("{event}: {reason}", event=event, reason=last)
        return message("{event} without an error message. Start it again.", event=event)


def _read_lines(stream: Any, name: str, on_line: Callable[[str], Any], at_end: Callable[[], Any] = lambda: None
                ) -> threading.Thread:
    """Pass the lines of `stream` to `on_line` from a thread, so that the backend never waits for a full pipe."""

    def read(lines: IO[str]) -> None:
        try:
            with suppress(ValueError, OSError), lines:  # the stream is closed while it is read
                for line in lines:
                    on_line(line)
        finally:
            at_end()

    thread = threading.Thread(target=read, args=(stream,), name=name, daemon=True)
    thread.start()
    return thread


def _announcement(line: str) -> dict[str, Any] | None:
    """Return the address that `headroom serve` prints when it is ready, or None for any other line."""
    try:
        content = json.loads(line)
    except ValueError:
        return None
    return content if isinstance(content, dict) and {"url", "token"} <= content.keys() else None
