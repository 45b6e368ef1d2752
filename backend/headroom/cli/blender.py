"""Headless Blender: it runs commands of the add-on, with a backend that this process starts.

Blender is the program in HEADROOM_BLENDER, or the bpy package of this Python. Either runs the extension's zip
(addon/__main__.py), which installs itself and uses the backend over HTTP. docs/architecture.md describes both.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from headroom.cli.console import EXIT_CANCELLED, EXIT_INPUT
from headroom.cli.local_server import LocalServer, local_server, stop
from headroom.cli.system_libraries import package_named_in
from headroom.common.errors import Cancelled, HeadroomError, InputError
from headroom.common.paths import shipped_file
from headroom.common.progress import Progress, no_progress
from headroom.common.temporary import for_children, temporary_folder

UNEXPECTED = "Unexpected error"  # the beginning of the add-on's sentences for errors that the user did not cause
MAX_LINES = 40  # of Blender's messages that are stored, for the error message
RUN_ZIP = "import runpy; runpy.run_path({zip!r}, run_name='__main__')"


@dataclass(frozen=True)
class Blender:
    """A Blender that can run. `program` is its executable, None for the bpy package of this Python."""

    program: str | None
    description: str

    def command(self, archive: Path, arguments: list[str]) -> list[str]:
        """Return the command that runs the extension's zip with `arguments`."""
        if self.program is None:
            return [sys.executable, str(archive), *arguments]
        expression = RUN_ZIP.format(zip=str(archive))
        return [self.program, "--background", "--factory-startup", "--python-exit-code", "1",
                "--python-expr", expression, "--", *arguments]


class BlenderKilled(HeadroomError):
    """A signal has ended Blender."""


def find_blender() -> Blender:
    """Return the Blender to use; raises HeadroomError, which says how to get one, if there is none."""
    program = os.environ.get("HEADROOM_BLENDER")
    if program:
        path = shutil.which(program)
        if not path:
            raise HeadroomError(f"HEADROOM_BLENDER names {program}, which cannot be run. Set it to Blender's program.")
        return Blender(path, f"{path} (HEADROOM_BLENDER)")
    package = importlib.util.find_spec("bpy")
    if package is not None and package.origin is not None:  # stubs for type checkers have no module file
        return Blender(None, f"bpy package of {sys.executable}")
    raise HeadroomError(
        'Blender was not found. Run `pip install -e ".[blender]"` with a Python 3.11 in the folder of Headroom, '
        "or set HEADROOM_BLENDER to the Blender program."
    )


def build_extension(folder: Path) -> Path:
    """Build the extension's zip into `folder`, from the checkout or from the sources inside the wheel."""
    return Path(_builder().build(folder))


@contextmanager
def running_extension() -> Iterator[Extension]:
    """Build the extension's zip and start a backend for it; both live for the block.

    Raises HeadroomError when Blender was not found.
    """
    blender = find_blender()
    with temporary_folder() as folder, local_server() as server:
        extension = Extension(blender, build_extension(folder), server)
        try:
            yield extension
        finally:
            extension.stop()


@contextmanager
def planning_extension() -> Iterator[Extension]:
    """Build the extension's zip for the block, without a backend, for commands that use none.

    Raises HeadroomError when Blender was not found.
    """
    blender = find_blender()
    with temporary_folder() as folder:
        extension = Extension(blender, build_extension(folder), None)
        try:
            yield extension
        finally:
            extension.stop()


class Extension:
    """The extension's zip in headless Blender, with a backend. One command runs at a time."""

    def __init__(self, blender: Blender, archive: Path, server: LocalServer | None):
        """archive: the zip, alone in a temporary folder. server: None for commands that use no backend."""
        self.folder = archive.parent
        self._blender, self._archive, self._server = blender, archive, server
        self._process: subprocess.Popen[str] | None = None

    def run(self, arguments: list[str], progress: Progress = no_progress,
            codes: Container[int] = (0,)) -> list[dict[str, Any]]:
        """Run a command of the extension and return its lines of JSON, at least one.

        codes: exit codes of a command that has done its work.

        Raises InputError for wrong input, Cancelled for a stopped command, HeadroomError when Blender fails.
        """
        environment = os.environ | for_children(self.folder) | {"BLENDER_USER_RESOURCES": str(self.folder / "blender")}
        if self._server is not None:
            arguments = [*arguments, "--url", self._server.url]
            environment["HEADROOM_TOKEN"] = self._server.token
        command = self._blender.command(self._archive, arguments)
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, encoding="utf-8", errors="replace", start_new_session=True)
        results: list[dict[str, Any]] = []
        reader = threading.Thread(target=_read_results, args=(self._process.stdout or [], results), daemon=True)
        reader.start()
        try:
            messages = _report_progress(self._process.stderr or [], progress)
            code = self._process.wait()
            reader.join()
        finally:
            self.stop()
        if code in codes and results:
            return results
        raise _failure(code, messages)

    @property
    def is_usable(self) -> bool:
        """Whether the backend runs; it does not when it was killed."""
        return self._server is None or self._server.is_running

    def stop(self) -> None:
        """Stop the command that runs; any thread may call this."""
        if self._process is not None:
            stop(self._process)


def _read_results(stream: Iterable[str], results: list[dict[str, Any]]) -> None:
    """Collect the lines of JSON of a stream; the target of a thread."""
    with suppress(ValueError):  # `stop` closes the stream when this process is interrupted
        results += filter(None, map(_json_object, stream))


def _report_progress(stderr: Iterable[str], progress: Progress) -> list[str]:
    """Pass the progress lines of stderr on until it ends; return the last of its other lines."""
    others: deque[str] = deque(maxlen=MAX_LINES)
    for line in stderr:
        step = _json_object(line)
        if step is not None and {"fraction", "message"} <= step.keys():
            progress(float(step["fraction"]), str(step["message"]))
        elif line.strip():
            others.append(line.strip())
    return list(others)


def _failure(code: int, messages: list[str]) -> HeadroomError:
    """Return the error for a run that failed, from its exit code and the last lines of its stderr."""
    if code == EXIT_INPUT and messages:
        return HeadroomError(messages[-1]) if messages[-1].startswith(UNEXPECTED) else InputError(messages[-1])
    if code == EXIT_CANCELLED:
        return Cancelled("Stopped.")
    for line in messages:
        if "cannot open shared object" in line:
            package = package_named_in(line) or "the library named above"
            return HeadroomError(f"Blender needs a system library ({line.split(': ', 1)[-1]}). Install it with "
                                 f"`apt install {package}`; `headroom doctor` lists everything missing.")
    reason = messages[-1].rstrip(".") if messages else "it left no message"
    if code < 0:
        reason = f"it was ended by {signal.Signals(-code).name}"
    error = HeadroomError(f"Blender failed: {reason}. Run `headroom doctor`.")
    return BlenderKilled(str(error)) if code < 0 else error


def _json_object(line: str) -> dict[str, Any] | None:
    """Return the object in a line of JSON, None for any other line."""
    if not line.startswith("{"):
        return None
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _builder() -> ModuleType:
    """Import build_addon.py, which lies beside the checkout's backend or inside the installed package."""
    spec = importlib.util.spec_from_file_location("headroom_build_addon", shipped_file("", "build_addon.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
