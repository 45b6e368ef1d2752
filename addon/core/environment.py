"""The backend's private environment: made, verified, repaired and removed by the add-on, in one folder of its own.

In the folder: `tools/` with uv, which installs; `python/` that uv has fetched where the machine had none; `cache/`
while installing, so that an interrupted installation goes on where it stopped; `env/` with the backend; `state.json`;
`setup.log`. Everything here blocks: call it from a thread.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

from .errors import Cancelled, HeadroomError, InputError
from .files import written_whole
from .locks import only_one
from .processes import ProgramFailed, run_lines
from .pythons import FETCHED, find_python
from .tasks import ProgressToken
from .uv_output import Installing, remedy

STATE_FILE = "state.json"
IMPORTS = "import headroom.pipeline, headroom.server.serve"
OWN_INDEX = ("UV_TORCH_BACKEND", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS")
"""Variables of uv by which somebody says where packages come from."""
NOT_OURS = ("Blender",)  # of the doctor's findings: the backend behind Blender needs none of its own


class State(Enum):
    """How the environment stands. The last four are what is being done to it, or how that ended, in this Blender."""

    NOT_INSTALLED = "not installed"
    INCOMPLETE = "incomplete"
    OUTDATED = "outdated"
    READY = "ready"
    INSTALLING = "installing"
    VERIFYING = "verifying"
    REMOVING = "removing"
    FAILED = "failed"


@dataclass(frozen=True)
class Record:
    """What `state.json` says: whether the installation was finished, of which version, and how it last failed."""

    complete: bool
    version: str
    problem: str = ""


class Environment:
    """The environment in `folder` for the backend of `version`, which the add-on of the same version needs."""

    def __init__(self, folder: Path, version: str):
        self.folder, self.version = Path(folder), version
        self._activity: State | None = None
        self._read: tuple[tuple[int, ...], Record] | None = None  # which state.json was read, and what it said

    @property
    def python(self) -> Path:
        return _program(self.folder / "env", "python")

    @property
    def state(self) -> State:
        """What is being done now, otherwise what the folder says."""
        if self._activity is not None:
            return self._activity
        record = self._record()
        if record is None:
            return State.NOT_INSTALLED
        if record.problem:
            return State.FAILED
        if not record.complete or not self.python.exists():
            return State.INCOMPLETE
        return State.READY if record.version == self.version else State.OUTDATED

    @property
    def problem(self) -> str:
        """How the last attempt failed; empty when it did not."""
        record = self._record()
        return record.problem if record else ""

    def install(self, package: str, host_python: str, watch: ProgressToken) -> str:
        """Make the environment anew with `package` in it; says what it runs on.

        `package` is a wheel, a folder or a name for the index. `host_python` runs Blender; it fetches uv where the
        machine has no Python that the backend can use.
        """
        with self._doing(State.INSTALLING):
            self._write(Record(False, self.version))
            base = find_python(watch.subtoken(0.0, 0.03))
            uv = self._uv(str(base or host_python), watch.subtoken(0.03, 0.1))
            watch.report(0.1, "Making the environment")
            self._run([uv, "venv", "--clear", "--python", base or FETCHED, self.folder / "env"], watch)
            news = Installing(watch.subtoken(0.1, 0.9).report)
            self._run([uv, "pip", "install", "--python", self.python, package], watch, news.line)
            device = self._examine(watch.subtoken(0.9, 1.0))
            self._write(Record(True, self.version))
            shutil.rmtree(self.folder / "cache", ignore_errors=True)
            return device

    def verify(self, watch: ProgressToken) -> str:
        """Import the backend and ask its doctor; says what it runs on, raises with the first thing that is wrong."""
        record = self._record()
        if record is None:
            raise InputError("The backend is not set up. Set it up first.")
        with self._doing(State.VERIFYING):
            device = self._examine(watch)
            self._write(Record(True, record.version))
            return device

    def remove(self, watch: ProgressToken) -> None:
        """Delete the folder and nothing else; refused where its contents are not ours."""
        watch.check()
        if self._record() is None:
            raise InputError(f"{self.folder} was not made by Headroom. Nothing was removed.")
        with self._doing(State.REMOVING):
            self._write(Record(False, self.version))  # what is left of a removal that stops half-way
            for name in ("env", "cache", "python", "tools"):
                _delete(self.folder / name)
        for name in ("setup.log", "lock", STATE_FILE):
            (self.folder / name).unlink(missing_ok=True)
        with suppress(OSError):  # somebody has put a file there
            self.folder.rmdir()

    def _uv(self, python: str, watch: ProgressToken) -> Path:
        """uv in an environment of its own, which is kept for the next time."""
        uv = _program(self.folder / "tools", "uv")
        watch.report(0.0, "Fetching the installer")
        try:
            run_lines([uv, "--version"], watch, environment=self._variables())
        except ProgramFailed:
            self._run([python, "-m", "venv", "--clear", self.folder / "tools"], watch)
            self._run([_program(self.folder / "tools", "python"), "-m", "pip", "install", "uv"], watch)
        return uv

    def _examine(self, watch: ProgressToken) -> str:
        """What the backend runs on, once it imports and its doctor finds nothing missing."""
        watch.report(0.1, "Starting the backend for the first time")
        self._run([self.python, "-I", "-c", IMPORTS], watch)
        watch.report(0.6, "Checking the backend")
        findings = _findings(self.python, watch)
        for finding in findings:
            if not finding["ok"] and finding["what"] not in NOT_OURS:
                raise HeadroomError(f"The backend lacks something ({finding['what']}: {finding['found']}). "
                                    f"{finding['remedy']}")
        return next((finding["found"] for finding in findings if finding["what"] == "device"), "this machine")

    def _run(self, command: Sequence[str | Path], watch: ProgressToken, on_line: Callable[[str], None] = lambda line: None
             ) -> None:
        """One step of the installation, written to setup.log; its failure becomes a sentence with what helps."""
        with open(self.folder / "setup.log", "a", encoding="utf-8") as log:
            def note(line: str) -> None:
                log.write(line + "\n")
                on_line(line)

            note("$ " + " ".join(map(str, command)))
            try:
                run_lines(command, watch, note, self._variables())
            except ProgramFailed as error:
                raise HeadroomError(remedy(error, self.folder / "setup.log")) from error

    def _variables(self) -> dict[str, str]:
        """Keeps uv inside the folder. It picks torch's build for this machine's GPU, unless the user has a mirror."""
        inside = {"UV_CACHE_DIR": str(self.folder / "cache"), "UV_PYTHON_INSTALL_DIR": str(self.folder / "python")}
        if any(name in os.environ for name in OWN_INDEX):
            return inside
        return {**inside, "UV_TORCH_BACKEND": "auto"}

    @contextmanager
    def _doing(self, activity: State) -> Iterator[None]:
        """Only one Blender at a time; an error stays written down, a wish to stop does not."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with only_one(self.folder / "lock", "Another Blender is setting up the backend. Wait until it has ended."):
            self._activity = activity
            try:
                yield
            except Cancelled:
                raise
            except OSError as error:
                problem = f"Cannot write in {self.folder}: {error.strerror}. Make room there, then set up again."
                self._write_problem(problem)
                raise HeadroomError(problem) from error
            except HeadroomError as error:
                self._write_problem(str(error))
                raise
            finally:
                self._activity = None

    def _record(self) -> Record | None:
        """What is written down. The panel asks several times for each redraw, so each file is read once."""
        path = self.folder / STATE_FILE
        try:
            status = path.stat()
        except OSError:
            return None
        mark = status.st_ino, status.st_mtime_ns, status.st_size
        if self._read is None or self._read[0] != mark:
            self._read = mark, _record_in(path)
        return self._read[1]

    def _write(self, record: Record) -> None:
        with written_whole(self.folder / STATE_FILE) as half:
            half.write_text(json.dumps(asdict(record)), encoding="utf-8")

    def _write_problem(self, problem: str) -> None:
        with suppress(InputError):  # a full disk
            self._write(Record(False, self.version, problem))


def _record_in(path: Path) -> Record:
    """A `state.json`; one that cannot be read counts as an installation that was not finished."""
    try:
        return Record(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Record(False, "")


def _findings(python: Path, watch: ProgressToken) -> list[dict]:
    """What `headroom doctor --json` says; it ends with an error when something is missing."""
    lines: list[str] = []
    with suppress(ProgramFailed):
        run_lines([python, "-I", "-m", "headroom", "doctor", "--json"], watch, lines.append)
    start = lines.index("[") if "[" in lines else 0
    try:
        return json.JSONDecoder().raw_decode("\n".join(lines[start:]))[0]
    except ValueError as error:
        last = lines[-1].rstrip(".") if lines else "it said nothing"
        raise HeadroomError(f"The backend's doctor failed: {last}. Repair the backend.") from error


def _program(environment: Path, name: str) -> Path:
    """A program of a virtual environment."""
    if sys.platform == "win32":
        return environment / "Scripts" / f"{name}.exe"
    return environment / "bin" / name


def _delete(folder: Path) -> None:
    """Remove a folder, or a link to one without touching what it points to."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)
