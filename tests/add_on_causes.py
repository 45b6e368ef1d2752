"""Causes of the add-on's messages that need no Blender: message -> function that raises or returns it."""

from __future__ import annotations

import importlib
import io
import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

Cause = Callable[[Path], Any]
"""Called with an empty folder."""
NO_ADDRESS = "An address looks like http://127.0.0.1:8000"


def core(name: str) -> ModuleType:
    """Return a module of addon/core."""
    return importlib.import_module(f"addon.core.{name}")


def write_text(folder: Path, name: str, text: str = "not what it should be") -> Path:
    """Write a text file and return it."""
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def token() -> Any:
    return core("tasks").ProgressToken(lambda step: None)


def client(**transport: Any) -> Any:
    """Return a client whose transport is a stand-in with these functions."""
    result = core("client").Client("http://127.0.0.1:9", "")
    result._transport = SimpleNamespace(url="http://127.0.0.1:9", **transport)
    result._version_checked = "json" not in transport
    return result


def reply(data: bytes) -> Callable[..., Any]:
    """Return what `Transport.open` would be if every reply had this body."""
    return lambda *arguments: nullcontext(SimpleNamespace(read=io.BytesIO(data).read, readline=lambda: b""))


def refused(status: int) -> Any:
    """Return the error for a reply of another program than the backend."""
    return core("transport")._refused(SimpleNamespace(read=lambda: b"<html>", status=status))


def job(state: str, result: Any = None) -> Any:
    return core("job").Job("1", "perform", state, 1.0, "", result, 0.0, None)


def backend(**functions: Any) -> Any:
    """Return a backend whose jobs are submitted and cancelled, with these functions besides."""
    return SimpleNamespace(submit=lambda *arguments: job("queued"), cancel=lambda job_id: None,
                           put_tree=lambda folder: {}, put_bytes=lambda data: "", **functions)


def match_too_few_plates(folder: Path) -> None:
    """Match two poses with a backend that matches one."""
    def get_file(sha: str, path: Path) -> None:
        np.savez(path, plate=[0], rotation=np.zeros((1, 3)), translation=np.zeros((1, 3)), position=[0.0])

    jobs = core("backend_jobs")
    poses = jobs.Poses(25.0, np.zeros((2, 3)), np.zeros((2, 3)), np.full(2, np.nan))
    jobs.match_plates(backend(events=lambda job_id: [job("done", {"match": "sha"})], get_file=get_file),
                      jobs.SubjectUse(folder), poses,
                      0.0, folder, token())


def local_backend(script: str, seconds: float = 20.0) -> Cause:
    """Start a backend that runs `script` instead of `headroom serve`."""
    def start(folder: Path) -> None:
        local = core("backend").LocalBackend(sys.executable, folder, ("-c", script))
        try:
            local.start(seconds)
        finally:
            local.stop()

    return start


def stopped_start(folder: Path) -> None:
    """Stop a backend while it starts."""
    local = core("backend").LocalBackend(sys.executable, folder)
    local._wait_until_ready = lambda *arguments: local.stop() or {"url": "http://127.0.0.1:9", "token": ""}
    local.start()


def environment(folder: Path, complete: bool = True) -> Any:
    """Return the environment in `folder`, with the state of an earlier installation."""
    result = core("environment").Environment(folder, "1")
    if complete:
        core("setup_state").write_setup_state(folder / "state.json", core("setup_state").SetupState(True, "1"))
    return result


def verify_without_a_log(folder: Path) -> None:
    """Verify a backend whose log cannot be written."""
    (folder / "setup.log").mkdir()
    environment(folder).verify(token())


def failed_setup(*lines: str) -> Cause:
    """Explain a failure of uv after these lines of its output."""
    return lambda folder: core("uv_output").failure_message(
        core("processes").ProgramFailed("uv", lines), folder / "setup.log")


def entry(content: Any) -> Cause:
    """Check an entry of a job file."""
    return lambda folder: core("job_file").request_of(content, folder)


def job_file(content: Any) -> Cause:
    """Read a job file."""
    return lambda folder: core("job_file").read_jobs(write_text(folder, "jobs.json", content))


def subject(info: str | None) -> Cause:
    """Open a subject folder whose metadata is `info`; None is a folder without the file."""
    def open_subject(folder: Path) -> None:
        for name in ("rig.npz", "albedo.png"):
            write_text(folder, name)
        if info is not None:
            write_text(folder, "subject.toml", info)
        core("subject").Subject.open(folder)

    return open_subject


SETUP: dict[str, Cause] = {
    "The disk is full. Free some space (the backend needs up to 8 GB), then set up again.":
        failed_setup("No space left on device"),
    "Cannot reach the package index. Check the connection and the proxy, then set up again.":
        failed_setup("error: dns error"),
    "A package is not available for this machine. Use a server instead, or see the log.":
        failed_setup("No solution found"),
    "Blender's Python cannot make environments. Install Python 3.11 on this machine, then set up again.":
        failed_setup("Error: No module named venv"),
    "Setup failed: …. Try again; details are in ….": failed_setup("error: odd", "see above"),
    "The backend is not set up. Set it up first.": lambda folder: environment(folder, complete=False).verify(token()),
    "Cannot write in …: …. Free some disk space, then set up again.": verify_without_a_log,
    "… was not made by Headroom and was not removed. Delete it yourself.":
        lambda folder: environment(folder, complete=False).remove(token()),
    "No backend. Set it up in the Headroom panel, or enter a server or a Python in the preferences":
        lambda folder: core("connection").Connection().client(core("connection").Address()),
}

