"""What jobs leave for the jobs after them: subjects as folders, and refined crops. All of it can be made again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from contextlib import suppress
from pathlib import Path

from headroom.common.files import require_writable
from headroom.server.blobs import Blobs, unused
from headroom.server.trees import Tree, write_tree


class JobCache:
    """Two folders that several workers may share: everything in them appears whole, by a rename, or not at all."""

    def __init__(self, folder: Path):
        self.crops = folder / "crops"
        self.subjects = folder / "subjects"
        for each in (self.crops, self.subjects):
            require_writable(each)

    def subject(self, tree: Tree, blobs: Blobs) -> Path:
        """The folder with the files of `tree`, always at the same place for the same files."""
        name = hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()[:32]
        folder, half = self.subjects / name, self.subjects / f".{name}.{uuid.uuid4().hex[:8]}"
        if not folder.is_dir():
            try:
                write_tree(tree, blobs, half)
                with suppress(OSError):  # another worker was first
                    os.replace(half, folder)
            finally:
                shutil.rmtree(half, ignore_errors=True)
        os.utime(folder)
        return folder

    def prune(self, max_age_days: float) -> int:
        """Remove what nobody has used for `max_age_days`; how many."""
        subjects = unused(self.subjects.iterdir(), max_age_days)
        crops = unused(self.crops.glob("*/*"), max_age_days)
        for folder in subjects:
            shutil.rmtree(folder, ignore_errors=True)
        for crop in crops:
            crop.unlink(missing_ok=True)
        return len(subjects) + len(crops)
