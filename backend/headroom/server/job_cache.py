"""Files that later jobs reuse: subjects as folders, and refined crops. All of them can be made again."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

from headroom.common.files import require_writable
from headroom.common.subject_files import PLATES
from headroom.common.temporary import NEW, folder_in
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
        folder = self.subjects / _name_of(tree)
        if not folder.is_dir():
            with folder_in(self.subjects) as temporary:
                try:
                    os.replace(write_tree(tree, blobs, temporary / NEW / folder.name), folder)
                except OSError:
                    if not folder.is_dir():  # otherwise another worker has just made the same folder
                        raise
        os.utime(folder)
        return folder

    def entries(self) -> list[Path]:
        """Return what can be removed singly: refined crops, and folders of subjects."""
        return [*self.crops.glob("*/*"), *self.subjects.glob("[!.]*")]  # hidden folders are becoming subjects

    def touch(self, tree: Tree) -> None:
        """Mark what a job of this subject reads as used now: its folder and its refined crops."""
        folder = self.subjects / _name_of(tree)
        for path in (folder, *self.crops.glob(f"{tree.get(PLATES, '-')}/*")):
            with suppress(FileNotFoundError):
                os.utime(path)


def _name_of(tree: Tree) -> str:
    return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()[:32]