BACKEND: dict[str, Cause] = {
    f"… is not the address of a backend. {NO_ADDRESS}": lambda folder: core("client").Client("ftp://server", ""),
    f"… has no valid port. {NO_ADDRESS}": lambda folder: core("client").Client("http://server:99999", ""),
    "The backend refused the request with status …. Check its address.": lambda folder: refused(502),
    "The backend at … is older than the add-on. Update the backend.":
        lambda folder: client(json=lambda *arguments: raise_(refused(404))).health(),
    "The backend has version … of the API, the add-on has version …. Update the older of the two.":
        lambda folder: client(json=lambda *arguments: {"api": 99}).health(),
    "The backend at … does not answer (…). Check in the preferences that it is running, or start it again.":
        lambda folder: core("client").Client("http://127.0.0.1:9", "").health(),
    "The backend at … stopped reporting on the job. Check that it is running.":
        lambda folder: list(client(open=reply(b"")).events("1")),
    "A file changed on its way from the backend (its SHA-256 differs). Try again.":
        lambda folder: client(open=reply(b"else")).get_file("0" * 64, folder / "x"),
    "The backend sent a folder with a file called …, which is not safe to write. Use a backend that you trust.":
        lambda folder: client().get_tree({"../x": "0" * 64}, folder / "subject"),
    "Cannot read …: …. Choose another file.": lambda folder: client().put_file(folder / "missing.wav"),
    "There are no files in …. Choose a subject's folder.": lambda folder: client().put_tree(folder),
    "The backend ended the job … without a result. Try again.": lambda folder: core("backend_jobs").run_job(
        backend(events=lambda job_id: [job("failed")]), "perform", {}, {}, token()),
    "The backend matched … of … frames. Try again.": match_too_few_plates,
    "The backend answers, but its worker has not started in … seconds. Run headroom doctor with the backend's Python.":
        lambda folder: core("backend_jobs").device(backend(health=lambda: {"device": "starting"}), token(), -1.0),
    "The backend is not running. Start it with Check Backend.":
        lambda folder: core("backend").LocalBackend(sys.executable).client,
    "The backend did not answer within … seconds. Start it again.": local_backend("import time; time.sleep(60)", 0.2),
    "The backend was stopped while it started. Start it again.": stopped_start,
    "Cannot run …: …. In the preferences, choose a Python that has Headroom's backend.":
        lambda folder: core("backend").LocalBackend(folder / "missing").start(),
    "…: this Python does not have Headroom's backend. Install it there, or choose another Python.":
        local_backend("raise SystemExit(\"No module named 'headroom'\")"),
    "…: it was killed by signal …, perhaps because memory ran out. Start it again.":
        local_backend("import os; os.kill(os.getpid(), 9)"),
    "… without an error message. Start it again.": local_backend("pass"),
}

FILES: dict[str, Cause] = {
    "Cannot write …: …. Free some disk space or choose another folder.":
        lambda folder: core("frame_cache").FrameCache([write_text(folder, "file") / "frames"]).find_or_store(
            "0", ".png", lambda path: None),
    "… is not a subject folder: … is missing. Choose the folder that Learn wrote.": subject(None),
    "… cannot be read: …. Learn the subject again.": subject("not TOML"),
    "… was learned with a newer version of Headroom. Update the extension.": subject("format = 99"),
    "… cannot be read as a rig. Learn the subject again.":
        lambda folder: core("rig").Rig.load(write_text(folder, "rig.npz")),
    "… cannot be read as a track. Learn the subject again.":
        lambda folder: core("coverage").ClipTrack.load(write_text(folder, "track.npz")),
    "… is not a performance, because …. Choose a file that Perform wrote.":
        lambda folder: core("performance").Performance.load(write_text(folder, "performance.npz")),
    "This head has no controls for … to move. Learn the subject again.":
        lambda folder: core("performance_files").read_performance(folder / "take.csv", SimpleNamespace(controls=())),
    "The strip does not say how it was rendered. Render the shot again.":
        lambda folder: core("render_settings").RenderSettings.from_json("{}"),
    "The strip was made by a newer version of Headroom. Update Headroom.":
        lambda folder: core("render_settings").RenderSettings.from_json(json.dumps(
            {"format": 99, "shot": "Shot", "frame_start": 1, "frame_end": 2, "plate_fit": 0.0})),
}

JOB_FILES: dict[str, Cause] = {
    "Cannot read …: …. Choose another job file.": lambda folder: core("job_file").read_jobs(folder / "missing.json"),
    "… is not a job file: …. Correct it, or write it with Add to Job File.": job_file("{"),
    '… is not a job file. A job file begins with {"headroom": …, "jobs": [': job_file("[]"),
    "… was written by a newer version of Headroom. Update Headroom.": job_file('{"headroom": 99, "jobs": []}'),
    "A job is an object with a kind, not …. Correct it.": entry("perform"),
    "There is no job of kind …. The kinds are ….": entry({"kind": "sing"}),
    "A … job has no setting …. It has ….": entry({"kind": "perform", "volume": 1}),
    "The … job has no …. Add it.": entry({"kind": "perform"}),
    "The setting … must be …, not …. Correct it.": entry({"kind": "learn", "clip": 3, "output": "x"}),
    "The setting … is empty. Name a file.": entry({"kind": "learn", "clip": "", "output": "x"}),
}

CAUSES = {**SETUP, **BACKEND, **FILES, **JOB_FILES}


def raise_(error: Exception) -> None:
    raise error
