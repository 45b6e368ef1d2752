"""The backend's HTTP API for the add-on: files and folders in both directions, jobs and their progress."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from .files import atomic_write, write_errors
from .job import Job
from .known_servers import KnownServers
from .messages import message
from .transport import BackendError, Refused, Transport, Unreachable

__all__ = ["BackendError", "Client", "Refused", "Unreachable"]

API_VERSION = 2
API = f"/v{API_VERSION}"
CHUNK_BYTES = 1 << 20
MAX_RECONNECTS = 5  # in a row without an event, or without more of a file having arrived
RECONNECT_SECONDS = 1.0  # before the first one; the pauses double while no event comes
REPEATED = (400, 409)  # statuses of an upload that broke, or goes on at another place than the backend expects
PRIORITIES = {"perform": "high", "align_words": "high", "write_track": "high", "check": "high", "match_plates": "high",
              "learn": "low"}
Result = TypeVar("Result")
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')  # in file names on some system


class Client:
    """One backend, local or remote. The methods block and may be called from any thread.

    on_no_answer: called when the backend does not answer; it may start the backend again, or raise an error that says
        more about the reason.
    known_servers: the certificates of servers that were used before.
    """

    def __init__(self, url: str, token: str, on_no_answer: Callable[[], None] = lambda: None,
                 known_servers: KnownServers | None = None):
        self._transport = Transport(url, token, on_no_answer, known_servers)
        self._on_no_answer = on_no_answer
        self._sent: dict[tuple[str, int, int], str] = {}  # path, bytes, modified -> SHA-256 of files sent before
        self._version_checked = False

    @property
    def url(self) -> str:
        """The backend's address."""
        return self._transport.url

    @property
    def token(self) -> str:
        """The backend's token."""
        return self._transport.token

    def health(self) -> dict[str, Any]:
        """Return {"api", "version", "device"}.

        Raises BackendError when the backend has another version of the API.
        """
        try:
            health = self._transport.json("GET", f"{API}/health")
        except Refused as error:
            if error.status != 404:
                raise
            raise BackendError(message("The backend at {url} is older than the add-on. Update the backend.",
                                       url=self.url)) from error
        if health["api"] != API_VERSION:
            raise BackendError(message("The backend has version {backend_version} of the API, the add-on has "
                                       "version {add_on_version}. Update the older of the two.",
                                       backend_version=health["api"], add_on_version=API_VERSION))
        self._version_checked = True
        return health

    def put_file(self, path: Path) -> str:
        """Send a file unless the backend has it; return its SHA-256."""
        try:
            status = os.stat(path)
            key = (str(path), status.st_size, status.st_mtime_ns)
            sha = self._sent.get(key) or _sha_of(path)
            with open(path, "rb") as file:
                self._send(file, sha, status.st_size)
        except OSError as error:
            raise BackendError(message("Cannot read {path}: {reason}. Choose another file.",
                                       path=path, reason=error.strerror)) from error
        self._sent[key] = sha
        return sha

    def put_bytes(self, data: bytes) -> str:
        """Send the content of a file unless the backend has it; return its SHA-256."""
        sha = hashlib.sha256(data).hexdigest()
        self._send(io.BytesIO(data), sha, len(data))
        return sha

    def get_file(self, sha: str, path: Path) -> Path:
        """Fetch a blob into the file `path`, which keeps its old content until the new one is complete."""
        with atomic_write(path) as temporary:
            self._repeat(lambda: self._fetch(sha, temporary))
        return path

    def put_tree(self, folder: Path) -> dict[str, str]:
        """Send the files of a folder, except hidden ones; return {"relative/path": SHA-256}."""
        folder = Path(folder)
        names = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        visible = [name for name in names if not any(part.startswith(".") for part in name.parts)]
        if not visible:
            raise BackendError(message("There are no files in {folder}. Choose a subject's folder.", folder=folder))
        return {name.as_posix(): self.put_file(folder / name) for name in visible}

    def get_tree(self, tree: Mapping[str, str], folder: Path) -> Path:
        """Fetch a folder; an older folder at `folder` is replaced once the new one is complete."""
        with atomic_write(folder) as temporary:
            for path, sha in tree.items():
                _check_path(path)
                target = temporary.joinpath(*path.split("/"))
                target.parent.mkdir(parents=True, exist_ok=True)
                self._repeat(partial(self._fetch, sha, target))
        return folder

    def submit(self, kind: str, inputs: Mapping[str, Any], settings: Mapping[str, Any], job_id: str = "") -> Job:
        """Ask for a job; a second request with the same `job_id` returns the same job.

        Among the user's own jobs that wait, those of seconds run before a movie, and learning runs last.
        """
        request = {"kind": kind, "inputs": inputs, "settings": settings, "id": job_id or uuid.uuid4().hex,
                   "priority": PRIORITIES.get(kind, "normal")}
        return Job.from_reply(self._repeat(lambda: self._transport.json("POST", f"{API}/jobs", request)))

    def job(self, job_id: str) -> Job:
        """Return a job."""
        return Job.from_reply(self._repeat(lambda: self._transport.json("GET", f"{API}/jobs/{job_id}")))

    def jobs(self) -> list[Job]:
        """Return the newest hundred jobs, the oldest first."""
        return [Job.from_reply(reply) for reply in self._transport.json("GET", f"{API}/jobs")]

    def finish(self, job_id: str) -> Job:
        """Let a job that shows a preview end with what it has learned, and return it."""
        return Job.from_reply(self._transport.json("POST", f"{API}/jobs/{job_id}/finish"))

    def cancel(self, job_id: str) -> Job:
        """Cancel a job and return it."""
        return Job.from_reply(self._transport.json("POST", f"{API}/jobs/{job_id}/cancel"))

    def events(self, job_id: str) -> Iterator[Job]:
        """Yield the job now and after each change, until it is finished. A dropped connection is opened again."""
        failures = 0
        while True:
            try:
                for job in self._stream(job_id):
                    failures = 0
                    yield job
                    if job.is_finished:
                        return
                self._on_no_answer()
                raise Unreachable(message("The backend at {url} stopped reporting on the job. Check that it is "
                                          "running.", url=self.url))
            except Unreachable:
                failures += 1
                if failures > MAX_RECONNECTS:
                    raise
                time.sleep(RECONNECT_SECONDS * 2 ** (failures - 1))

    def _stream(self, job_id: str) -> Iterator[Job]:
        with self._transport.open("GET", f"{API}/jobs/{job_id}/events") as response:
            while line := response.readline():
                if line.startswith(b"data:"):
                    yield Job.from_reply(json.loads(line[len(b"data:"):]))

    def _repeat(self, request: Callable[[], Result]) -> Result:
        """Return the result of a request that may be sent twice: again if the connection broke, which may be over.

        The first request of a client checks the version of the API, because paths of another version are not found.
        """
        try:
            if not self._version_checked:
                self.health()
            return request()
        except Unreachable:
            return request()

    def _send(self, file: BinaryIO, sha: str, size: int) -> None:
        """Send a file unless the backend has it. After a broken connection it goes on where it was."""
        failures, reached = 0, -1
        while True:
            state = self._repeat(lambda: self._transport.json("POST", f"{API}/blobs/{sha}", {"bytes": size}, True))
            if state["stored"]:
                return
            if state["offset"] > reached:
                failures, reached = 0, state["offset"]
            try:
                return self._send_rest(file, sha, size, state["offset"])
            except (Unreachable, Refused) as error:
                failures += 1
                if failures > MAX_RECONNECTS or (isinstance(error, Refused) and error.status not in REPEATED):
                    raise
                time.sleep(RECONNECT_SECONDS)

    def _send_rest(self, file: BinaryIO, sha: str, size: int, offset: int) -> None:
        file.seek(offset)
        headers = {"Content-Length": str(size - offset), "Upload-Offset": str(offset)}
        with self._transport.open("PUT", f"{API}/blobs/{sha}", file, headers) as response:
            response.read()

    def _fetch(self, sha: str, path: Path) -> None:
        """Write a blob to the new file `path` and check its SHA-256."""
        digest = hashlib.sha256()
        with self._transport.open("GET", f"{API}/blobs/{sha}") as response:
            with write_errors(path):  # tells a full disk apart from a broken connection
                file = open(path, "wb")
            with file:
                while chunk := response.read(CHUNK_BYTES):
                    digest.update(chunk)
                    with write_errors(path):
                        file.write(chunk)
                        file.flush()
        if digest.hexdigest() != sha:
            raise BackendError("A file changed on its way from the backend (its SHA-256 differs). Try again.")


def _sha_of(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _check_path(path: str) -> None:
    """Raise BackendError for a path that leads out of its folder, because the backend may be somebody else's."""
    if any(part in ("", ".", "..") or _FORBIDDEN.search(part) for part in path.split("/")):
        raise BackendError(message("The backend sent a folder with a file called {path!r}, which is not safe to "
                                   "write. Use a backend that you trust.", path=path))
