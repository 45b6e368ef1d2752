"""Programs that run beside Blender: their environment, their output, and how they are ended."""

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
from .messages import message
from .tasks import ProgressToken

MAX_LINES = 30
"""Last lines of a program's output that are stored to explain its failure."""


class ProgramFailed(HeadroomError):
    """A program could not be started or ended with an error; `lines` are the last lines of its output."""

    def __init__(self, text: str, lines: Sequence[str] = ()):
        super().__init__(text)
        self.lines = list(lines)


def child_environment(added: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables for another Python, with those in `added`.

    Variables of Blender's own Python are left out, because they would break another one.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONEXECUTABLE")}
    if sys.platform == "darwin":
        inherited.pop("__PYVENV_LAUNCHER__", None)
    return {**inherited, "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1", **added}


def run_program(command: Sequence[str | Path], progress: ProgressToken,
                on_line: Callable[[str], None] = lambda line: None,
                environment: Mapping[str, str] | None = None) -> list[str]:
    """Run a program to its end and pass each line of its output to `on_line`; return the last `MAX_LINES` lines.

    The program is killed when the user cancels or `on_line` raises. Raises ProgramFailed or Cancelled.
    """
    words = [str(word) for word in command]
    lines: deque[str] = deque(maxlen=MAX_LINES)
    process = _spawn(words, child_environment(environment or {}))
    with progress.on_stop(lambda: kill(process)):
        try:
            progress.check()
            for line in process.stdout or ():
                lines.append(line.rstrip())
                on_line(line.rstrip())
                progress.check()
            code = process.wait()
        finally:
            kill(process)
            if process.stdout is not None:
                process.stdout.close()
    progress.check()
    if code:
        raise ProgramFailed(message("{program} ended with code {code}.", program=Path(words[0]).name, code=code),
                            list(lines))
    return list(lines)


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a program and the processes it has started, from any thread; do nothing when it has ended.

    On Windows only the program itself is killed, because it has no process groups.
    """
    if process.poll() is not None:
        return
    if sys.platform == "win32":
        process.terminate()
    else:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _spawn(words: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    """Start a program with stderr in its stdout, in a process group of its own so that `kill` ends its children."""
    no_window = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows would open a console
    try:
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, encoding="utf-8", errors="replace", env=environment,
                                creationflags=no_window, start_new_session=sys.platform != "win32")
    except OSError as error:
        raise ProgramFailed(message("Cannot run {program}: {reason}.", program=words[0], reason=error.strerror)
                            ) from error
