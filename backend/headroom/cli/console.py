"""How the command line talks: progress and results on stdout, one sentence of error on stderr."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from headroom.common.errors import Cancelled, HeadroomError, InputError
from headroom.common.progress import Progress as Report

EXIT_FAILED, EXIT_INPUT, EXIT_CANCELLED = 1, 2, 130
PLAIN_EVERY_SECONDS = 15.0  # without a terminal, a line is printed at least this far apart while the message stays

PLAIN_WIDTH = 120  # columns of tables in a file or a pipe

out = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)


@contextmanager
def native_logs_dropped() -> Iterator[None]:
    """Drop what C++ libraries write to stderr meanwhile, so that it holds our one sentence and nothing else.

    MediaPipe logs warnings there that no setting of its turns off; Python's own stderr goes on.
    """
    try:
        sys.stderr.flush()
        is_real = sys.stderr.fileno() == 2
    except (AttributeError, OSError, ValueError):
        is_real = False
    if not is_real:
        yield
        return
    kept, python_stderr = os.dup(2), sys.stderr
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)
    sys.stderr = open(kept, "w", buffering=1, encoding=python_stderr.encoding, errors="backslashreplace")
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        sys.stderr.close()
        sys.stderr = python_stderr


@contextmanager
def progress_bar() -> Iterator[Report]:
    """A `headroom.common.progress.Progress` that draws a bar, or prints plain lines where there is no terminal."""
    if not out.is_terminal:
        yield PlainProgress()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task("Starting", total=1.0)

        def report(fraction: float, message: str) -> None:
            bar.update(task, completed=fraction, description=message)

        yield report


class PlainProgress:
    """Prints a line for every new message, and now and then while one lasts or only counts on."""

    def __init__(self) -> None:
        self._words, self._printed = "", 0.0

    def __call__(self, fraction: float, message: str) -> None:
        now, words = time.monotonic(), re.sub(r"\d+", "", message)
        if words == self._words and now - self._printed < PLAIN_EVERY_SECONDS:
            return
        self._words, self._printed = words, now
        print(f"{100 * fraction:3.0f} % {message}", flush=True)


def exit_code_of(error: BaseException, debug: bool = False) -> int:
    """Say what went wrong in one sentence and return the exit code; `debug` adds the traceback."""
    if debug:
        traceback.print_exception(error)
    if isinstance(error, (KeyboardInterrupt, Cancelled)):
        print("Stopped; nothing was written.", file=sys.stderr)
        return EXIT_CANCELLED
    if not isinstance(error, HeadroomError):
        raise error
    print(error, file=sys.stderr)
    return EXIT_INPUT if isinstance(error, InputError) else EXIT_FAILED


def say_notes(notes: list[str]) -> None:
    for note in notes:
        out.print(f"Note: {note}", markup=False)


def require_file_later(path: Path, suffix: str) -> Path:
    """`path`, once it is plain that a file can be written there; makes nothing, so bad input leaves nothing behind."""
    if path.suffix.lower() != suffix:
        raise InputError(f"{path} must end in {suffix}; choose another name.")
    if path.is_dir():
        raise InputError(f"{path} is a folder; choose a file name in it.")
    return _require_creatable(path)


def require_folder_later(path: Path, marker: str | None = None) -> Path:
    """The same for a folder. With `marker`, a folder that is there already is to be replaced as a whole, so it must be
    empty or hold the file `marker`.
    """
    if path.exists() and not path.is_dir():
        raise InputError(f"{path} is a file; choose a folder.")
    if marker and path.is_dir() and any(path.iterdir()) and not (path / marker).is_file():
        raise InputError(f"{path} holds other files, which would be lost; choose a new folder.")
    return _require_creatable(path)


def _require_creatable(path: Path) -> Path:
    folder = path.absolute().parent
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return path
    except OSError as error:
        raise InputError(f"Cannot write in {path.absolute().parent}; choose another folder.") from error
