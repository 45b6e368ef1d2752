"""Bytes on disk under the name of their content."""

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

SECONDS_A_DAY = 86400.0
_SHA256 = re.compile(r"[0-9a-f]{64}")


class WrongHash(InputError):
    """The bytes that arrived are not the ones that were announced."""


class Upload:
    """A blob on its way in: written bytes and their running hash."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self._hash = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        self._hash.update(chunk)
        self._file.write(chunk)

    @property
    def sha(self) -> str:
        return self._hash.hexdigest()


class Blobs:
    """A folder of blobs. Several processes may share it: a blob appears whole, by a rename, or not at all."""

    def __init__(self, folder: Path):
        self.folder = folder
        require_writable(folder)

    def __contains__(self, sha: str) -> bool:
        return is_sha(sha) and self.path(sha).is_file()

    def path(self, sha: str) -> Path:
        """Where the blob `sha` is kept, whether or not it is there."""
        if not is_sha(sha):
            raise InputError(f"{sha!r} is not a SHA-256 in lower-case hexadecimal digits.")
        return self.folder / sha[:2] / sha

    def keep(self, sha: str) -> bool:
        """Whether the blob is here; if so it counts as used today, which `prune` respects."""
        if sha not in self:
            return False
        os.utime(self.path(sha))
        return True

    @contextmanager
    def receiving(self, sha: str) -> Iterator[Upload]:
        """Take in the blob `sha` under a temporary name; it is kept if its hash is right when the block ends."""
        path = self.path(sha)
        with self._temporary() as temporary:
            with open(temporary, "wb") as file:
                upload = Upload(file)
                yield upload
            if upload.sha != sha:
                raise WrongHash("The file changed on its way to the backend (its SHA-256 differs). Send it again.")
            _settle(temporary, path)

    def add(self, file: Path) -> str:
        """Keep a copy of `file`; its sha256."""
        with self._temporary() as temporary:
            with open(file, "rb") as source, open(temporary, "wb") as target:
                upload = Upload(target)
                while chunk := source.read(CHUNK_BYTES):
                    upload.write(chunk)
            _settle(temporary, self.path(upload.sha))
        return upload.sha

    def copy(self, sha: str, target: Path) -> Path:
        """Put a copy of the blob at `target`, a new file the caller owns."""
        if sha not in self:
            raise InputError(f"The backend no longer holds the file {sha}. Send it again.")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.path(sha), target)
        return target

    def prune(self, max_age_days: float) -> int:
        """Remove the blobs and abandoned uploads that nobody has used for `max_age_days`; how many."""
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
    """Those of some files or folders that were last written or marked as used more than `max_age_days` ago."""
    oldest = time.time() - max_age_days * SECONDS_A_DAY
    return [path for path in paths if path.stat().st_mtime < oldest]


def is_sha(text: str) -> bool:
    return bool(_SHA256.fullmatch(text))


def _settle(temporary: Path, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    os.replace(temporary, path)
