"""The subject folder: what has been learnt of one person."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tomllib

from .errors import InputError
from .rig import Rig


@dataclass(frozen=True)
class Subject:
    """Where the parts of a subject are; `name` is the person's, as `subject.toml` has it."""

    folder: Path
    name: str

    @property
    def albedo(self) -> Path:
        return self.folder / "albedo.png"

    @property
    def plates(self) -> Path:
        return self.folder / "plates.mp4"

    def rig(self) -> Rig:
        return Rig.load(self.folder / "rig.npz")

    @staticmethod
    def open(folder: Path) -> "Subject":
        folder = Path(folder)
        missing = [name for name in ("subject.toml", "rig.npz", "albedo.png") if not (folder / name).is_file()]
        if missing:
            raise InputError(f"{folder} is not a subject folder: {', '.join(missing)} is missing. "
                             "Choose the folder that Learn wrote.")
        try:
            facts = tomllib.loads((folder / "subject.toml").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{folder / 'subject.toml'} cannot be read: {error}. Learn the subject again.") from error
        return Subject(folder, str(facts.get("name") or folder.name))
