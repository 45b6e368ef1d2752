"""Files that later jobs reuse: subjects as folders, and refined crops. All of them can be made again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from pathlib import Path

from headroom.common.files import require_writable
from headroom.server.blobs import Blobs, unused
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
        name = hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()[:32]
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

    def prune(self, max_age_days: float) -> int:
        """Remove what was last used more than `max_age_days` ago; return the number of files and folders."""
        subjects = unused(self.subjects.iterdir(), max_age_days)
        crops = unused(self.crops.glob("*/*"), max_age_days)
        for folder in subjects:
            shutil.rmtree(folder, ignore_errors=True)
        for crop in crops:
            crop.unlink(missing_ok=True)
        return len(subjects) + len(crops)
