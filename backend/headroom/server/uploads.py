"""Uploads in progress. A broken one stays on disk for a day, so that the client can go on where it stopped."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from headroom.common.errors import InputError
from headroom.common.files import CHUNK_BYTES
from headroom.server.blobs import Blobs

_SEPARATOR = "@"  # between user and SHA-256 in the name of a partial file; no user's name has it
_SECOND = ".second"  # the ending of a second upload of the same blob at the same time


class WrongHash(InputError):
    """The content that arrived does not have the announced SHA-256."""


class WrongOffset(InputError):
    """The client goes on at another place than where its upload stopped."""


class Upload:
    """A file that arrives, with the running hash of its content."""

    def __init__(self, path: Path, offset: int):
        """Continue `path` after its first `offset` bytes."""
        self._hash = hashlib.sha256()
        self.path, self.bytes = path, offset
        self._file = open(path, "r+b" if offset else "wb")
        remaining = offset
        while remaining:
            chunk = self._file.read(min(CHUNK_BYTES, remaining))
            if not chunk:
                raise OSError(f"{path} is shorter than it was")
            self._hash.update(chunk)
            remaining -= len(chunk)

    def write(self, chunk: bytes) -> None:
        """Append `chunk`."""
        self._file.write(chunk)
        self._hash.update(chunk)
        self.bytes += len(chunk)

    def close(self) -> str:
        """Finish the file and return its SHA-256."""
        self._file.close()
        return self._hash.hexdigest()


class Uploads:
    """The uploads of one backend, at most one partial file for each user and blob. Methods may run in any thread.

    name: of the backend's jobs file, because several backends may share the blobs.
    """

    def __init__(self, blobs: Blobs, name: str):
        self._blobs = blobs
        self._prefix = f"{name}{_SEPARATOR}"
        self._folder = blobs.incoming
        for path in self._folder.glob(f"{self._prefix}*{_SECOND}"):  # of a backend that was killed
            path.unlink(missing_ok=True)
        self._lock = threading.Lock()
        self._open: set[Path] = set()

    def offset(self, user: str, sha: str) -> int:
        """Return how many bytes of a blob have arrived from a user and can be left out when it is sent again."""
        path = self._path(user, sha)
        with self._lock:
            return 0 if path in self._open or not path.is_file() else path.stat().st_size

    def partial_bytes(self, user: str) -> int:
        """Return the size of a user's unfinished uploads."""
        size = 0
        for path in self._folder.glob(f"{self._prefix}{user}{_SEPARATOR}*"):
            with suppress(FileNotFoundError):  # it has just become a blob
                size += path.stat().st_size
        return size

    @contextmanager
    def receive(self, user: str, sha: str, offset: int = 0) -> Iterator[Upload]:
        """Write the blob `sha` from `offset` on in the block; it is stored at the end of the block.

        What arrived stays when the block raises an error. A second upload of the same blob at the same time has a
        file of its own, which does not stay.

        Raises WrongOffset when another number of bytes has arrived, WrongHash when the content has another SHA-256.
        """
        path, is_second = self._path(user, sha), False
        with self._lock:
            if path in self._open:
                path, is_second = path.with_name(f"{path.name}.{uuid.uuid4().hex}{_SECOND}"), True
            arrived = path.stat().st_size if path.is_file() else 0
            if offset not in (0, arrived):
                raise WrongOffset(f"{arrived} bytes of this file have arrived, not {offset}. Send it again.")
            self._open.add(path)
        try:
            upload = Upload(path, offset)
            try:
                yield upload
            finally:
                found = upload.close()
            if found != sha:
                path.unlink()
                raise WrongHash("The file changed on its way to the backend (its SHA-256 differs). Send it again.")
            self._blobs.move_in(path, sha)
        finally:
            with self._lock:
                self._open.discard(path)
            if is_second:
                path.unlink(missing_ok=True)
            elif path.is_file() and not path.stat().st_size:
                path.unlink()

    def _path(self, user: str, sha: str) -> Path:
        return self._folder / f"{self._prefix}{user}{_SEPARATOR}{sha}"
