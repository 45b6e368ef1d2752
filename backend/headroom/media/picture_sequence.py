"""The frames of a movie as numbered pictures in one zip file, which is how they travel to the extension."""

from __future__ import annotations

import zipfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np

from headroom.common.files import atomic_write
from headroom.common.temporary import temporary_folder
from headroom.media.credentials.marks import add_marks, require_signer
from headroom.media.credentials.provenance import Provenance
from headroom.media.image import write_picture


class PictureSequenceWriter:
    """Writes PNG files, 000000.png and so on, each with its content credentials; use it as a context manager.

    The zip file appears under its name when the block succeeds.
    """

    def __init__(self, path: Path, provenance: Provenance | None = None):
        """Take the settings; nothing is written before the block starts."""
        self.path, self.provenance = path, provenance
        self.frames = 0
        self.notes: list[str] = []  # what the user should know of the pictures
        self._stack = ExitStack()

    def __enter__(self) -> PictureSequenceWriter:
        with ExitStack() as stack:
            require_signer(self.provenance)
            self._folder = stack.enter_context(temporary_folder())
            temporary = stack.enter_context(atomic_write(self.path))
            self._archive = stack.enter_context(zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED))
            self._stack = stack.pop_all()
        return self

    def write(self, frame: np.ndarray) -> None:
        """Append one frame (H, W, 3) uint8 RGB or (H, W, 4) RGBA, not premultiplied."""
        picture = self._folder / f"{self.frames:06d}.png"
        write_picture(picture, frame)
        if self.provenance is not None:
            self.notes = add_marks(picture, self.provenance)
        self._archive.write(picture, picture.name)
        picture.unlink()
        self.frames += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, trace)
