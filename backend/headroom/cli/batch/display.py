"""The table of a running batch in a terminal, and lines where stdout is no terminal."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.live import Live
from rich.table import Table

from headroom.cli.batch.plan import Job, Line
from headroom.cli.console import out


class BatchDisplay:
    """Shows the running jobs with their progress, and prints each job that has ended."""

    def __init__(self, jobs: Sequence[Job]):
        self._jobs = len(jobs)
        self._running: dict[str, tuple[float, str]] = {}
        self._over: set[str] = set()  # whose last messages may still be on their way
        self._ended = self._failed = 0
        self._start = time.monotonic()

    def progress(self, task: str, fraction: float, message: str) -> None:
        """Show how far a task is."""
        if task not in self._over:
            self._running[task] = (fraction, message)

    def ended(self, task: str) -> None:
        """Take a task from the table."""
        self._over.add(task)
        self._running.pop(task, None)

    def finished(self, job: Job, line: Line) -> None:
        """Print how a job has ended."""
        self._ended += 1
        self._failed += line["state"] == "failed"
        seconds = f" ({line['seconds']:g} s)" if "seconds" in line else ""
        text = line["error"] if line["state"] == "failed" else "done"
        out.print(f"{job.number} {job.title}: {text}{seconds}", markup=False, soft_wrap=True)

    def __rich__(self) -> Table:
        minutes = (time.monotonic() - self._start) / 60
        table = Table(title=f"{self._ended} of {self._jobs} jobs ended, {self._failed} failed, "
                            f"{minutes:.0f} min{self._remaining(minutes)}")
        for heading in ("job", "%", "step"):
            table.add_column(heading)
        for task, (fraction, message) in sorted(self._running.items(), key=lambda item: _numbers(item[0])):
            table.add_row(task, f"{100 * fraction:.0f}", message)
        return table

    def _remaining(self, minutes: float) -> str:
        """Return how long the rest takes at the speed so far."""
        if not self._ended or self._ended == self._jobs:
            return ""
        return f", about {minutes / self._ended * (self._jobs - self._ended):.0f} min left"


def _numbers(task: str) -> list[int]:
    """Return the numbers in a task's title, by which it is sorted."""
    return [int(digits) for digits in re.findall(r"\d+", task)]


@contextmanager
def batch_display(jobs: Sequence[Job]) -> Iterator[BatchDisplay]:
    """Yield what shows the batch within the block."""
    display = BatchDisplay(jobs)
    if not out.is_terminal:
        yield display
        return
    with Live(get_renderable=display.__rich__, console=out, transient=True, refresh_per_second=2):
        yield display
