"""Programs run beside Blender: what they inherit, what they say, and how they are ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from .errors import HeadroomError
from .tasks import ProgressToken

KEPT_LINES = 30
"""Of what a program said last, to explain its failure."""


class ProgramFailed(HeadroomError):
    """A program could not be run or ended with an error; `lines` are the last it said."""

    def __init__(self, message: str, lines: Sequence[str] = ()):
        super().__init__(message)
        self.lines = list(lines)


def child_environment(added: Mapping[str, str]) -> dict[str, str]:
    """Ours without what belongs to Blender's Python and would break another."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONEXECUTABLE")}
    if sys.platform == "darwin":
        kept.pop("__PYVENV_LAUNCHER__", None)
    return {**kept, "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1", **added}


def run_lines(command: Sequence[str | Path], watch: ProgressToken, on_line: Callable[[str], None] = lambda line: None,
              environment: Mapping[str, str] | None = None) -> list[str]:
    """Run a program to its end, handing over each line it says; it is ended when the user stops.

    Returns the last lines. Raises ProgramFailed, or Cancelled.
    """
    words = [str(word) for word in command]
    kept: deque[str] = deque(maxlen=KEPT_LINES)
    process = _spawn(words, child_environment(environment or {}))
    with watch.on_stop(lambda: end(process)):
        try:
            watch.check()
            for line in process.stdout or ():
                kept.append(line.rstrip())
                on_line(line.rstrip())
                watch.check()
            code = process.wait()
        finally:
            end(process)
            if process.stdout is not None:
                process.stdout.close()
    watch.check()
    if code:
        raise ProgramFailed(f"{Path(words[0]).name} ended with code {code}.", list(kept))
    return list(kept)


def end(process: "subprocess.Popen[str]") -> None:
    """End a program with what it has started, from any thread; nothing happens when it has ended."""
    if process.poll() is not None:
        return
    if sys.platform == "win32":
        process.terminate()
    else:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _spawn(words: list[str], environment: dict[str, str]) -> "subprocess.Popen[str]":
    """Both outputs in one; a group of its own, so that children end with it."""
    no_window = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows would open a console
    try:
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, encoding="utf-8", errors="replace", env=environment,
                                creationflags=no_window, start_new_session=sys.platform != "win32")
    except OSError as error:
        raise ProgramFailed(f"Cannot run {words[0]}: {error.strerror}.") from error
