"""A cluster of Dask whose processes can be killed: each is started again where it has ended."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil
from distributed import Client

CHECK_SECONDS = 5.0  # between two times that the scheduler is asked for its workers
REJOIN_SECONDS = 90.0  # within which workers have connected; otherwise all are started again
START_SECONDS = 300.0


class DaskCluster:
    """A scheduler and workers, each with a nanny; use it as a context manager."""

    def __init__(self, workers: int, folder: Path, environment: Mapping[str, str] | None = None):
        """folder: for the workers' files. environment: of all processes, instead of that of this one."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        self._folder, self._environment = folder, environment
        self._count, self._checked, self._complete = workers, 0.0, 0.0

    def __enter__(self) -> DaskCluster:
        self.scheduler = self._start_scheduler()
        self.nannies = [self._start_nanny() for _ in range(self._count)]
        try:
            self.wait_until_complete()
        except BaseException:  # the block is not entered, so nobody else stops what was started
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop_workers()
        self.scheduler.terminate()
        self.scheduler.wait()

    def start_what_has_ended(self) -> None:
        """Start the scheduler and the nannies that have ended, and all workers where some do not connect any more."""
        if self.scheduler.poll() is not None:
            self.scheduler = self._start_scheduler()
        for index, nanny in enumerate(self.nannies):
            if nanny.poll() is not None:
                self.nannies[index] = self._start_nanny()
        now = time.monotonic()
        if now < self._checked + CHECK_SECONDS:
            return
        self._checked = now
        if self._connected() == len(self.nannies):
            self._complete = now
        elif now > max(self._complete, self._started) + REJOIN_SECONDS:
            self._stop_workers()

    def wait_until_complete(self) -> None:
        """Wait until all workers have connected."""
        end = time.monotonic() + START_SECONDS
        while self._connected() < len(self.nannies):
            if time.monotonic() > end:
                raise TimeoutError("The workers did not start.")
            self.start_what_has_ended()
            time.sleep(0.5)

    def processes(self) -> list[psutil.Process]:
        """Return the processes of the cluster that run, and those that they have started."""
        return [process for started in (self.scheduler, *self.nannies) for process in with_children(started.pid)]

    def _connected(self) -> int:
        """Return how many workers are connected."""
        with suppress(OSError), Client(self.address, timeout=10) as client:
            return len(client.nthreads())
        return 0

    def _start_scheduler(self) -> subprocess.Popen[bytes]:
        host, port = self.address.removeprefix("tcp://").split(":")
        return self._start("scheduler", "--host", host, "--port", port)

    def _start_nanny(self) -> subprocess.Popen[bytes]:
        self._started = time.monotonic()
        return self._start("worker", self.address, "--nthreads", "1", "--memory-limit", "0", "--local-directory",
                           str(self._folder))

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "dask", *words, "--no-dashboard"], env=self._environment,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _stop_workers(self) -> None:
        for nanny in self.nannies:
            nanny.terminate()
        for nanny in self.nannies:
            nanny.wait()


def with_children(pid: int) -> list[psutil.Process]:
    """Return a process and those that it has started, parents first; none where it has ended."""
    with suppress(psutil.Error):
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    return []
