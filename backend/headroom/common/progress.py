"""How long-running functions report their progress and measure the time of their steps."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

F = TypeVar("F")


class Progress(Protocol):
    """A callable that receives a fraction from 0 to 1 and what is being done, in words an artist understands.

    It may raise `headroom.common.errors.Cancelled`; the caller lets that pass and leaves nothing half-written.
    """

    def __call__(self, fraction: float, message: str) -> None:
        """Report how far the work is."""


class TrainingMonitor(Protocol):
    """Follows a training beside its progress: it is shown the result so far, and can end the training early."""

    def show(self, picture: bytes) -> None:
        """Receive a picture of the result so far, a JPEG; called from time to time."""

    def wants_end(self) -> bool:
        """Return whether the training ends now, with what has been learned; asked after each step."""


MIN_ELAPSED, MIN_FRACTION = 15.0, 0.05  # seconds and part of the work before the rest can be estimated


def seconds_left(elapsed: float, fraction: float) -> float | None:
    """Return how long the rest takes at the speed so far, seconds; None where that is not known.

    elapsed: seconds since the start. fraction: part of the work that is done, 0..1.
    """
    if elapsed < MIN_ELAPSED or not MIN_FRACTION <= fraction < 1:
        return None
    return elapsed * (1 - fraction) / fraction


def no_progress(fraction: float, message: str) -> None:
    """Ignore the progress."""


def subprogress(progress: Progress, start: float, end: float) -> Progress:
    """Return the progress of one step, which covers `start` to `end` of the whole."""

    def report(fraction: float, message: str) -> None:
        progress(start + (end - start) * fraction, message)

    return report


def frames_reported(frames: Iterable[F], count: int, progress: Progress) -> Iterator[F]:
    """Yield frames that are being refined, and report each before it is used.

    count: their number.
    """
    for number, frame in enumerate(frames):
        progress(number / count, f"Refining frame {number + 1} of {count}")
        yield frame


class Stopwatch:
    """Measures named steps; `seconds` holds the duration of each step that succeeded."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure the block."""
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start
