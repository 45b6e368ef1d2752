"""Files on disk, each named by the SHA-256 of its content."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from headroom.common.errors import InputError
from headroom.common.files import CHUNK_BYTES, require_writable
from headroom.common.temporary import NEW, folder_in

INCOMING = "incoming"  # the folder of files that are becoming blobs
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Blobs:
    """A folder of blobs. Several processes may share it, because a blob appears complete, by a rename."""

    def __init__(self, folder: Path):
        self.folder, self.incoming = folder, folder / INCOMING
        require_writable(self.incoming)

    def __contains__(self, sha: str) -> bool:
        return is_sha(sha) and self.path(sha).is_file()

    def path(self, sha: str) -> Path:
        """Return the path of the blob `sha`, which need not exist."""
        if not is_sha(sha):
            raise InputError(f"{sha!r} is not a SHA-256 in lower-case hexadecimal digits.")
        return self.folder / sha[:2] / sha

    def touch(self, sha: str) -> bool:
        """Return whether the blob exists, and mark it as used now, so that it is not collected."""
        if sha not in self:
            return False
        os.utime(self.path(sha))
        return True

    def add(self, file: Path) -> str:
        """Store a copy of `file` and return its SHA-256."""
        digest = hashlib.sha256()
        with folder_in(self.incoming) as folder:
            temporary = folder / NEW / "blob"
            with open(file, "rb") as source, open(temporary, "wb") as target:
                while chunk := source.read(CHUNK_BYTES):
                    digest.update(chunk)
                    target.write(chunk)
            self.move_in(temporary, digest.hexdigest())
        return digest.hexdigest()

    def move_in(self, file: Path, sha: str) -> None:
        """Store a file of the same file system, whose SHA-256 is `sha`, by renaming it."""
        path = self.path(sha)
        path.parent.mkdir(exist_ok=True)
        os.replace(file, path)

    def copy(self, sha: str, target: Path) -> Path:
        """Copy the blob to the new file `target` and return that.

        Raises InputError when the blob has been pruned.
        """
        if sha not in self:
            raise InputError(f"The backend no longer holds the file {sha}. Start the job again.")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.path(sha), target)
        return target

    def files(self) -> Iterator[Path]:
        """Yield the blobs, and the files that are becoming blobs."""
        yield from (path for path in self.folder.glob("*/*") if path.is_file())


def is_sha(text: str) -> bool:
    """Return whether `text` is a SHA-256 in lower-case hexadecimal digits."""
    return bool(_SHA256.fullmatch(text))
