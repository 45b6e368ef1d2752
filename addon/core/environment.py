"""The backend's own Python environment: installed, verified, repaired and removed by the add-on, in one folder.

The folder holds `tools/` with uv, the installer; `python/` that uv downloads where the machine has none; `cache/`
during an installation, so that an interrupted one resumes; `env/` with the backend; `state.json`; `setup.log`; `lock`.
Every method blocks; call it from a thread.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path

from .errors import Cancelled, HeadroomError, InputError
from .locks import exclusive_lock
from .messages import message
from .processes import ProgramFailed, run_program
from .pythons import DOWNLOADED_VERSION, find_python
from .setup_state import SetupState, read_setup_state, write_setup_state
from .tasks import ProgressToken
from .uv_output import InstallProgress, failure_message

STATE_FILE = "state.json"
IMPORTS = "import headroom.pipeline, headroom.server.serve"
INDEX_VARIABLES = ("UV_TORCH_BACKEND", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS")
"""Environment variables with which a user chooses the package index of uv."""
IGNORED_CHECKS = ("Blender",)  # of `headroom doctor`: a backend started by Blender needs no Blender of its own


class State(Enum):
    """State of the environment. INSTALLING, VERIFYING and REMOVING are what this Blender does at the moment."""

    NOT_INSTALLED = "not installed"
    INCOMPLETE = "incomplete"
    OUTDATED = "outdated"
    READY = "ready"
    INSTALLING = "installing"
    VERIFYING = "verifying"
    REMOVING = "removing"
    FAILED = "failed"


class Environment:
    """The environment in `folder` with the backend of `version`, which is the add-on's version."""

    def __init__(self, folder: Path, version: str):
        self.folder, self.version = Path(folder), version
        self._activity: State | None = None  # set by the thread that works, read by the panel
        self._cached: tuple[tuple[int, ...], SetupState] | None = None  # identity of the state file, its content

    @property
    def python(self) -> Path:
        """The Python that has the backend."""
        return _program(self.folder / "env", "python")

    @property
    def activity(self) -> State | None:
        """What is done with the backend at present."""
        return self._activity

    @property
    def state(self) -> State:
        """What the folder holds; an activity goes on besides."""
        stored = self._stored_state()
        if stored is None:
            return State.NOT_INSTALLED
        if stored.error:
            return State.FAILED
        if not stored.complete or not self.python.exists():
            return State.INCOMPLETE
        return State.READY if stored.version == self.version else State.OUTDATED

    @property
    def error(self) -> str:
        """How the last attempt failed; empty when it did not."""
        stored = self._stored_state()
        return stored.error if stored else ""

    def install(self, package: str, host_python: str, progress: ProgressToken) -> str:
        """Make a new environment with `package` in it; return the device that the backend uses.

        An existing `env/` is deleted first, because two of them with torch (up to 8 GB each) may not fit on the disk.

        package: a wheel, a folder or a name in the package index.
        host_python: Blender's Python, which installs uv where the machine has no other usable Python.
        """
        with self._activity_of(State.INSTALLING):
            self._write(SetupState(False, self.version))
            base = find_python(progress.subtoken(0.0, 0.03))
            uv = self._install_uv(str(base or host_python), progress.subtoken(0.03, 0.1))
            progress.report(0.1, "Creating the environment")
            self._run([uv, "venv", "--clear", "--python", base or DOWNLOADED_VERSION, self.folder / "env"], progress)
            installation = InstallProgress(progress.subtoken(0.1, 0.9).report)
            self._run([uv, "pip", "install", "--python", self.python, package], progress, installation.add_line)
            device = self._check_backend(progress.subtoken(0.9, 1.0))
            self._write(SetupState(True, self.version))
            shutil.rmtree(self.folder / "cache", ignore_errors=True)
            return device

    def verify(self, progress: ProgressToken) -> str:
        """Import the backend, run `headroom doctor`, and return the device that the backend uses.

        Raises HeadroomError with the first thing that is wrong.
        """
        stored = self._stored_state()
        if stored is None:
            raise InputError("The backend is not set up. Set it up first.")
        with self._activity_of(State.VERIFYING):
            device = self._check_backend(progress)
            self._write(SetupState(True, stored.version))
            return device

    def remove(self, progress: ProgressToken) -> None:
        """Delete what Headroom has put into the folder. Raises InputError for a folder that Headroom did not make."""
        progress.check()
        if self._stored_state() is None:
            raise InputError(message("{folder} was not made by Headroom and was not removed. Delete it yourself.",
                                     folder=self.folder))
        with self._activity_of(State.REMOVING):
            self._write(SetupState(False, self.version))  # the state if the removal is interrupted
            for name in ("env", "cache", "python", "tools"):
                _delete(self.folder / name)
        for name in ("setup.log", "lock", STATE_FILE):
            (self.folder / name).unlink(missing_ok=True)
        with suppress(OSError):  # the folder has files of the user's
            self.folder.rmdir()

    def _install_uv(self, python: str, progress: ProgressToken) -> Path:
        """Return uv, installed into an environment of its own unless it is there."""
        uv = _program(self.folder / "tools", "uv")
        progress.report(0.0, "Downloading the installer")
        try:
            run_program([uv, "--version"], progress, environment=self._variables())
        except ProgramFailed:
            self._run([python, "-m", "venv", "--clear", self.folder / "tools"], progress)
            self._run([_program(self.folder / "tools", "python"), "-m", "pip", "install", "uv"], progress)
        return uv

    def _check_backend(self, progress: ProgressToken) -> str:
        """Import the backend and run its checks; return its device."""
        progress.report(0.1, "Starting the backend")
        self._run([self.python, "-I", "-c", IMPORTS], progress)
        progress.report(0.6, "Checking the backend")
        checks = _run_doctor(self.python, progress)
        for check in checks:
            if not check["ok"] and check["what"] not in IGNORED_CHECKS:
                raise HeadroomError(message("The backend cannot run ({check}: {result}). {remedy}", check=check["what"],
                                            result=check["found"], remedy=check["remedy"]))
        return next((check["found"] for check in checks if check["what"] == "device"), "this machine")

    def _run(self, command: Sequence[str | Path], progress: ProgressToken,
             on_line: Callable[[str], None] = lambda line: None) -> None:
        """Run one step and append its output to setup.log. Raises HeadroomError with what to do about a failure."""
        with open(self.folder / "setup.log", "a", encoding="utf-8") as log:
            def write_line(line: str) -> None:
                log.write(line + "\n")
                on_line(line)

            write_line("$ " + " ".join(map(str, command)))
            try:
                run_program(command, progress, write_line, self._variables())
            except ProgramFailed as error:
                raise HeadroomError(failure_message(error, self.folder / "setup.log")) from error

    def _variables(self) -> dict[str, str]:
        """Return uv's variables: its files stay in the folder, and it chooses torch's build for this machine's GPU.

        A user who names a package index chooses the build as well.
        """
        folders = {"UV_CACHE_DIR": str(self.folder / "cache"), "UV_PYTHON_INSTALL_DIR": str(self.folder / "python")}
        if any(name in os.environ for name in INDEX_VARIABLES):
            return folders
        return {**folders, "UV_TORCH_BACKEND": "auto"}

    @contextmanager
    def _activity_of(self, activity: State) -> Iterator[None]:
        """Hold the folder's lock and set `activity` during the block; store the message of an error.

        A cancelled installation stores no error, so it counts as incomplete.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with exclusive_lock(self.folder / "lock",
                            message("Another Blender is setting up the backend. Wait until it has finished.")):
            self._activity = activity
            try:
                yield
            except Cancelled:
                raise
            except OSError as error:
                text = message("Cannot write in {folder}: {reason}. Free some disk space, then set up again.",
                               folder=self.folder, reason=error.strerror)
                self._write_error(text)
                raise HeadroomError(text) from error
            except HeadroomError as error:
                self._write_error(str(error))
                raise
            finally:
                self._activity = None

    def _stored_state(self) -> SetupState | None:
        """Return the content of the state file, read again only when it has changed, because every redraw asks."""
        path = self.folder / STATE_FILE
        try:
            status = path.stat()
        except OSError:
            return None
        identity = status.st_ino, status.st_mtime_ns, status.st_size
        if self._cached is None or self._cached[0] != identity:
            self._cached = identity, read_setup_state(path)
        return self._cached[1]

    def _write(self, state: SetupState) -> None:
        write_setup_state(self.folder / STATE_FILE, state)

    def _write_error(self, error: str) -> None:
        with suppress(InputError):  # the disk is full
            self._write(SetupState(False, self.version, error))


def _run_doctor(python: Path, progress: ProgressToken) -> list[dict]:
    """Return the checks of `headroom doctor --json`, which ends with an error code when one fails."""
    lines: list[str] = []
    with suppress(ProgramFailed):
        run_program([python, "-I", "-m", "headroom", "doctor", "--json"], progress, lines.append)
    start = lines.index("[") if "[" in lines else 0
    try:
        return json.JSONDecoder().raw_decode("\n".join(lines[start:]))[0]
    except ValueError as error:
        reason = lines[-1].rstrip(".") if lines else message("no output")
        raise HeadroomError(message("The backend's checks failed: {reason}. Repair the backend.",
                                    reason=reason)) from error


def _program(environment: Path, name: str) -> Path:
    """Return the path of a program in a virtual environment."""
    if sys.platform == "win32":
        return environment / "Scripts" / f"{name}.exe"
    return environment / "bin" / name


def _delete(folder: Path) -> None:
    """Delete a folder; of a link to a folder delete the link alone."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)
