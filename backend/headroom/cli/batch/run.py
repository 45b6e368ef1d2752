"""Running a job file on workers: what was finished before stays, one bad job stops no other."""

from __future__ import annotations

import math
import shutil
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Protocol

from distributed import Client, Future
from distributed.comm import CommClosedError

from headroom.cli.batch.plan import MOVIE_KINDS, Job, Line, Task
from headroom.cli.batch.report import Report
from headroom.cli.batch.workers import Batch, ExtensionPlugin, run_task
from headroom.cli.dask_workers import cancelling_tasks, ended_tasks, failure_reason
from headroom.common.temporary import remove_abandoned

SPLIT = "split"
"""The state of a job whose chunks are to be rendered and joined, as the extension says it."""


class Display(Protocol):
    """What shows a batch while it runs; any thread may call it."""

    def progress(self, task: str, fraction: float, message: str) -> None:
        """Show how far a task is."""

    def ended(self, task: str) -> None:
        """Take a task from the table."""

    def finished(self, job: Job, line: Line) -> None:
        """Show that a job has ended, now or in an earlier run."""


def run_jobs(jobs: Iterable[Job], client: Client, report: Report, display: Display, chunk_seconds: float = 0.0) -> None:
    """Run the jobs that are not finished and put the lines of all into the report, each when it ends.

    chunk_seconds: length of the chunks into which longer shots are split where there are several workers; 0 for none.

    Raises HeadroomError when the connection to the scheduler is lost; what is finished stays in the report.
    """
    jobs = list(jobs)
    report.remove_chunks(jobs)
    client.register_plugin(ExtensionPlugin())
    with _progress(client, display) as topic:
        _Run(jobs, client, report, display).run(Batch(report.file, topic, report.thumbnails), chunk_seconds)
    report.remove_chunks()
    remove_abandoned(report.thumbnails)  # of a worker that was killed while it wrote a picture


class _Run:
    """The jobs that wait, the tasks that run or can, and the lines of the jobs that have ended.

    A worker is given a task when it is free, because Dask holds a dead worker against every task that waited there.
    """

    def __init__(self, jobs: Iterable[Job], client: Client, report: Report, display: Display):
        self._client, self._report, self._display = client, report, display
        self._waiting = {job.number: job for job in jobs}
        self._ready: list[Task] = []  # parts of jobs that have begun
        self._running: dict[Future, Task] = {}
        self._parts: dict[int, list[Line]] = defaultdict(list)  # of the tasks of a job that have ended
        self._lines: dict[int, Line] = {}

    def run(self, batch: Batch, chunk_seconds: float) -> None:
        """Run all jobs."""
        with cancelling_tasks(self._client, self._running):
            self._end_what_need_not_run()
            while self._waiting or self._running or self._ready:
                self._start(batch, chunk_seconds)
                self._collect()
                self._end_what_need_not_run()

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

    def _start(self, batch: Batch, chunk_seconds: float) -> None:
        """Give a task to each worker that is free, first those of jobs that have begun."""
        threads = sum(self._client.nthreads().values())
        free = max(threads - len(self._running), 0)
        tasks, self._ready = self._ready[:free], self._ready[free:]
        for job in [job for job in self._waiting.values() if self._is_ready(job)][:free - len(tasks)]:
            tasks.append(self._first_task(job, chunk_seconds if threads > 1 else 0.0))
            del self._waiting[job.number]
        for task in tasks:
            key = f"{batch.topic}-{task.title}"
            self._running[self._client.submit(run_task, batch, task, key=key, pure=False)] = task

    def _first_task(self, job: Job, chunk_seconds: float) -> Task:
        """Return the task that runs a job, or splits its shot; a shot that was split before stays so."""
        folder = self._report.chunk_folder(job)
        if job.kind not in MOVIE_KINDS or not (chunk_seconds or folder.exists()):
            return Task(job)
        return Task(job, folder, seconds=chunk_seconds or math.inf)

    def _collect(self) -> None:
        """Wait for a task to end, and take the lines of those that have ended."""
        for future in ended_tasks(self._running):
            if future in self._running:  # the failure of another part has cancelled this one
                task = self._running.pop(future)
                self._display.ended(task.title)
                self._take(task, _line_of(future, task.job))

    def _take(self, task: Task, line: Line) -> None:
        """Take the line of a task: its job ends with it, or goes on with the tasks after it."""
        job, parts = task.job, self._parts[task.job.number]
        parts.append(line)
        if line["state"] == SPLIT:
            joined = replace(task, seconds=None, chunks=line["chunks"])
            self._ready += [replace(joined, chunk=number) for number in line["unfinished"]] or [joined]
        elif line["state"] == "failed" or task.chunk is None:
            self._drop_parts(task)
            self._end(job, _line_of_parts(parts))
        elif not any(each.job == job for each in (*self._ready, *self._running.values())):
            self._ready.append(replace(task, chunk=None))

    def _drop_parts(self, ended: Task) -> None:
        """Stop the other tasks of a job, and remove its chunks."""
        others = [future for future, task in self._running.items() if task.job == ended.job]
        self._client.cancel(others)
        for future in others:
            self._display.ended(self._running.pop(future).title)
        self._ready = [task for task in self._ready if task.job != ended.job]
        if ended.folder is not None:
            shutil.rmtree(ended.folder, ignore_errors=True)

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
        display.progress(event[1]["task"], event[1]["fraction"], event[1]["message"])

    client.subscribe_topic(topic, show)
    try:
        yield topic
    finally:
        with suppress(CommClosedError):
            client.unsubscribe_topic(topic)


def _line_of_parts(parts: Sequence[Line]) -> Line:
    """Return the line of a job from those of its tasks; the last one has its result.

    The seconds are those of all workers together.
    """
    if len(parts) == 1:
        return parts[0]
    machines = sorted({str(part["machine"]) for part in parts if "machine" in part})
    seconds = round(sum(part.get("seconds", 0.0) for part in parts), 1)
    return {**parts[-1], "started": parts[0]["started"], "seconds": seconds, "machine": ", ".join(machines)}


def _line_of(future: Future, job: Job) -> Line:
    """Return the line of a task that has ended, also of one that could not tell how."""
    if future.status == "finished":
        line: Line = future.result()
        return line
    return {"job": job.number, "kind": job.kind, "state": "failed", "error": failure_reason(future.exception())}
