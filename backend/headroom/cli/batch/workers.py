"""Workers of Dask that run the jobs of a batch: each has headless Blender and a backend of its own."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributed import WorkerPlugin, get_worker

from headroom.cli.batch.plan import Line, Task, files_of
from headroom.cli.batch.report import thumbnail_name
from headroom.cli.blender import BlenderKilled, Extension, running_extension
from headroom.cli.dask_workers import raise_if_cancelled
from headroom.cli.local_server import BackendKilled
from headroom.common.errors import Cancelled, HeadroomError
from headroom.common.progress import Progress

PLUGIN = "headroom"
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
        try:
            with plugin.extension() as extension:
                line = extension.run(arguments, report, codes=(0, 1))[-1]
                backend_runs = extension.is_usable
        except (BlenderKilled, BackendKilled):
            if attempt == RETRIES:
                raise
            continue
        if line["state"] != "failed" or backend_runs:
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
