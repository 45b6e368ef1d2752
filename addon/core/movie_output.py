"""What a shot is rendered to: a movie whose ending decides its kind, or a sequence of pictures."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .errors import InputError
from .files import write_errors
from .messages import message
from .outputs import require_output_file
from .temporary import NEW, folder_in

MOVIE_ENDINGS = (".mp4", ".mov", ".mkv", ".webm")
PICTURE_ENDING = ".png"
FRAME, FACE = LAYERS = ("frame", "face")
"""The finished frame, or the refined face alone with alpha, for compositing."""


def endings_of(layer: str) -> tuple[str, ...]:
    """Return the endings of files that hold a layer; the first is that of a name without one."""
    return (".mov", PICTURE_ENDING) if layer == FACE else (*MOVIE_ENDINGS, PICTURE_ENDING)


@dataclass(frozen=True)
class MovieOutput:
    """A file to write, or with # in its name one for each frame.

    layer: one of `LAYERS`.
    """

    path: Path
    layer: str = FRAME

    @property
    def is_sequence(self) -> bool:
        """Whether each frame is a file of its own."""
        return self.path.suffix.lower() == PICTURE_ENDING

    @property
    def is_placed(self) -> bool:
        """Whether it becomes a strip in the sequencer: a movie of whole frames."""
        return not self.is_sequence and self.layer == FRAME

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a refine job; an older backend knows none, and an mp4 needs none."""
        ending = self.path.suffix.lower()
        named = {"ending": ending} if ending != MOVIE_ENDINGS[0] else {}
        return named | ({"layer": self.layer} if self.layer != FRAME else {})

    def require_writable(self, inputs: Iterable[Path | None]) -> None:
        """Raise InputError when the output cannot be written, or its ending does not hold what is wanted."""
        require_output_file(self.path, *endings_of(self.layer), inputs=inputs)
        if self.is_sequence and "#" not in self.path.name:
            raise InputError(message("{path} has no # in its name, where the number of each frame goes; choose a name "
                                     "such as shot.####.png.", path=self.path))

    def picture(self, number: int) -> Path:
        """Return the file of a frame of a sequence."""
        run = re.search("#+", self.path.name)
        assert run is not None
        digits = f"{number:0{len(run.group())}d}"
        return self.path.with_name(self.path.name[:run.start()] + digits + self.path.name[run.end():])

    def unpack(self, pictures: Path, first: int) -> None:
        """Write the pictures of a zip file, in the order of their names; `first` is the number of the first one.

        None of them appears when the disk cannot hold them all.
        """
        with write_errors(self.path), zipfile.ZipFile(pictures) as archive:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            names = sorted(archive.namelist())
            with folder_in(self.path.parent) as folder:
                archive.extractall(folder / NEW, names)
                for number, name in enumerate(names, first):
                    os.replace(folder / NEW / name, self.picture(number))
