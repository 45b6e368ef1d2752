"""The table of a running batch in a terminal, and lines where stdout is no terminal."""

from __future__ import annotations

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
        self._titles = {job.number: job.title for job in jobs}
        self._running: dict[int, tuple[float, str]] = {}
        self._ended = self._failed = 0
        self._start = time.monotonic()

    def progress(self, number: int, fraction: float, message: str) -> None:
        """Show how far a job is."""
        self._running[number] = (fraction, message)

    def finished(self, job: Job, line: Line) -> None:
        """Print how a job has ended."""
        self._running.pop(job.number, None)
        self._ended += 1
        self._failed += line["state"] == "failed"
        seconds = f" ({line['seconds']:g} s)" if "seconds" in line else ""
        text = line["error"] if line["state"] == "failed" else "done"
        out.print(f"{job.number} {job.title}: {text}{seconds}", markup=False, soft_wrap=True)

    def __rich__(self) -> Table:
        minutes = (time.monotonic() - self._start) / 60
        table = Table(title=f"{self._ended} of {len(self._titles)} jobs ended, {self._failed} failed, "
                            f"{minutes:.0f} min{self._remaining(minutes)}")
        for heading in ("job", "%", "step"):
            table.add_column(heading)
        for number, (fraction, message) in sorted(self._running.items()):
            table.add_row(f"{number} {self._titles[number]}", f"{100 * fraction:.0f}", message)
        return table

    def _remaining(self, minutes: float) -> str:
        """Return how long the rest takes at the speed so far."""
        if not self._ended or self._ended == len(self._titles):
            return ""
        return f", about {minutes / self._ended * (len(self._titles) - self._ended):.0f} min left"


@contextmanager
def batch_display(jobs: Sequence[Job]) -> Iterator[BatchDisplay]:
    """Yield what shows the batch within the block."""
    display = BatchDisplay(jobs)
    if not out.is_terminal:
        yield display
        return
    with Live(get_renderable=display.__rich__, console=out, transient=True, refresh_per_second=2):
        yield display
