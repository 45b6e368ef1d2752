"""Files that later jobs reuse: subjects as folders, and refined crops. All of them can be made again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from contextlib import suppress
from pathlib import Path

from headroom.common.files import require_writable
from headroom.common.subject_files import PLATES
from headroom.server.blobs import Blobs
from headroom.server.trees import Tree, write_tree


class JobCache:
    """Two folders that several workers may share, because everything in them appears complete, by a rename."""

    def __init__(self, folder: Path):
        self.crops = folder / "crops"
        self.subjects = folder / "subjects"
        for each in (self.crops, self.subjects):
            require_writable(each)

    def subject(self, tree: Tree, blobs: Blobs) -> Path:
        """Return the folder with the files of `tree`; equal trees give the same folder."""
        name = _name_of(tree)
        folder, temporary = self.subjects / name, self.subjects / f".{name}.{uuid.uuid4().hex[:8]}"
        if not folder.is_dir():
            try:
                write_tree(tree, blobs, temporary)
                os.replace(temporary, folder)
            except OSError:
                if not folder.is_dir():  # otherwise another worker has just made the same folder
                    raise
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        os.utime(folder)
        return folder

    def entries(self) -> list[Path]:
        """Return what can be removed singly: refined crops, and folders of subjects."""
        return [*self.crops.glob("*/*"), *(path for path in self.subjects.iterdir() if path.is_dir())]

    def touch(self, tree: Tree) -> None:
        """Mark what a job of this subject reads as used now: its folder and its refined crops."""
        folder = self.subjects / _name_of(tree)
        for path in (folder, *self.crops.glob(f"{tree.get(PLATES, '-')}/*")):
            with suppress(FileNotFoundError):
                os.utime(path)


def _name_of(tree: Tree) -> str:
    return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()[:32]
