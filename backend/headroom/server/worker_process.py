"""The worker process as the server sees it."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import cast

from headroom.server.jobs import Interrupted
from headroom.server.messages import FinishJob, JobReport, RunJob, StopJob, WorkerReady
from headroom.server.worker import WorkerSetup, run_worker

log = logging.getLogger(__name__)


class WorkerProcess:
    """A running worker process and the server's end of the pipe to it."""

    def __init__(self, setup: WorkerSetup):
        context = multiprocessing.get_context("spawn")  # CUDA does not work in a forked process
        self.connection, worker_connection = context.Pipe()
        self.process = context.Process(target=run_worker, args=(worker_connection, setup), name="headroom worker")
        self.process.start()
        worker_connection.close()
        self._pipe_closed = False
        self.is_ready = False  # whether it has loaded what its jobs need

    @property
    def ended(self) -> bool:
        """Whether the process has ended and all of its messages have been received."""
        if self._pipe_closed:
            return True
        if self.process.exitcode is None:
            return False
        try:
            return not self.connection.poll()  # the worker's child processes may keep the pipe open
        except OSError:
            return True

    def send(self, message: RunJob | FinishJob | StopJob) -> None:
        """Send a message; a worker that has ended is noticed by `ended`."""
        try:
            self.connection.send(message)
        except OSError:
            log.warning("The worker ended before it received %s", type(message).__name__)

    def receive(self) -> WorkerReady | JobReport | None:
        """Return the next message, None if the worker has ended."""
        try:
            message = cast("WorkerReady | JobReport", self.connection.recv())
        except (EOFError, OSError):
            self._pipe_closed = True
            self.process.join()
            return None
        self.is_ready = True  # it says so first
        return message

    def kill(self) -> None:
        """End the worker and its child processes."""
        pid = self.process.pid
        if pid is not None and hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)  # the worker makes itself the leader of its own process group
        self.process.kill()
        self.process.join()
        self.connection.close()

    def interruption(self, log_path: Path) -> Interrupted:
        """Return the event for a job whose worker has ended by itself."""
        code = self.process.exitcode  # negative for a signal
        log.error("The worker ended by itself with exit code %s", code)
        if code == -getattr(signal, "SIGKILL", 9):
            return Interrupted("The backend's worker process was killed while it ran this job, most often because "
                               "memory ran out.", "Close other programs and start the job again.")
        return Interrupted(f"The backend's worker process ended unexpectedly while it ran this job (exit code {code}).",
                           f"Start the job again. The backend log is at {log_path}")
