"""The workers of Dask, and how tasks run on them until all have ended.

Those that run the jobs of a batch have headless Blender and a backend of their own.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from asyncio import TimeoutError
from collections.abc import Collection, Iterator
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributed import Client, Future, LocalCluster, Worker, WorkerPlugin, get_worker, wait
from distributed.comm import CommClosedError
from distributed.scheduler import KilledWorker

from headroom.cli.batch.plan import Line, Task, files_of
from headroom.cli.batch.report import thumbnail_name
from headroom.cli.blender import BlenderKilled, Extension, running_extension
from headroom.common.errors import Cancelled, HeadroomError
from headroom.common.progress import Progress
from headroom.common.temporary import temporary_folder

PLUGIN = "headroom"
CONNECT_SECONDS = 20
POLL_SECONDS = 5.0  # between two looks at how many workers there are
REPORT_SECONDS = 0.5
THUMBNAIL_WIDTH = 240
RETRIES = 2  # of a command whose backend or Blender was killed


@dataclass(frozen=True)
class Batch:
    """What the workers are told of a batch.

    file: the job file. topic: where progress is sent. thumbnails: folder for small pictures of movies.
    """

    file: Path
    topic: str
    thumbnails: Path


def open_workers(scheduler: str, count: int) -> AbstractContextManager[Client]:
    """Connect to the workers of a scheduler, or start `count` on this machine where its address is empty."""
    return workers_of(scheduler) if scheduler else local_workers(count)


@contextmanager
def local_workers(count: int) -> Iterator[Client]:
    """Start `count` workers on this machine; they end with the block, and when this process is killed."""
    threads = str(max(_usable_cores() // count, 1))
    with temporary_folder() as folder:
        cluster = LocalCluster(n_workers=count, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0",
                               memory_limit=None, local_directory=str(folder), host="127.0.0.1",
                               silence_logs=logging.CRITICAL, env={"OMP_NUM_THREADS": threads})
        client = Client(cluster)
        try:
            yield client
        finally:
            for each in (client, cluster):
                with suppress(TimeoutError):  # of a busy machine; workers that are left end with this process
                    each.close()


def _usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def workers_of(address: str) -> Iterator[Client]:
    """Connect to a running scheduler.

    Raises HeadroomError when none answers, and when its workers have another version of Headroom.
    """
    import headroom

    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # users are told in sentences
    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise HeadroomError(f"No scheduler answers at {address}. Start one with `dask scheduler` and give its address, "
                            "such as tcp://10.0.0.5:8786.") from error
    with client:
        try:
            versions = set(client.run(_version).values())
        except Exception as error:  # whatever a worker without Headroom raises
            raise HeadroomError("A worker of the cluster has no Headroom. Start the workers with a Python that has "
                                f"Headroom {headroom.__version__}.") from error
        if not versions:
            raise HeadroomError(f"The scheduler at {address} has no workers. Start some with `dask worker {address} "
                                "--nthreads 1`.")
        if wrong := sorted(versions - {headroom.__version__}):
            raise HeadroomError(f"A worker has Headroom {wrong[0]}, this is {headroom.__version__}. Install the same "
                                "on all machines.")
        yield client


@contextmanager
def cancelling_tasks(client: Client, running: Collection[Future]) -> Iterator[None]:
    """Cancel the tasks that still run when the block ends.

    Raises HeadroomError when the connection to the scheduler is lost within the block.
    """
    try:
        yield
    except (CancelledError, CommClosedError) as error:
        raise HeadroomError(
            "The connection to the scheduler was lost. Run the same command again to go on.") from error
    finally:
        with suppress(CommClosedError):
            client.cancel(list(running))


def ended_tasks(running: Collection[Future]) -> list[Future]:
    """Wait for a task to end, at most `POLL_SECONDS`, and return those that have ended."""
    if not running:  # all workers are gone; `wait` would return at once
        time.sleep(POLL_SECONDS)
        return []
    with suppress(TimeoutError):
        wait(list(running), POLL_SECONDS, return_when="FIRST_COMPLETED")
    return [future for future in running if future.done()]


def failure_reason(error: BaseException | None) -> str:
    """Return why a task has failed, for the user."""
    if isinstance(error, KilledWorker):
        return "Every worker that ran it was killed. Look for what ends them, such as too little memory."
    if isinstance(error, HeadroomError):
        return str(error)
    return f"Internal error ({type(error).__name__}: {error}). Report it as a bug."


def raise_if_cancelled(worker: Worker, key: Any) -> None:
    """Raise Cancelled, on a worker, when the task with a key was cancelled."""
    state = worker.state.tasks.get(key)
    if state is None or state.state == "cancelled":
        raise Cancelled("Stopped.")


class ExtensionPlugin(WorkerPlugin):
    """Keeps Blender's extension and a backend in a worker from its first job on."""

    name = PLUGIN

    def __init__(self) -> None:
        self._stack, self._turn, self._closed = ExitStack(), threading.Lock(), False
        self._extension: Extension | None = None

    def setup(self, worker: Any) -> None:
        """Start with nothing."""

    def teardown(self, worker: Any) -> None:
        """Stop the running command and the backend."""
        self._closed = True
        if self._extension is not None:
            self._extension.stop()
        self._stack.close()

    @contextmanager
    def extension(self) -> Iterator[Extension]:
        """Yield the extension; jobs of one worker take turns, however many threads it has."""
        with self._turn:
            if self._closed:
                raise Cancelled("Stopped.")
            if self._extension is not None and not self._extension.is_usable:
                self._stack.close()
                self._extension = None
            if self._extension is None:
                self._extension = self._stack.enter_context(running_extension())
            yield self._extension

    def __reduce__(self) -> tuple[type[ExtensionPlugin], tuple[()]]:
        return ExtensionPlugin, ()  # a lock cannot travel to the workers, and nothing has to


