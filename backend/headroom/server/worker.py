"""The process that holds the GPU: it takes one job at a time and reports on it through a pipe."""

from __future__ import annotations

import faulthandler
import logging
import multiprocessing
import os
import re
import signal
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from headroom.common import errors
from headroom.common.device import device_name, is_out_of_memory
from headroom.common.progress import Progress
from headroom.server import tasks
from headroom.server.blobs import Blobs
from headroom.server.job_cache import JobCache
from headroom.server.jobs import Cancelled, Event, Failed, Finished, Progressed
from headroom.server.logs import log_to

REPORT_EVERY_SECONDS = 0.1  # progress with the same words is passed on no more often than this

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WorkerSetup:
    blobs: Path
    shelf: Path  # the data folder
    log: Path
    pipeline: str  # the module whose functions do the work


@dataclass(frozen=True)
class Work:
    """To the worker: do this job."""

    job_id: str
    kind: str
    inputs: dict[str, Any]
    settings: dict[str, Any]
    folder: Path  # private to the job


@dataclass(frozen=True)
class StopWork:
    """To the worker: give this job up at the next progress."""

    job_id: str


@dataclass(frozen=True)
class Ready:
    """From the worker: it has started."""

    device: str


@dataclass(frozen=True)
class Report:
    """From the worker: what happened to its job."""

    job_id: str
    event: Event
    last: bool = False  # the worker ends itself after this, since its memory or its GPU may be in disorder


def work(connection: Connection, setup: WorkerSetup) -> None:
    """The worker's life, in a spawned process: jobs from the pipe one after the other, until the server is gone."""
    _settle_in(setup)
    connection.send(Ready(_device(setup.pipeline)))
    while True:
        try:
            message = connection.recv()
        except (EOFError, OSError):
            return
        if isinstance(message, Work):
            report = do(message, setup, connection)
            connection.send(report)
            if report.last:
                return


def do(job: Work, setup: WorkerSetup, connection: Connection) -> Report:
    """Run one job to its end; the one place that catches everything."""
    try:
        pipeline = tasks.load_pipeline(setup.pipeline)
        place = tasks.TaskContext(job.folder, Blobs(setup.blobs), JobCache(setup.shelf), pipeline,
                                _reporter(job.job_id, connection))
        return Report(job.job_id, Finished(tasks.run(job.kind, place, job.inputs, job.settings)))
    except errors.Cancelled:
        return Report(job.job_id, Cancelled())
    except errors.HeadroomError as error:
        log.info("Job %s failed: %s", job.job_id, error)
        return Report(job.job_id, Failed(_without_folders(str(error), job.folder, setup.shelf)))
    except Exception as error:
        log.exception("Job %s (%s) met an unexpected error", job.job_id, job.kind)
        return Report(job.job_id, Failed(_unexpected(error, setup.log)), last=True)


def _reporter(job_id: str, connection: Connection) -> Progress:
    """A progress that passes on to the server, and raises Cancelled once the server has asked to stop."""
    told_message, told_at = "", 0.0

    def report(fraction: float, message: str) -> None:
        nonlocal told_message, told_at
        while connection.poll():
            if connection.recv() == StopWork(job_id):
                raise errors.Cancelled("Cancelled.")
        now = time.monotonic()
        if message != told_message or now - told_at >= REPORT_EVERY_SECONDS:
            connection.send(Report(job_id, Progressed(float(fraction), message)))
            told_message, told_at = message, now

    return report


def _without_folders(message: str, folder: Path, shelf: Path) -> str:
    """The message with the user's file names in place of paths into the backend's own folders."""
    message = re.sub(re.escape(f"{shelf / 'subjects'}{os.sep}") + r"\w+", "The subject", message)
    for role in ("clip", "speech", "learnt"):
        message = message.replace(f"{folder / role}{os.sep}", "")
    return message.replace(f"{folder}{os.sep}", "")


def _unexpected(error: Exception, log_path: Path) -> str:
    if is_out_of_memory(error):
        return "Memory ran out. Close other programs that use the GPU, or choose a shorter clip, and try again."
    said = str(error).strip().splitlines() or ["no message"]
    return f"Unexpected error: {type(error).__name__}: {said[0]}. See the backend log at {log_path}"


def _device(pipeline: str) -> str:
    """What jobs run on; loading the pipeline now spares the first job the wait."""
    try:
        return getattr(tasks.load_pipeline(pipeline), "device_name", device_name)()
    except Exception:
        log.exception("The pipeline cannot be loaded; every job will say so")
        return "unknown"


def _settle_in(setup: WorkerSetup) -> None:
    """Leave the server's terminal, output and signals alone, write a log, and end when the server ends."""
    if hasattr(os, "setsid"):
        os.setsid()  # so that helpers we start can be ended with us
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)  # stdout is the server's, for one line of JSON
    faulthandler.enable()
    log_to(setup.log)
    threading.Thread(target=_end_with_server, name="end with server", daemon=True).start()


def _end_with_server() -> None:
    server = multiprocessing.parent_process()
    if server is not None:
        wait([server.sentinel])
        os._exit(1)
