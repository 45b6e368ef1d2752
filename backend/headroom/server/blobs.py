"""Files on disk, each named by the SHA-256 of its content."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from headroom.common.errors import InputError
from headroom.common.files import CHUNK_BYTES, require_writable

SECONDS_PER_DAY = 86400.0
_SHA256 = re.compile(r"[0-9a-f]{64}")


class WrongHash(InputError):
    """The content that arrived does not have the announced SHA-256."""


class Upload:
    """A blob that is being written, with the running hash of its content."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self._hash = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        """Append `chunk`."""
        self._hash.update(chunk)
        self._file.write(chunk)

    @property
    def sha(self) -> str:
        """SHA-256 of what has been written, hexadecimal."""
        return self._hash.hexdigest()


class Blobs:
    """A folder of blobs. Several processes may share it, because a blob appears complete, by a rename."""

    def __init__(self, folder: Path):
        self.folder = folder
        require_writable(folder)

    def __contains__(self, sha: str) -> bool:
        return is_sha(sha) and self.path(sha).is_file()

    def path(self, sha: str) -> Path:
        """Return the path of the blob `sha`, which need not exist."""
        if not is_sha(sha):
            raise InputError(f"{sha!r} is not a SHA-256 in lower-case hexadecimal digits.")
        return self.folder / sha[:2] / sha

    def touch(self, sha: str) -> bool:
        """Return whether the blob exists, and mark it as used now, so that `prune` leaves it."""
        if sha not in self:
            return False
        os.utime(self.path(sha))
        return True

    @contextmanager
    def receive(self, sha: str) -> Iterator[Upload]:
        """Write the blob `sha` in the block; it is stored at the end of the block.

        Raises WrongHash when the content does not have that SHA-256.
        """
        path = self.path(sha)
        with self._temporary() as temporary:
            with open(temporary, "wb") as file:
                upload = Upload(file)
                yield upload
            if upload.sha != sha:
                raise WrongHash("The file changed on its way to the backend (its SHA-256 differs). Send it again.")
            _move(temporary, path)

    def add(self, file: Path) -> str:
        """Store a copy of `file` and return its SHA-256."""
        with self._temporary() as temporary:
            with open(file, "rb") as source, open(temporary, "wb") as target:
                upload = Upload(target)
                while chunk := source.read(CHUNK_BYTES):
                    upload.write(chunk)
            _move(temporary, self.path(upload.sha))
        return upload.sha

    def copy(self, sha: str, target: Path) -> Path:
        """Copy the blob to the new file `target` and return that.

        Raises InputError when the blob has been pruned.
        """
        if sha not in self:
            raise InputError(f"The backend no longer holds the file {sha}. Start the job again.")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.path(sha), target)
        return target

    def prune(self, max_age_days: float) -> int:
        """Remove blobs and abandoned uploads that were last used more than `max_age_days` ago; return their number."""
        old = unused(self.folder.glob("*/*"), max_age_days)
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    @contextmanager
    def _temporary(self) -> Iterator[Path]:
        folder = self.folder / "incoming"
        folder.mkdir(exist_ok=True)
        path = folder / uuid.uuid4().hex
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


def unused(paths: Iterable[Path], max_age_days: float) -> list[Path]:
    """Return those of some files or folders that were last written or marked as used more than `max_age_days` ago."""
    oldest = time.time() - max_age_days * SECONDS_PER_DAY
    return [path for path in paths if path.stat().st_mtime < oldest]


def is_sha(text: str) -> bool:
    """Return whether `text` is a SHA-256 in lower-case hexadecimal digits."""
    return bool(_SHA256.fullmatch(text))


def _move(temporary: Path, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    os.replace(temporary, path)
