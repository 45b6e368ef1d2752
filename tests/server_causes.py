"""Causes of the server's messages: message -> function that raises or returns it."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from add_on_causes import Cause, raise_, write_text
from backend_causes import SHA, module, with_value
from http_replies import error_reply

LEARN = {"kind": "learn", "inputs": {"clip": SHA}}


def too_many_backends(folder: Path) -> None:
    store = module("server.store").Store(folder)
    try:
        with_value(module("server.database"), "MAX_BACKENDS", 1, lambda: module("server.store").Store(folder))
    finally:
        store.close()


def unusable_jobs_file(folder: Path) -> None:
    (folder / "jobs-1.sqlite").mkdir()
    module("server.store").Store(folder)


def stopped_runner(folder: Path) -> str:
    """Stop the server while a job runs; return the message of the job."""
    store = module("server.store").Store(folder)
    try:
        job = store.add(module("server.requests").JOB_REQUEST.validate_python(LEARN))
        threads = module("server.worker_thread")
        thread = threads.WorkerThread(store, None, threads.JobLimits(), None, requeues=False)
        thread._stopping.set()
        thread._follow(None, job.id)
        return str(store.job(job.id).message)
    finally:
        store.close()


def serve_openly(folder: Path, **options: Any) -> None:
    server = module("server.serve")
    server.serve(server.ServeOptions(host="0.0.0.0", data=folder, **options))


def taken_port(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        module("server.serve")._listen("127.0.0.1", server.getsockname()[1])


def poses(**arrays: Any) -> Cause:
    """Read a file with these poses."""
    def read(folder: Path) -> None:
        np.savez(folder / "poses.npz", fps=25.0, **arrays)
        module("server.input_files").read_poses(folder / "poses.npz")

    return read


def server_that_ends(folder: Path) -> None:
    log = write_text(folder, "stderr.log", "ImportError: no torch")
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    module("cli.local_server")._wait_for_announcement(process, log)


CAUSES: dict[str, Cause] = {
    "Cannot listen on …:…: …. Choose another port, or 0.": taken_port,
    "… can be reached from other machines. Add --tls, which encrypts tokens and files, or use 127.0.0.1.":
        lambda folder: serve_openly(folder),
    "Nobody could use the server, because no token is valid. Make one for each user with `headroom serve token add "
    "NAME`.": lambda folder: serve_openly(folder, encrypted=True),
    "Cannot open …: …. Choose another data folder.": unusable_jobs_file,
    "… is damaged: …. Delete it and start the backend again.":
        lambda folder: module("server.store").Store(write_text(folder, "jobs-1.sqlite").parent),
    "… backends already use …. Stop one of them or choose another folder.": too_many_backends,
    "The backend was stopped while this job was running. Start the job again.": stopped_runner,
    "Memory ran out. Close other programs that use the GPU, or choose a shorter clip, and try again.":
        lambda folder: module("server.worker")._unexpected(MemoryError(), None),
    "The backend did not start: …. Run `headroom doctor`.": server_that_ends,
    "The poses cannot be used, because …; render the shot again.":
        poses(rotation=np.zeros(3), translation=np.zeros(3)),
    "The poses need one fixed position for each frame, NaN for a frame that is matched anew.":
        poses(rotation=np.zeros((2, 3)), translation=np.zeros((2, 3)), fixed_positions=np.zeros(1)),
    "The backend does not hold the file …. Start the job again.":
        lambda folder: error_reply(folder, "GET", f"/v2/blobs/{SHA}"),
    "The backend does not know the job …. Start the job again.":
        lambda folder: error_reply(folder, "GET", "/v2/jobs/1"),
    "The backend does not hold files that the job names. Send these: …":
        lambda folder: error_reply(folder, "POST", "/v2/jobs", LEARN),
    "The backend does not serve … …. Update the older of backend and add-on.":
        lambda folder: error_reply(folder, "GET", "/v9/jobs"),
    "The backend does not understand the request (…: …). Update the older of backend and add-on.":
        lambda folder: error_reply(folder, "POST", "/v2/jobs", {"kind": "learn"}),
    "The file changed on its way to the backend (its SHA-256 differs). Send it again.":
        lambda folder: error_reply(folder, "PUT", f"/v2/blobs/{SHA}", "other content"),
    "The file did not arrive whole. Send it again.":
        lambda folder: error_reply(folder, "PUT", f"/v2/blobs/{SHA}", complete=False),
    "The backend cannot store the file: …. Free some space in … and try again.": lambda folder: with_value(
        module("server.blobs").Blobs, "move_in", lambda *paths: raise_(OSError(28, "No space left on device")),
        lambda: error_reply(folder, "PUT", f"/v2/blobs/{module('server.blobs').hashlib.sha256(b'').hexdigest()}")),
    "Unexpected error in the backend: …. See its log.": lambda folder: with_value(
        module("server.store").Store, "jobs", lambda *args: 1 / 0, lambda: error_reply(folder, "GET", "/v2/jobs")),
}
