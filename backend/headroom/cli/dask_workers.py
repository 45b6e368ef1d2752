"""The workers of Dask, and how tasks run on them until all have ended."""

from __future__ import annotations

import logging
import os
import time
from asyncio import TimeoutError
from collections.abc import Collection, Iterator
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import dask
from distributed import Client, Future, LocalCluster, Worker, wait
from distributed.comm import CommClosedError
from distributed.scheduler import KilledWorker

from headroom.common.errors import Cancelled, HeadroomError
from headroom.common.temporary import temporary_folder

CONNECT_SECONDS = 20
POLL_SECONDS = 5.0  # between two looks at how many workers there are
THREADS = "OMP_NUM_THREADS"
"""The environment variable with torch's threads. The user's stays, because the frames depend on it in the last bit."""
QUIET = {"distributed.worker.profile.enabled": False, "distributed.admin.tick.interval": "1s",
         "distributed.admin.system-monitor.interval": "10s"}
"""Settings of Dask with which processes that wait do nothing; with its own they use 8 % of a core for two workers."""


def open_workers(scheduler: str, count: int) -> AbstractContextManager[Client]:
    """Connect to the workers of a scheduler, or start `count` on this machine where its address is empty."""
    return workers_of(scheduler) if scheduler else local_workers(count)


@contextmanager
def local_workers(count: int) -> Iterator[Client]:
    """Start `count` workers on this machine; they end with the block, and when this process is killed."""
    threads = os.environ.get(THREADS) or str(max(_usable_cores() // count, 1))
    with temporary_folder() as folder, dask.config.set(QUIET):
        cluster = LocalCluster(n_workers=count, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0",
                               memory_limit=None, local_directory=str(folder), host="127.0.0.1",
                               silence_logs=logging.CRITICAL, env={THREADS: threads})
        client = Client(cluster)
        try:
            yield client
        finally:
            for each in (client, cluster):
                with suppress(TimeoutError):  # of a busy machine; workers that are left end with this process
                    each.close()


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


def _usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _version() -> str:
    import headroom

    return headroom.__version__
