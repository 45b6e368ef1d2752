"""Preparing the shards of a corpus on workers of Dask; one bad shard stops no other."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path

from distributed import Client, Future, get_worker

from headroom.cli.dask_workers import cancelling_tasks, ended_tasks, failure_reason, raise_if_cancelled
from headroom.common.errors import Cancelled
from headroom.common.progress import Progress
from headroom.motion.train.config import TrainConfig
from headroom.training.shards.folder import CorpusFolder
from headroom.training.shards.prepare import REAL, Stages, prepare_shard


def prepare_shards(client: Client, corpus: CorpusFolder, config: TrainConfig, progress: Progress,
                   stages: Stages = REAL) -> list[str]:
    """Prepare the shards that are not finished; returns a line for each that failed.

    Raises HeadroomError when the connection to the scheduler is lost; what is finished stays.
    """
    return _Run(client, corpus, config, stages, progress).run()


class _Run:
    """The shards that run, as many as there are threads in the workers, and what became of the others.

    No more are submitted, because Dask holds a dead worker against every task that waited there, and so that client and
    scheduler need the same memory for a corpus of any size.
    """

    def __init__(self, client: Client, corpus: CorpusFolder, config: TrainConfig, stages: Stages, progress: Progress):
        self._client, self._corpus, self._config, self._stages = client, corpus, config, stages
        self._progress = progress
        self._total = corpus.shard_count
        self._waiting = deque(corpus.unfinished())
        self._ended = self._total - len(self._waiting)
        self._running: dict[Future, int] = {}
        self._failures: list[str] = []
        self._clips, self._start = 0, time.monotonic()

    def run(self) -> list[str]:
        with cancelling_tasks(self._client, self._running):
            while self._waiting or self._running:
                self._submit()
                self._collect()
        return self._failures

    def _submit(self) -> None:
        """Give a shard to each thread that is free."""
        free = sum(self._client.nthreads().values()) - len(self._running)
        for _ in range(min(free, len(self._waiting))):
            number = self._waiting.popleft()
            key = f"headroom-{self._corpus.settings.id}-{number}"  # the same after a restart, so that it runs once
            future = self._client.submit(_prepare, str(self._corpus.path), number, self._config, self._stages, key=key,
                                         pure=False)
            self._running[future] = number

    def _collect(self) -> None:
        """Wait for a shard to end, and count those that have ended.

        Afterwards nothing refers to their futures, or Dask would not run a shard with the same key again.
        """
        for future in ended_tasks(self._running):
            self._end(future, self._running.pop(future))

    def _end(self, future: Future, number: int) -> None:
        if future.status == "finished":
            self._clips += future.result()
        elif isinstance(error := future.exception(), Cancelled):  # by a client that was killed; the task had its key
            self._waiting.appendleft(number)
            return
        else:
            self._failures.append(f"Shard {number} failed: {failure_reason(error)}")
        self._ended += 1
        rate = self._clips / max(time.monotonic() - self._start, 1e-3)
        self._progress(self._ended / self._total,
                       f"{self._ended} of {self._total} shards, {rate:.1f} clips a second")


def _prepare(folder: str, number: int, config: TrainConfig, stages: Stages) -> int:
    """Prepare a shard on this worker, and return how many clips it has looked at."""
    worker = get_worker()
    key = worker.get_current_task()

    def stop_if_cancelled(fraction: float, message: str) -> None:
        raise_if_cancelled(worker, key)

    summary = prepare_shard(CorpusFolder(Path(folder)), number, config, stages, stop_if_cancelled)
    return int(summary["clips"]) + len(summary["left_out"])
