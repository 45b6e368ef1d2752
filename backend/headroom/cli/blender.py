"""Headless Blender: it runs the add-on to make a shot, with a backend that this process starts.

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
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from headroom.cli.console import EXIT_CANCELLED, EXIT_INPUT
from headroom.cli.local_server import LocalServer, local_server, stop
from headroom.cli.system_libraries import package_named_in
from headroom.common.choices import Engine, Layer
from headroom.common.errors import Cancelled, HeadroomError, InputError
from headroom.common.paths import shipped_file
from headroom.common.progress import Progress, no_progress
from headroom.common.settings import MatchSettings, PerformSettings
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


@dataclass(frozen=True)
class ShotOptions:
    """How a shot is made.

    controls: texts such as "mouth.gain=1.2" that change the prediction (`pipeline.perform`).
    performance: file of a performance to use instead of predicting one.
    blend: file to save the scene to.
    key_error: of the sparse keys, 1 is 0.15 degrees, 0.3 mm and 0.01 of a control; 0 keys every frame.
    engine: what draws the head.
    label: text in a corner of the picture; empty for none.
    layer: the finished frame, or the refined face alone.
    people: subject and speech of each of the other people in the picture.
    mirror: whether left and right of the performance in the file change sides.
    """

    perform: PerformSettings = field(default_factory=PerformSettings)
    match: MatchSettings = field(default_factory=MatchSettings)
    controls: tuple[str, ...] = ()
    performance: Path | None = None
    blend: Path | None = None
    key_error: float = 1.0
    engine: Engine = "auto"
    label: str = ""
    layer: Layer = "frame"
    people: tuple[tuple[Path, Path], ...] = ()
    mirror: bool = False

    @property
    def changes_prediction(self) -> bool:
        """Whether the add-on cannot predict this performance by itself."""
        return bool(self.controls) or self.perform.pose != PerformSettings().pose


@dataclass(frozen=True)
class ShotResult:
    """A finished shot: its number of frames and what the user should know."""

    frames: int
    notes: list[str]


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


def make_shot(subject: Path, speech: Path, movie: Path, options: ShotOptions = ShotOptions(),
              progress: Progress = no_progress) -> ShotResult:
    """Build the scene of a shot, render it, refine it and write the movie.

    Raises InputError for wrong input, HeadroomError when Blender fails.
    """
    require_usable(subject, speech, options)
    if options.performance is not None and (options.changes_prediction or options.perform.transcript is not None):
        raise InputError("--control, --pose and --transcript change a prediction, and --performance is used instead of "
                         "one; leave one of them out.")
    if options.mirror and options.performance is None:
        raise InputError("Only a performance from a file is mirrored. Add --performance, or leave --mirror out.")
    if options.people and (options.performance is not None or options.perform.transcript is not None
                           or options.controls):
        raise InputError("--control, --performance and --transcript are for one person, and --with adds others; leave "
                         "one of them out.")
    progress(0.0, "Starting Blender")
    with running_extension() as extension:
        performance = options.performance
        if options.changes_prediction and not options.people:
            performance = _predict(subject, speech, extension.folder, options)
        arguments = _arguments(subject, speech, movie, options, performance)
        if options.perform.transcript is not None and performance is None:
            arguments += ["--transcript", _transcript(extension.folder, options.perform.transcript)]
        result = extension.run(arguments, progress)[-1]
    return ShotResult(int(result["frames"]), list(result.get("notes", ())))


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


def require_usable(subject: Path, speech: Path, options: ShotOptions) -> None:
    """Raise InputError for inputs and options that cannot be used, before Blender starts."""
    from headroom.media.audio import audio_on_disk, require_speech
    from headroom.media.label import open_label
    from headroom.media.sound_plan import sound_plan
    from headroom.subject.folder import Subject
    from headroom.subject.performance_files import read_performance

    person = Subject.open_for(subject, options.perform.use)
    if options.performance is not None:
        read_performance(options.performance, person.rig)
    with audio_on_disk(speech, track=options.perform.audio_track) as samples:
        if not options.people:  # of several, some may only listen
            require_speech(samples, speech.name)
    for other, other_speech in options.people:
        Subject.open_for(other, options.perform.use)
        sound_plan(other_speech)
    open_label(options.label, person.track.camera.width, person.track.camera.height)


def _arguments(subject: Path, speech: Path, movie: Path, options: ShotOptions, performance: Path | None) -> list[str]:
    """Return the words of the add-on's `shot` command."""
    arguments = ["shot", "--subject", subject, "--speech", speech, "--output", movie, "--seed", options.perform.seed,
                 "--plate-fit", options.match.plate_fit, "--key-error", options.key_error, "--engine", options.engine]
    arguments += ["--blend", options.blend] if options.blend else []
    arguments += ["--use", options.perform.use] if options.perform.use else []
    arguments += ["--label", options.label] if options.label else []
    arguments += ["--layer", options.layer] if options.layer != "frame" else []
    arguments += ["--performance", performance] if performance else []
    arguments += ["--mirror"] if options.mirror else []
    arguments += ["--audio-track", options.perform.audio_track] if options.perform.audio_track else []
    if options.people:
        arguments += ["--pose", options.perform.pose, *(word for each in options.people
                                                            for word in ("--with", "=".join(map(str, each))))]
    return [str(argument) for argument in arguments]


def _predict(subject: Path, speech: Path, folder: Path, options: ShotOptions) -> Path:
    """Predict a performance with the controls and the pose of `options`; return its file in `folder`."""
    from headroom.pipeline import perform

    performance, _ = perform(subject, speech, options.perform, controls=options.controls)
    performance.save(folder / "performance.npz")
    return folder / "performance.npz"


def _transcript(folder: Path, text: str) -> str:
    """Write the words of the speech into `folder`, because the add-on takes a file; return its path."""
    path = folder / "transcript.txt"
    path.write_text(text, encoding="utf-8")
    return str(path)


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
