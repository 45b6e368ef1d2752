"""The backend's HTTP API for the add-on: files and folders there and back, jobs and their progress."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from .files import atomic_write, write_errors
from .job import Job
from .transport import BackendError, Refused, Transport, Unreachable

__all__ = ["BackendError", "Client", "Refused", "Unreachable"]

API_VERSION = 1
CHUNK_BYTES = 1 << 20
RECONNECTS = 5  # in a row without news
RECONNECT_SECONDS = 1.0
Result = TypeVar("Result")
_ODD_CHARACTER = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')


class Client:
    """One backend, local or remote. Its methods block and may be called from any thread.

    `on_silence` is called when nobody answers; it may bring the backend back, or raise what it knows of the reason.
    """

    def __init__(self, url: str, token: str, on_silence: Callable[[], None] = lambda: None):
        self._transport = Transport(url, token, on_silence)
        self._on_silence = on_silence
        self._known: dict[tuple[str, int, int], str] = {}  # path, bytes, modified -> sha256 of files sent before

    @property
    def url(self) -> str:
        return self._transport.url

    @property
    def token(self) -> str:
        return self._transport.token

    def health(self) -> dict[str, Any]:
        """{"api", "version", "device"}; raises when the backend is of another version of the API."""
        health = self._transport.json("GET", "/v1/health")
        if health["api"] != API_VERSION:
            raise BackendError(f"The backend speaks version {health['api']} of the API, the add-on speaks version "
                               f"{API_VERSION}. Update the older of the two.")
        return health

    def put_file(self, path: Path) -> str:
        """Send a file unless the backend has it already; its sha256."""
        try:
            status = os.stat(path)
            key = (str(path), status.st_size, status.st_mtime_ns)
            sha = self._known.get(key) or _sha_of(path)
            self._again(lambda: self._send_file(path, sha, status.st_size))
        except OSError as error:
            raise BackendError(f"Cannot read {path}: {error.strerror}. Choose another file.") from error
        self._known[key] = sha
        return sha

    def put_bytes(self, data: bytes) -> str:
        """The same for bytes."""
        sha = hashlib.sha256(data).hexdigest()
        self._again(lambda: self._send_bytes(data, sha))
        return sha

    def get_file(self, sha: str, path: Path) -> Path:
        """Fetch a blob to `path`, which has its old content or all of the new one."""
        with atomic_write(path) as half:
            self._again(lambda: self._fetch(sha, half))
        return path

    def put_tree(self, folder: Path) -> dict[str, str]:
        """Send the files of a folder, hidden ones aside, as {"relative/path": sha256}."""
        folder = Path(folder)
        names = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        visible = [name for name in names if not any(part.startswith(".") for part in name.parts)]
        if not visible:
            raise BackendError(f"There are no files in {folder}. Choose a subject's folder.")
        return {name.as_posix(): self.put_file(folder / name) for name in visible}

    def get_tree(self, tree: Mapping[str, str], folder: Path) -> Path:
        """Fetch a folder; an older one at `folder` is replaced once all of the new one is there."""
        with atomic_write(folder) as half:
            for path, sha in tree.items():
                _check_path(path)
                target = half.joinpath(*path.split("/"))
                target.parent.mkdir(parents=True, exist_ok=True)
                self._again(partial(self._fetch, sha, target))
        return folder

    def submit(self, kind: str, inputs: Mapping[str, Any], settings: Mapping[str, Any], job_id: str = "") -> Job:
        """Ask for a job; asking again with the same `job_id` gives the same job."""
        request = {"kind": kind, "inputs": inputs, "settings": settings, "id": job_id or uuid.uuid4().hex}
        return Job.from_reply(self._again(lambda: self._transport.json("POST", "/v1/jobs", request)))

    def job(self, job_id: str) -> Job:
        return Job.from_reply(self._again(lambda: self._transport.json("GET", f"/v1/jobs/{job_id}")))

    def jobs(self) -> list[Job]:
        return [Job.from_reply(reply) for reply in self._transport.json("GET", "/v1/jobs")]

    def cancel(self, job_id: str) -> Job:
        return Job.from_reply(self._transport.json("POST", f"/v1/jobs/{job_id}/cancel"))

    def events(self, job_id: str) -> Iterator[Job]:
        """The job now and whenever it has moved on, until it is finished; a dropped connection is taken up again."""
        silent = 0
        while True:
            try:
                for job in self._stream(job_id):
                    silent = 0
                    yield job
                    if job.is_finished:
                        return
                self._on_silence()
                raise Unreachable(f"The backend at {self.url} stopped telling about the job. Check that it is running.")
            except Unreachable:
                silent += 1
                if silent > RECONNECTS:
                    raise
                time.sleep(RECONNECT_SECONDS)

    def _stream(self, job_id: str) -> Iterator[Job]:
        with self._transport.open("GET", f"/v1/jobs/{job_id}/events") as response:
            while line := response.readline():
                if line.startswith(b"data:"):
                    yield Job.from_reply(json.loads(line[len(b"data:"):]))

    def _again(self, request: Callable[[], Result]) -> Result:
        """The answer to a request that may be sent twice: once more if the backend broke off and may be back."""
        try:
            return request()
        except Unreachable:
            return request()

    def _send_file(self, path: Path, sha: str, size: int) -> None:
        if not self._has(sha):
            with open(path, "rb") as file:
                headers = {"Content-Length": str(size)}
                with self._transport.open("PUT", f"/v1/blobs/{sha}", file, headers) as response:
                    response.read()

    def _send_bytes(self, data: bytes, sha: str) -> None:
        if not self._has(sha):
            with self._transport.open("PUT", f"/v1/blobs/{sha}", data) as response:
                response.read()

    def _has(self, sha: str) -> bool:
        try:
            with self._transport.open("HEAD", f"/v1/blobs/{sha}") as response:
                response.read()
            return True
        except Refused as error:
            if error.status == 404:
                return False
            raise

    def _fetch(self, sha: str, path: Path) -> None:
        """Write a blob to the new file `path` and check that it is the one asked for."""
        digest = hashlib.sha256()
        with self._transport.open("GET", f"/v1/blobs/{sha}") as response:
            with write_errors(path):  # a full disk is told apart from a broken connection
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
    """A backend may be somebody else's machine: what it sends stays inside the folder asked for."""
    if any(part in ("", ".", "..") or _ODD_CHARACTER.search(part) for part in path.split("/")):
        raise BackendError(f"The backend sent a folder with a file called {path!r}, which is not safe to write. Use a "
                           "backend that you trust.")
