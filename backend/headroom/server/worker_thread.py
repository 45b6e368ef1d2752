"""A thread that sends jobs to a worker process of its own, one at a time, and writes their events to the store."""

from __future__ import annotations

import logging
import multiprocessing
import shutil
import sqlite3
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait

from headroom.server.fair_share import FairShare
from headroom.server.jobs import Event, Failed, Job, Previewed, Progressed, Requeued
from headroom.server.messages import FinishJob, JobReport, RunJob, StopJob, WorkerReady
from headroom.server.store import Store
from headroom.server.worker import WorkerSetup
from headroom.server.worker_process import WorkerProcess

POLL_SECONDS = 0.5  # a worker whose child processes keep its pipe open is only found by polling

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobLimits:
    """What one job may use.

    grace_seconds: how long a cancelled job may take to stop by itself; after that its worker is killed.
    minutes: how long a job may run; None for no limit.
    """

    grace_seconds: float = 2.0
    minutes: float | None = None


class WorkerThread:
    """The owner of one worker process. Methods may be called from any thread."""

    def __init__(self, store: Store, setup: WorkerSetup, limits: JobLimits, share: FairShare, requeues: bool):
        self.store, self.setup, self.limits = store, setup, limits
        self.device = "starting"
        self.is_busy = False
        self._share, self._requeues = share, requeues
        self._worker: WorkerProcess | None = None
        self._stopping, self._draining = threading.Event(), threading.Event()
        self._wake_receiver, self._wake_sender = multiprocessing.Pipe(duplex=False)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="job runner", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Make the thread end; `join` waits for it."""
        self._stopping.set()
        self.wake()

    def join(self) -> None:
        """Wait until worker and thread have ended."""
        if self._thread is not None:
            self._thread.join()

    def drain(self) -> None:
        """Take no more jobs."""
        self._draining.set()
        self.wake()

    def wake(self) -> None:
        """Make the thread read the store again."""
        self._wake_sender.send_bytes(b"!")

    def _run(self) -> None:
        try:
            with suppress(OSError):  # the first job starts the worker again, and reports the error
                self._running_worker()
            while not self._stopping.is_set():
                try:
                    self._run_next_job()
                except Exception:  # without this thread all later jobs would wait for ever
                    log.exception("The job runner met an unexpected error")
                    self._drop_worker()
                    self._stopping.wait(POLL_SECONDS)
        finally:
            self._drop_worker()

    def _run_next_job(self) -> None:
        """Run the job that is next, or wait for one."""
        self.is_busy = True  # before the store says so, or a drain could miss the job
        try:
            job = None if self._draining.is_set() else self.store.take(self._share.choose)
            if job is not None:
                self._try_job(job)
                return
        finally:
            self.is_busy = False
        if self._worker is None:
            self._wake_receiver.recv_bytes()
        else:
            self._receive_report(self._worker, None)
            if self._worker.ended:  # the next job starts a new one
                self._drop_worker()

    def _try_job(self, job: Job) -> None:
        """Run a job; any error, such as a full disk, fails the job and not the thread."""
        started = time.monotonic()
        try:
            self._run_job(job)
        except Exception as error:
            log.exception("Job %s cannot be run", job.id)
            self._drop_worker()
            with suppress(sqlite3.Error):
                self.store.apply(job.id, Failed(self._reason(error)))
            self._stopping.wait(POLL_SECONDS)
        finally:
            self._share.add(job.user, time.monotonic() - started)

    def _reason(self, error: Exception) -> str:
        if isinstance(error, (OSError, sqlite3.Error)):
            return f"The backend could not run this job: {error}. Free some space on its disk and start the job again."
        return f"Unexpected error in the backend: {type(error).__name__}. See its log in {self.setup.log.parent}"

    def _run_job(self, job: Job) -> None:
        worker = self._running_worker()
        folder = self.store.scratch / job.id
        folder.mkdir(parents=True)
        try:
            worker.send(RunJob(self.store.request(job.id), folder))
            self._follow(worker, job.id)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _follow(self, worker: WorkerProcess, job_id: str) -> None:
        """Write the job's events to the store until it ends, is cancelled, or its worker ends."""
        kill_at: float | None = None
        late_at: float | None = None
        sent_finish = False
        while not self._stopping.is_set():
            if late_at is None and self.limits.minutes is not None and worker.is_ready:
                late_at = time.monotonic() + self.limits.minutes * 60
            if late_at is not None and time.monotonic() >= late_at:
                self.store.apply(job_id, Failed(f"This job took more than the {self.limits.minutes:g} minutes that the "
                                                "server allows. Choose a shorter clip or fewer frames."))
            if not sent_finish and self._finishes_early(job_id):
                worker.send(FinishJob(job_id))
                sent_finish = True
            if kill_at is None and self._is_finished(job_id):
                worker.send(StopJob(job_id))
                kill_at = time.monotonic() + self.limits.grace_seconds
            if kill_at is not None and time.monotonic() >= kill_at:
                log.info("Job %s does not stop by itself; ending the worker", job_id)
                return self._drop_worker()
            report = self._receive_report(worker, kill_at or late_at)
            if report is not None:
                self.store.apply(report.job_id, report.event)
                if report.worker_ends:
                    self._drop_worker()
                if not isinstance(report.event, (Progressed, Previewed)):
                    return None
            elif worker.ended:
                self.store.apply(job_id, worker.interruption(self.setup.log))
                return self._drop_worker()
        self.store.apply(job_id, self._end_of_server())
        return None

    def _end_of_server(self) -> Event:
        if self._requeues:
            return Requeued()
        return Failed("The backend was stopped while this job was running. Start the job again.")

    def _receive_report(self, worker: WorkerProcess, until: float | None) -> JobReport | None:
        """Return the worker's next report.

        Returns None when `wake` is called, at the time `until`, after `POLL_SECONDS`, and when the worker has ended.
        """
        seconds = POLL_SECONDS if until is None else min(POLL_SECONDS, max(0.0, until - time.monotonic()))
        ready = wait([self._wake_receiver, worker.connection], timeout=seconds)
        if self._wake_receiver in ready:
            self._wake_receiver.recv_bytes()
        message = worker.receive() if worker.connection in ready else None
        if isinstance(message, WorkerReady):
            self.device = message.device
        return message if isinstance(message, JobReport) else None

    def _running_worker(self) -> WorkerProcess:
        if self._worker is not None and self._worker.ended:
            self._drop_worker()
        if self._worker is None:
            self._worker = WorkerProcess(self.setup)
        return self._worker

    def _drop_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()

    def _finishes_early(self, job_id: str) -> bool:
        job = self.store.job(job_id)
        return job is not None and job.finishes_early

    def _is_finished(self, job_id: str) -> bool:
        job = self.store.job(job_id)
        return job is None or job.is_finished
