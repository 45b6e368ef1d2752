"""The subject folder: what Learn has written of one person."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import tomllib

from .errors import InputError
from .messages import message
from .rig import Rig

FORMAT = 3
"""The newest format of `subject.toml` that is read. Of every format up to it only `name` is used here."""
INFO = "subject.toml"
REQUIRED_FILES = (INFO, "rig.npz", "albedo.png")
PARTS = (*REQUIRED_FILES, "track.npz", "motion.safetensors", "refiner.safetensors", "plates.mp4", "sound.wav",
         "mattes.npz", "background.png", "preview.png")
"""All files of a subject, as in the backend's headroom/common/subject_files.py."""


@dataclass(frozen=True)
class Subject:
    """The files of a subject folder; `name` is the person's, from `subject.toml`."""

    folder: Path
    name: str

    @property
    def albedo(self) -> Path:
        """The face texture."""
        return self.folder / "albedo.png"

    @property
    def plates(self) -> Path:
        """The clip's frames as a movie."""
        return self.folder / "plates.mp4"

    @property
    def cache_name(self) -> str:
        """Name of the folders with files made from this subject, so that forgetting it finds them."""
        source = self.plates if self.plates.is_file() else self.folder / "rig.npz"
        with open(source, "rb") as file:
            return f"subject-{hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"

    def rig(self) -> Rig:
        """Read the rig."""
        return Rig.load(self.folder / "rig.npz")

    @staticmethod
    def open(folder: Path) -> Subject:
        """Open a subject folder; raises InputError, in one sentence, for anything else."""
        folder = Path(folder)
        missing = [name for name in REQUIRED_FILES if not (folder / name).is_file()]
        if missing:
            raise InputError(message("{folder} is not a subject folder: {files} is missing. Choose the folder that "
                                     "Learn wrote.", folder=folder, files=", ".join(missing)))
        try:
            info = tomllib.loads((folder / INFO).read_text(encoding="utf-8"))
            number = int(info.get("format", 1))
        except (OSError, ValueError, TypeError) as error:
            raise InputError(message("{path} cannot be read: {error}. Learn the subject again.",
                                     path=folder / INFO, error=error)) from error
        if number > FORMAT:
            raise InputError(message("{folder} was learned with a newer version of Headroom. Update the extension.",
                                     folder=folder))
        return Subject(folder, str(info.get("name") or folder.name))
