"""Running a job file on workers: what was finished before stays, one bad job stops no other."""

from __future__ import annotations

import time
import uuid
from asyncio import TimeoutError
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from typing import Protocol

from distributed import Client, Future, wait
from distributed.comm import CommClosedError
from distributed.scheduler import KilledWorker

from headroom.cli.batch.plan import Job, Line
from headroom.cli.batch.report import Report
from headroom.cli.batch.workers import Batch, ExtensionPlugin, run_job
from headroom.common.errors import HeadroomError

POLL_SECONDS = 5.0
"""Between two looks at how many workers there are."""


class Display(Protocol):
    """What shows a batch while it runs; any thread may call it."""

    def progress(self, number: int, fraction: float, message: str) -> None:
        """Show how far a job is."""

    def finished(self, job: Job, line: Line) -> None:
        """Show that a job has ended, now or in an earlier run."""


def run_jobs(jobs: Iterable[Job], client: Client, report: Report, display: Display) -> None:
    """Run the jobs that are not finished and put the lines of all into the report, each when it ends.

    Raises HeadroomError when the connection to the scheduler is lost; what is finished stays in the report.
    """
    client.register_plugin(ExtensionPlugin())
    with _progress(client, display) as topic:
        _Run(jobs, client, report, display).run(topic)


class _Run:
    """The jobs that wait, those that run, and the lines of those that have ended.

    A worker is given a job when it is free, because Dask holds a dead worker against every job that waited there.
    """

    def __init__(self, jobs: Iterable[Job], client: Client, report: Report, display: Display):
        self._client, self._report, self._display = client, report, display
        self._waiting = {job.number: job for job in jobs}
        self._running: dict[Future, Job] = {}
        self._lines: dict[int, Line] = {}

    def run(self, topic: str) -> None:
        batch = Batch(self._report.file, topic, self._report.thumbnails)
        try:
            while self._waiting or self._running:
                self._end_what_need_not_run()
                self._start(batch)
                self._collect()
        except (CancelledError, CommClosedError) as error:
            raise HeadroomError(
                "The connection to the scheduler was lost. Run the same command again to go on.") from error
        finally:
            with suppress(CommClosedError):
                self._client.cancel(list(self._running))

    def _end_what_need_not_run(self) -> None:
        """End the jobs whose settings are wrong, which were finished before, or which need one that failed."""
        for job in list(self._waiting.values()):
            line: Line = {"job": job.number, "kind": job.kind}
            failed = [number for number in job.needs if self._lines.get(number, {}).get("state") == "failed"]
            if job.error:
                self._end(job, {**line, "state": "failed", "error": job.error})
            elif failed:
                error = f"Job {failed[0]}, which makes what this one needs, failed."
                self._end(job, {**line, "state": "failed", "error": error})
            elif self._is_ready(job) and (before := self._report.finished_before(job)):
                self._end(job, before)

    def _start(self, batch: Batch) -> None:
        """Give a job to each worker that is free."""
        free = sum(self._client.nthreads().values()) - len(self._running)
        for job in [job for job in self._waiting.values() if self._is_ready(job)][:max(free, 0)]:
            key = f"{batch.topic}-{job.number}"
            self._running[self._client.submit(run_job, batch, job, key=key, pure=False)] = self._waiting.pop(job.number)

    def _collect(self) -> None:
        """Wait for a job to end, and take the lines of those that have ended."""
        if self._waiting and not self._running:  # all workers are gone; `wait` returns at once where nothing runs
            time.sleep(POLL_SECONDS)
        with suppress(TimeoutError):
            wait(list(self._running), POLL_SECONDS, return_when="FIRST_COMPLETED")
        for future in [future for future in self._running if future.done()]:
            job = self._running.pop(future)
            self._end(job, _line_of(future, job))

    def _is_ready(self, job: Job) -> bool:
        return all(number in self._lines for number in job.after)

    def _end(self, job: Job, line: Line) -> None:
        self._waiting.pop(job.number, None)
        self._lines[job.number] = line
        self._report.add(job, line)
        self._display.finished(job, line)


@contextmanager
def _progress(client: Client, display: Display) -> Iterator[str]:
    """Yield a topic; what workers send to it within the block is shown."""
    topic = f"headroom-{uuid.uuid4().hex}"

    def show(event: tuple[float, Line]) -> None:
        display.progress(event[1]["job"], event[1]["fraction"], event[1]["message"])

    client.subscribe_topic(topic, show)
    try:
        yield topic
    finally:
        with suppress(CommClosedError):
            client.unsubscribe_topic(topic)


def _line_of(future: Future, job: Job) -> Line:
    """Return the line of a job that has ended, also of one that could not tell how."""
    if future.status == "finished":
        line: Line = future.result()
        return line
    error = future.exception()
    text = f"Internal error ({type(error).__name__}: {error}). Report it as a bug."
    if isinstance(error, KilledWorker):
        text = "Every worker that ran this job was killed. Look for what ends them, such as too little memory."
    return {"job": job.number, "kind": job.kind, "state": "failed", "error": text}
