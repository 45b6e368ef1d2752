"""Blender without a window: the shipped extension makes a shot there, with a backend of ours behind it.

Blender is the program named by HEADROOM_BLENDER, or the bpy package of this Python. Either runs the extension's zip
(addon/__main__.py), which installs itself and talks to the backend over HTTP; docs/architecture.md holds the contract.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from headroom.cli.local_server import local_server, stop
from headroom.cli.system_libraries import package_named_in
from headroom.common.errors import Cancelled, HeadroomError, InputError
from headroom.common.paths import shipped_file
from headroom.common.progress import Progress, no_progress

EXIT_INPUT, EXIT_CANCELLED = 2, 130
UNEXPECTED = "Unexpected error"  # how the backend begins when the fault is not the user's
KEPT_LINES = 40  # of what Blender says on stderr, for the error message
RUN_ZIP = "import runpy; runpy.run_path({zip!r}, run_name='__main__')"


@dataclass(frozen=True)
class Blender:
    """`program` is Blender's executable, or None for the bpy package of this Python."""

    program: str | None
    description: str

    def command(self, archive: Path, arguments: list[str]) -> list[str]:
        """How to run the extension's zip with `arguments`."""
        if self.program is None:
            return [sys.executable, str(archive), *arguments]
        expression = RUN_ZIP.format(zip=str(archive))
        return [self.program, "--background", "--factory-startup", "--python-exit-code", "1",
                "--python-expr", expression, "--", *arguments]


def find_blender() -> Blender:
    """The Blender to use; HeadroomError says how to get one."""
    program = os.environ.get("HEADROOM_BLENDER")
    if program:
        found = shutil.which(program)
        if not found:
            raise HeadroomError(f"HEADROOM_BLENDER names {program}, which cannot be run. Set it to Blender's program.")
        return Blender(found, f"{found} (HEADROOM_BLENDER)")
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


def make_shot(subject: Path, speech: Path, movie: Path, *, blend: Path | None = None, performance: Path | None = None,
              seed: int = 0, plate_fit: float = 0.0, controls: Sequence[str] = (), pose: str = "predicted",
              progress: Progress = no_progress) -> dict[str, Any]:
    """Build the shot's scene, render it in Eevee, refine it; returns {"movie", "blend", "frames", "notes"}.

    controls, pose: how a prediction is played (`pipeline.perform`).

    Raises InputError for what the user gave, HeadroomError when Blender itself fails.
    """
    require_usable(subject, speech)
    if performance is not None and (controls or pose != "predicted"):
        raise InputError("Controls play a prediction, and a performance was given; leave one of them out.")
    blender = find_blender()
    arguments = ["shot", "--subject", subject, "--speech", speech, "--output", movie, "--seed", seed,
                 "--plate-fit", plate_fit]
    arguments += ["--blend", blend] if blend else []
    progress(0.0, "Starting Blender")
    with tempfile.TemporaryDirectory(prefix="headroom-", ignore_cleanup_errors=True) as folder:
        if controls or pose != "predicted":
            performance = _played(subject, speech, Path(folder), controls, seed=seed, pose=pose)
        arguments += ["--performance", performance] if performance else []
        archive = build_extension(Path(folder))
        with local_server() as server:
            command = blender.command(archive, [*map(str, arguments), "--url", server.url])
            environment = os.environ | {"HEADROOM_TOKEN": server.token,
                                        "BLENDER_USER_RESOURCES": str(Path(folder) / "blender")}
            return _run(command, environment, progress)


def _played(subject: Path, speech: Path, folder: Path, controls: Sequence[str], **settings: Any) -> Path:
    """A prediction as the controls play it, in a file that the extension takes instead of predicting."""
    from headroom.common.settings import PerformSettings
    from headroom.pipeline import perform

    performance, _ = perform(subject, speech, PerformSettings(**settings), controls)
    performance.save(folder / "performance.npz")
    return folder / "performance.npz"


def require_usable(subject: Path, speech: Path) -> None:
    """InputError for what cannot become a shot, told at once instead of after Blender has started."""
    from headroom.media.audio import audio_on_disk, is_silent
    from headroom.subject.folder import Subject

    Subject.open(subject)
    with audio_on_disk(speech) as samples:
        if is_silent(samples):
            raise InputError(f"{speech.name} is silent; choose a recording with speech in it.")


def _run(command: list[str], environment: dict[str, str], progress: Progress) -> dict[str, Any]:
    """Run the extension, passing its progress on; its answer is the last JSON line of stdout."""
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace",
                               start_new_session=True)
    answer: deque[str] = deque(maxlen=KEPT_LINES)
    listener = threading.Thread(target=lambda: answer.extend(process.stdout or []), daemon=True)
    listener.start()
    try:
        said = _follow(process, progress)
        code = process.wait()
        listener.join()
    finally:
        stop(process)
    if code == 0:
        for line in reversed(answer):
            if (result := _json_line(line)) is not None:
                return result
    raise _failure(code, said)


def _follow(process: subprocess.Popen, progress: Progress) -> list[str]:
    """Pass progress lines on until stderr ends; returns the last other lines."""
    other: deque[str] = deque(maxlen=KEPT_LINES)
    for line in process.stderr or []:
        step = _json_line(line)
        if step is not None and "fraction" in step:
            progress(float(step["fraction"]), str(step["message"]))
        elif line.strip():
            other.append(line.strip())
    return list(other)


def _failure(code: int, said: list[str]) -> HeadroomError:
    """What a failed run means, in one sentence."""
    if code == EXIT_INPUT and said:
        return HeadroomError(said[-1]) if said[-1].startswith(UNEXPECTED) else InputError(said[-1])
    if code == EXIT_CANCELLED:
        return Cancelled("Stopped.")
    for line in said:
        if "cannot open shared object" in line:
            package = package_named_in(line) or "the library named above"
            return HeadroomError(f"Blender needs a system library ({line.split(': ', 1)[-1]}). Install it with "
                                 f"`apt install {package}`; `headroom doctor` lists everything missing.")
    reason = said[-1].rstrip(".") if said else "it said nothing"
    if code < 0:
        reason = f"it was ended by {signal.Signals(-code).name}"
    return HeadroomError(f"Blender failed: {reason}. Run `headroom doctor`.")


def _json_line(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _builder() -> ModuleType:
    """build_addon.py as a module: beside the checkout's backend, or inside the installed package."""
    spec = importlib.util.spec_from_file_location("headroom_build_addon", shipped_file("", "build_addon.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
