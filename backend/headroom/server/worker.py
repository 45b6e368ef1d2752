"""The worker process: it holds the GPU, runs one job at a time and reports through a pipe."""

from __future__ import annotations

import faulthandler
import logging
import multiprocessing
import os
import re
import signal
import sys
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

from headroom.common import errors
from headroom.common.device import device_name
from headroom.common.failures import explained, is_disk_full
from headroom.server import tasks
from headroom.server.blobs import Blobs
from headroom.server.job_cache import JobCache
from headroom.server.jobs import Cancelled, Failed, Finished
from headroom.server.logs import log_to
from headroom.server.messages import JobReport, RunJob, WorkerReady
from headroom.server.task_context import TaskContext, load_pipeline
from headroom.server.worker_link import WorkerLink

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WorkerSetup:
    """What a worker process is started with."""

    blobs: Path
    data: Path  # the data folder
    log: Path
    pipeline: str  # name of the module whose functions do the work
    gpu: str | None = None  # as CUDA_VISIBLE_DEVICES names it; None for whichever the device setting chooses
    memory_bytes: int | None = None  # that the process may allocate, on Linux; None for no limit


def run_worker(connection: Connection, setup: WorkerSetup) -> None:
    """Run jobs from the pipe one after the other until the server ends; the target of the spawned process."""
    _prepare_process(setup)
    connection.send(WorkerReady(_device(setup.pipeline)))
    while True:
        try:
            message = connection.recv()
        except (EOFError, OSError):
            return
        if isinstance(message, RunJob):
            report = run_job(message, setup, connection)
            connection.send(report)
            if report.worker_ends:
                return


def run_job(message: RunJob, setup: WorkerSetup, connection: Connection) -> JobReport:
    """Run one job and report its end. No other function catches all errors."""
    job_id = message.request.id
    try:
        blobs = Blobs(setup.blobs)
        link = WorkerLink(job_id, connection, blobs, message.folder)
        context = TaskContext(message.folder, blobs, JobCache(setup.data), load_pipeline(setup.pipeline),
                              link.progress, link)
        return JobReport(job_id, Finished(tasks.run(context, message.request)))
    except errors.Cancelled:
        return JobReport(job_id, Cancelled())
    except errors.HeadroomError as error:
        log.info("Job %s failed: %s", job_id, error)
        return JobReport(job_id, Failed(_without_folders(str(error), message.folder, setup.data)))
    except Exception as error:
        log.exception("Job %s (%s) met an unexpected error", job_id, message.request.kind)
        reason = _without_folders(_unexpected(error, setup), message.folder, setup.data)
        return JobReport(job_id, Failed(reason), worker_ends=True)


def _without_folders(message: str, folder: Path, data: Path) -> str:
    """Return the message without paths into the data folder, which mean nothing to the user."""
    message = re.sub(re.escape(f"{data / 'subjects'}{os.sep}") + r"\w+", "The subject", message)
    for role in ("clip", "speech", "learned"):
        message = message.replace(f"{folder / role}{os.sep}", "")
    return message.replace(f"{folder}{os.sep}", "")


def _unexpected(error: Exception, setup: WorkerSetup) -> str:
    """Return a sentence for an error that no part of Headroom raises on purpose."""
    if is_disk_full(error):
        return f"The backend's disk is full. Free some space in {setup.data} and start the job again."
    told = explained(error)
    if told is not None:
        return str(told)
    lines = str(error).strip().splitlines() or ["no message"]
    return f"Unexpected error: {type(error).__name__}: {lines[0]}. See the backend log at {setup.log}"


def _device(pipeline: str) -> str:
    """Return the device that jobs run on. This loads the pipeline, so that the first job does not have to."""
    try:
        return str(getattr(load_pipeline(pipeline), "device_name", device_name)())
    except Exception:
        log.exception("The pipeline cannot be loaded; every job will fail for the same reason")
        return "unknown"


def _prepare_process(setup: WorkerSetup) -> None:
    """Detach from the server's terminal, stdout and signals, open the log, and end this process with the server."""
    if hasattr(os, "setsid"):
        os.setsid()  # so that the server can end this process with its child processes
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)  # the server's stdout carries one line of JSON and nothing else
    faulthandler.enable()
    log_to(setup.log)
    if setup.gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = setup.gpu  # CUDA reads it at its first use
    if setup.memory_bytes is not None:
        _limit_memory(setup.memory_bytes)
    threading.Thread(target=_end_with_server, name="end with server", daemon=True).start()


def _limit_memory(most: int) -> None:
    """Make allocations fail beyond a limit, so that a damaged file cannot take the machine's memory.

    RLIMIT_DATA counts what was allocated. RLIMIT_AS would also count the addresses that GPU drivers only reserve.
    """
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _end_with_server() -> None:
    server = multiprocessing.parent_process()
    if server is not None:
        try:
            wait([server.sentinel])
        finally:
            os._exit(1)
