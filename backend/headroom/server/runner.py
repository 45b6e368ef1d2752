"""What runs queued jobs: some worker processes, each with a thread that sends it jobs and stores their events."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from headroom.server.fair_share import FairShare
from headroom.server.jobs import Cancelled, EarlyFinishRequested, Job
from headroom.server.store import Store
from headroom.server.worker import WorkerSetup
from headroom.server.worker_thread import JobLimits, WorkerThread

POLL_SECONDS = 0.1  # between two looks at the jobs that a drain waits for


@dataclass(frozen=True)
class RunnerOptions:
    """How jobs are run.

    gpus: the GPU of each worker, as CUDA_VISIBLE_DEVICES names it; None leaves the choice to the worker. Its length is
        the number of workers.
    limits: what one job may use.
    requeues: whether a job that is running when the server stops is queued again; otherwise it fails, because whoever
        waited for it has gone.
    """

    gpus: tuple[str | None, ...] = (None,)
    limits: JobLimits = field(default_factory=JobLimits)
    requeues: bool = False


class Runner:
    """The owner of the worker processes."""

    def __init__(self, store: Store, setup: WorkerSetup, options: RunnerOptions | None = None):
        self.store = store
        self.accepts_jobs = True
        self._share = FairShare()
        options = options or RunnerOptions()
        self._threads = [WorkerThread(store, replace(setup, gpu=gpu), options.limits, self._share, options.requeues)
                         for gpu in options.gpus]

    @property
    def device(self) -> str:
        """The device of the workers; "starting" until one has reported it."""
        devices = dict.fromkeys(thread.device for thread in self._threads)
        known = [device for device in devices if device != "starting"]
        return ", ".join(known) or "starting"

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the workers and the threads. A running job is queued again, or fails."""
        for thread in self._threads:
            thread.stop()
        for thread in self._threads:
            thread.join()

    def drain(self, seconds: float, is_hurried: Callable[[], bool] = lambda: False) -> None:
        """Take no more jobs, and wait until the running ones have ended, at most some seconds.

        is_hurried: whether to stop waiting at once.
        """
        self.accepts_jobs = False
        for thread in self._threads:
            thread.drain()
        end = time.monotonic() + seconds
        while any(thread.is_busy for thread in self._threads) and time.monotonic() < end and not is_hurried():
            time.sleep(POLL_SECONDS)

    def wake(self) -> None:
        """Make the threads read the store again, because a job was added or cancelled."""
        for thread in self._threads:
            thread.wake()

    def finish(self, job_id: str) -> Job:
        """Let a job end with what it has learned, as soon as its worker can; return it."""
        job = self.store.apply(job_id, EarlyFinishRequested())
        self.wake()
        return job

    def cancel(self, job_id: str) -> Job:
        """Cancel a job and return it; its worker stops within the grace time."""
        job = self.store.apply(job_id, Cancelled())
        self.wake()
        return job
