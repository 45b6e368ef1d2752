"""Hands queued jobs to the worker process, one at a time, and gets over whatever happens to that process."""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import signal
import sqlite3
import threading
import time
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path

from headroom.server.jobs import Cancelled, Failed, Interrupted, Job, Progressed, Started
from headroom.server.store import Store
from headroom.server.worker import Ready, Report, StopWork, Work, WorkerSetup, work

LOOK_EVERY_SECONDS = 0.5  # for a dead worker whose helpers keep its pipe open

log = logging.getLogger(__name__)


class WorkerProcess:
    """The server's end of a worker."""

    def __init__(self, setup: WorkerSetup):
        context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs, setup), name="headroom worker")
        self.process.start()
        theirs.close()
        self._pipe_ended = False

    @property
    def gone(self) -> bool:
        """Whether the worker has ended and all it said has been received."""
        if self._pipe_ended:
            return True
        if self.process.exitcode is None:
            return False
        try:
            return not self.connection.poll()  # its helpers may keep the pipe open
        except OSError:
            return True

    def send(self, message: Work | StopWork) -> None:
        try:
            self.connection.send(message)
        except OSError:
            log.warning("The worker is gone before %s reached it", type(message).__name__)

    def receive(self) -> Ready | Report | None:
        """What the worker has said, or None at its end."""
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            self._pipe_ended = True
            self.process.join()
            return None

    def kill(self) -> None:
        """End the worker and the helpers it started."""
        pid = self.process.pid
        if pid is not None and hasattr(os, "killpg"):
            try:
                os.killpg(pid, signal.SIGKILL)  # the worker leads a group of its own once it has settled in
            except (ProcessLookupError, PermissionError):
                pass
        self.process.kill()
        self.process.join()
        self.connection.close()


class Runner:
    """A thread that owns the one worker process and moves jobs through the store.

    `grace_seconds` is how long a cancelled job may take to stop by itself before its worker is ended.
    """

    def __init__(self, store: Store, setup: WorkerSetup, grace_seconds: float = 2.0):
        self.store = store
        self.setup = setup
        self.grace_seconds = grace_seconds
        self.device = "starting"
        self._worker: WorkerProcess | None = None
        self._stopping = threading.Event()
        self._bell, self._ring = multiprocessing.Pipe(duplex=False)
        self._thread = threading.Thread(target=self._live, name="job runner", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the worker and the thread; the job that this cuts short has failed."""
        self._stopping.set()
        self.wake()
        self._thread.join()

    def wake(self) -> None:
        """Look at the store again: there is a new job, or one has been cancelled."""
        self._ring.send_bytes(b"!")

    def cancel(self, job_id: str) -> Job:
        """The job is cancelled now; its worker stops within `grace_seconds`."""
        job = self.store.apply(job_id, Cancelled())
        self.wake()
        return job

    def _live(self) -> None:
        try:
            with suppress(OSError):  # the next job says so
                self._ready_worker()
            while not self._stopping.is_set():
                job = self.store.next_queued()
                if job is not None:
                    self._attempt(job)
                elif self._worker is None:
                    self._bell.recv_bytes()
                else:
                    self._idle(self._worker)
        except Exception:
            log.exception("The job runner has stopped")
            raise
        finally:
            self._drop_worker()

    def _idle(self, worker: WorkerProcess) -> None:
        self._listen(worker, None)
        if worker.gone:  # the next job starts a fresh one
            self._drop_worker()

    def _attempt(self, job: Job) -> None:
        """Run a job; a full disk or a process that cannot be started ends the job and not the runner."""
        try:
            self._run(job)
        except (OSError, sqlite3.Error) as error:
            log.exception("Job %s cannot be run", job.id)
            self._drop_worker()
            reason = f"The backend could not run this job: {error}. Make room on its disk and start the job again."
            with suppress(sqlite3.Error):
                self.store.apply(job.id, Failed(reason))
            self._stopping.wait(LOOK_EVERY_SECONDS)

    def _run(self, job: Job) -> None:
        worker = self._ready_worker()
        folder = self.store.scratch / job.id
        folder.mkdir(parents=True)
        try:
            if not self.store.apply(job.id, Started()).is_finished:
                worker.send(Work(job.id, job.kind, job.inputs, job.settings, folder))
                self._follow(worker, job.id)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _follow(self, worker: WorkerProcess, job_id: str) -> None:
        """Keep the store up to date until the worker has done with the job, one way or another."""
        give_up_at: float | None = None
        while not self._stopping.is_set():
            if give_up_at is None and self._is_finished(job_id):
                worker.send(StopWork(job_id))
                give_up_at = time.monotonic() + self.grace_seconds
            if give_up_at is not None and time.monotonic() >= give_up_at:
                log.info("Job %s does not stop by itself; ending the worker", job_id)
                return self._drop_worker()
            report = self._listen(worker, give_up_at)
            if report is not None:
                self.store.apply(report.job_id, report.event)
                if report.last:
                    self._drop_worker()
                if not isinstance(report.event, Progressed):
                    return None
            elif worker.gone:
                self.store.apply(job_id, _how_it_ended(worker.process.exitcode, self.setup.log))
                return self._drop_worker()
        self.store.apply(job_id, Failed("The backend was stopped while this job was running. Start the job again."))
        return None

    def _listen(self, worker: WorkerProcess, until: float | None) -> Report | None:
        """The worker's next report, or None after a wake-up call, at the time `until`, or when the worker has ended."""
        seconds = LOOK_EVERY_SECONDS if until is None else min(LOOK_EVERY_SECONDS, max(0.0, until - time.monotonic()))
        heard = wait([self._bell, worker.connection], timeout=seconds)
        if self._bell in heard:
            self._bell.recv_bytes()
        message = worker.receive() if worker.connection in heard else None
        if isinstance(message, Ready):
            self.device = message.device
        return message if isinstance(message, Report) else None

    def _ready_worker(self) -> WorkerProcess:
        if self._worker is not None and self._worker.gone:
            self._drop_worker()
        if self._worker is None:
            self._worker = WorkerProcess(self.setup)
        return self._worker

    def _drop_worker(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._worker = None

    def _is_finished(self, job_id: str) -> bool:
        job = self.store.job(job_id)
        return job is None or job.is_finished


def _how_it_ended(code: int | None, log_path: Path) -> Interrupted:
    """What to say about a worker that died with its job; `code` is its exit code, negative for a signal."""
    log.error("The worker ended by itself with exit code %s", code)
    if code == -getattr(signal, "SIGKILL", 9):
        return Interrupted("The backend's worker process was killed while it ran this job, most often because memory "
                           "ran out.", "Close other programs and start the job again.")
    return Interrupted(f"The backend's worker process ended unexpectedly while it ran this job (exit code {code}).",
                       f"Start the job again. The backend log is at {log_path}")
