"""How long-running functions tell how far they are."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """Called with a fraction from 0 to 1 and what is being done, in words an artist understands.

    It may raise `headroom.common.errors.Cancelled`; the caller lets that pass and leaves nothing half-written.
    """

    def __call__(self, fraction: float, message: str) -> None: ...


def no_progress(fraction: float, message: str) -> None:
    """A progress that tells nobody."""


def subprogress(progress: Progress, start: float, end: float) -> Progress:
    """The progress of one step that covers `start`..`end` of the whole."""

    def report(fraction: float, message: str) -> None:
        progress(start + (end - start) * fraction, message)

    return report


@contextmanager
def timed(took: dict[str, float], step: str) -> Iterator[None]:
    """Note in `took` how many seconds a step lasted, unless it failed."""
    begun = time.perf_counter()
    yield
    took[step] = time.perf_counter() - begun
