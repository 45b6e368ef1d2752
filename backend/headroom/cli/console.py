"""Output of the command line: progress and results on stdout, one sentence for an error on stderr."""

from __future__ import annotations

import os
import re
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from headroom.common.errors import Cancelled, HeadroomError, InputError
from headroom.common.progress import Progress as ProgressFunction
from headroom.common.progress import seconds_left

EXIT_FAILED, EXIT_INPUT, EXIT_CANCELLED = 1, 2, 130
REPEAT_SECONDS = 15.0  # without a terminal, the time between two lines with the same message
PLAIN_WIDTH = 120  # columns of tables in a file or a pipe

out = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
"""The console on stdout, which all commands print to."""


@contextmanager
def without_native_logs() -> Iterator[None]:
    """Drop what C++ libraries write to stderr in the block, so that it only has our sentence.

    MediaPipe logs warnings there that none of its settings turns off. Python's own stderr is not affected.
    """
    try:
        sys.stderr.flush()
        is_file = sys.stderr.fileno() == 2
    except (AttributeError, OSError, ValueError):
        is_file = False
    if not is_file:
        yield
        return
    real_stderr, python_stderr = os.dup(2), sys.stderr
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)
    sys.stderr = open(real_stderr, "w", buffering=1, encoding=python_stderr.encoding, errors="backslashreplace")
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(real_stderr, 2)
        sys.stderr.close()
        sys.stderr = python_stderr


@contextmanager
def progress_bar() -> Iterator[ProgressFunction]:
    """Yield a progress function that draws a bar, or prints lines where stdout is no terminal."""
    if not out.is_terminal:
        yield PlainProgress()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), _TimeLeft())
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task("Starting", total=1.0)

        def report(fraction: float, message: str) -> None:
            bar.update(task, completed=fraction, description=message)

        yield report


@contextmanager
def resumable() -> Iterator[None]:
    """Say, where Ctrl+C stops the block, that the same command goes on; other commands say that nothing was kept."""
    try:
        yield
    except KeyboardInterrupt:
        print("Stopped; run the same command again to go on.", file=sys.stderr)
        raise SystemExit(EXIT_CANCELLED) from None


def time_left(elapsed: float, fraction: float) -> str:
    """Return how long the rest takes, such as "about 3 min left"; empty where that is not known."""
    seconds = seconds_left(elapsed, fraction)
    if seconds is None:
        return ""
    return f"about {seconds / 60:.0f} min left" if seconds >= 90 else f"about {max(seconds, 1):.0f} s left"


class _TimeLeft(ProgressColumn):
    """The time that is left by the speed since the start; rich's own column follows the speed of single steps."""

    def render(self, task: Task) -> Text:
        """Return the column's text."""
        return Text(time_left(task.elapsed or 0.0, task.completed))


class PlainProgress:
    """Prints a line for every new message, and every `REPEAT_SECONDS` while only numbers in it change."""

    def __init__(self) -> None:
        self._last_message, self._last_time, self._started = "", 0.0, time.monotonic()

    def __call__(self, fraction: float, message: str) -> None:
        """Print the progress if it is new."""
        now, without_numbers = time.monotonic(), re.sub(r"\d+", "", message)
        if without_numbers == self._last_message and now - self._last_time < REPEAT_SECONDS:
            return
        self._last_message, self._last_time = without_numbers, now
        left = time_left(now - self._started, fraction)
        print(f"{100 * fraction:3.0f} % {message}" + (f", {left}" if left else ""), flush=True)


def exit_code_of(error: BaseException, debug: bool = False) -> int:
    """Print the sentence for an error and return the exit code; `debug` also prints the traceback.

    Raises errors that are not `HeadroomError`s, because they are programming mistakes.
    """
    if debug:
        traceback.print_exception(error)
    if isinstance(error, (KeyboardInterrupt, Cancelled)):
        print("Stopped; nothing was written.", file=sys.stderr)
        return EXIT_CANCELLED
    if not isinstance(error, HeadroomError):
        raise error
    print(error, file=sys.stderr)
    return EXIT_INPUT if isinstance(error, InputError) else EXIT_FAILED


def print_notes(notes: list[str]) -> None:
    """Print what the user should know about a result."""
    for note in notes:
        out.print(f"Note: {note}", markup=False)