def run_task(batch: Batch, task: Task) -> Line:
    """Run a task on this worker and return its line; errors become part of the line."""
    start, job = time.time(), task.job
    line: Line = {"job": job.number, "kind": job.kind, "machine": socket.gethostname(), "started": start}
    try:
        result = _run(batch, task)
    except Cancelled:
        raise
    except HeadroomError as error:
        result = {"state": "failed", "error": str(error)}
    return {**line, **result, "seconds": round(time.time() - start, 1)}


def _run(batch: Batch, task: Task) -> Line:
    worker = get_worker()
    key, last = worker.get_current_task(), 0.0

    def report(fraction: float, message: str) -> None:
        nonlocal last
        raise_if_cancelled(worker, key)
        if time.monotonic() - last > REPORT_SECONDS:
            last = time.monotonic()
            worker.log_event(batch.topic, {"task": task.title, "fraction": fraction, "message": message})

    plugin = worker.plugins[PLUGIN]
    assert isinstance(plugin, ExtensionPlugin)
    line = _line_of_command(plugin, task.arguments(batch.file), report)
    if line["state"] == "done" and line.get("movie"):
        _write_thumbnail(Path(line["movie"]), batch.thumbnails / thumbnail_name(task.job.number))
    return line


def _line_of_command(plugin: ExtensionPlugin, arguments: list[str], report: Progress) -> Line:
    """Run a command of the extension, again where its backend or Blender was killed, and return its line."""
    for attempt in range(1 + RETRIES):
        with plugin.extension() as extension:
            try:
                line = extension.run(arguments, report, codes=(0, 1))[-1]
            except BlenderKilled:
                if attempt == RETRIES:
                    raise
                continue
            if line["state"] != "failed" or extension.is_usable:
                break
    return line


def _write_thumbnail(movie: Path, thumbnail: Path) -> None:
    """Write a small picture of a movie's first second, or of the middle one of numbered pictures."""
    import cv2

    from headroom.media.image import read_picture, write_picture
    from headroom.media.video import probe, read_frames

    if movie.suffix.lower() == ".png":
        pictures = files_of(movie)
        frame = read_picture(pictures[len(pictures) // 2])
    else:
        info = probe(movie)
        seconds = min(1.0, info.seconds / 2)
        frame = next(read_frames(movie, seconds, seconds + 1.5 / info.fps))
    height = round(frame.shape[0] * THUMBNAIL_WIDTH / frame.shape[1])
    write_picture(thumbnail, cv2.resize(frame, (THUMBNAIL_WIDTH, height), interpolation=cv2.INTER_AREA))


def _version() -> str:
    import headroom

    return headroom.__version__
