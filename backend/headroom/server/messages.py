"""The messages between the server and its worker process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headroom.server.jobs import Event
from headroom.server.requests import JobRequest


@dataclass(frozen=True)
class RunJob:
    """To the worker: run this job."""

    request: JobRequest
    folder: Path  # private to the job


@dataclass(frozen=True)
class StopJob:
    """To the worker: stop this job when it next reports progress."""

    job_id: str


@dataclass(frozen=True)
class FinishJob:
    """To the worker: end this job early, with what it has learned."""

    job_id: str


@dataclass(frozen=True)
class WorkerReady:
    """From the worker: it has started."""

    device: str


@dataclass(frozen=True)
class JobReport:
    """From the worker: an event of its job."""

    job_id: str
    event: Event
    worker_ends: bool = False  # after an unexpected error, which may have left memory or the GPU in a bad state
