"""What the command line can be asked to make: as options, and as jobs in a JSON file that the panel writes.

`KINDS` is the one list of commands and their settings; options, checks and docs/batch.md follow from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import InputError
from .files import atomic_write
from .take_settings import POSES, PREDICTED

FORMAT = 1
REQUIRED = object()
PRESETS = ("draft", "standard", "paper")
ALBEDOS = ("low", "frame", "clip")
RESOLUTIONS = (256, 512)


@dataclass(frozen=True)
class Setting:
    """One setting of a command. `kind` is Path, str, bool, int or float."""

    kind: type
    summary: str
    default: Any = REQUIRED
    option: str = ""
    choices: tuple[Any, ...] = ()

    def checked(self, name: str, value: Any, folder: Path) -> Any:
        """`value` as this setting's type; relative paths are taken from `folder`."""
        fits = isinstance(value, self._accepted) and (self.kind is bool or not isinstance(value, bool))
        if not fits or (self.choices and value not in self.choices):
            wanted = " or ".join(map(str, self.choices)) if self.choices else _NAMES[self.kind]
            raise InputError(f"The setting {name} must be {wanted}, not {value!r}. Correct it.")
        if self.kind is Path:
            if not str(value):
                raise InputError(f"The setting {name} is empty. Name a file.")
            return Path(folder, value)
        return self.kind(value)

    @property
    def _accepted(self) -> tuple[type, ...]:
        return {Path: (str, Path), float: (int, float)}.get(self.kind, (self.kind,))


_NAMES = {Path: "a path", str: "text", bool: "true or false", int: "a whole number", float: "a number"}

_SUBJECT = Setting(Path, "subject folder")
_SPEECH = Setting(Path, "sound file")
_SEED = Setting(int, "another seed is another take", 0)
_POSE = Setting(str, "the head's motion: from the speech, or the clip's own", PREDICTED, choices=POSES)
_PLATE_FIT = Setting(float, "0 keeps the pose, 1 takes the plate's", 0.0)

KINDS: dict[str, dict[str, Setting]] = {
    "learn": {
        "clip": Setting(Path, "video of one person speaking, or a photo"),
        "output": Setting(Path, "subject folder to write"),
        "name": Setting(str, "the person's name", ""),
        "consent": Setting(bool, "the person shown has agreed to this use", False),
        "preset": Setting(str, "how long to learn", "draft", choices=PRESETS),
        "albedo": Setting(str, "the skin's texture: the model's alone, from one frame, or from the whole clip", "clip",
                          choices=ALBEDOS),
        "resolution": Setting(int, "pixels across the face crop", 256, choices=RESOLUTIONS),
        "from_seconds": Setting(float, "where in the clip to begin", 0.0, option="--from"),
        "to_seconds": Setting(float, "where in the clip to end; 0 is its end", 0.0, option="--to"),
    },
    "perform": {
        "subject": _SUBJECT, "speech": _SPEECH, "output": Setting(Path, "performance.npz to write"), "seed": _SEED,
        "pose": _POSE,
    },
    "shot": {
        "subject": _SUBJECT, "speech": _SPEECH, "output": Setting(Path, "movie to write"), "seed": _SEED,
        "pose": _POSE,
        "blend": Setting(Path, "also save the scene here", None),
        "performance": Setting(Path, "performance.npz to use instead of predicting one", None),
        "plate_fit": _PLATE_FIT,
    },
    "render": {
        "file": Setting(Path, ".blend with a shot in it, as saved"),
        "output": Setting(Path, "movie to write"),
        "scene": Setting(str, "the scene to render; empty is the one that was open", ""),
        "shot": Setting(str, "the shot's empty, by its name; empty is the scene's last shot", ""),
        "plate_fit": _PLATE_FIT,
    },
}
SUMMARIES = {
    "learn": "learn a person from a clip or a photo",
    "perform": "predict motion from speech",
    "shot": "make a finished movie and an editable .blend",
    "render": "render and refine the shot in a saved .blend, edits and all",
}


@dataclass(frozen=True)
class JobRequest:
    """One thing to make: every setting of its kind, checked, paths absolute."""

    kind: str
    settings: dict[str, Any]

    def arguments(self) -> list[str]:
        """The command line's words for it; what is as by default is left out."""
        words = [self.kind]
        for name, setting in KINDS[self.kind].items():
            value = self.settings[name]
            if value == setting.default:
                continue
            words += [option(name, setting)] if setting.kind is bool else [option(name, setting), str(value)]
        return words

    def as_json(self) -> dict[str, Any]:
        """Its entry in a job file."""
        given = {name: str(value) if isinstance(value, Path) else value for name, value in self.settings.items()
                 if value != KINDS[self.kind][name].default}
        return {"kind": self.kind, **given}


def option(name: str, setting: Setting) -> str:
    """How a setting is called on the command line."""
    return setting.option or f"--{name.replace('_', '-')}"


def make_request(kind: Any, given: Mapping[str, Any], folder: Path) -> JobRequest:
    """A checked request; relative paths are taken from `folder`. Raises InputError with what is wrong."""
    if kind not in KINDS:
        raise InputError(f"There is no job of kind {kind!r}. The kinds are {', '.join(KINDS)}.")
    unknown = sorted(given.keys() - KINDS[kind].keys())
    if unknown:
        raise InputError(f"A {kind} job has no setting {unknown[0]}. It has {', '.join(KINDS[kind])}.")
    settings = {}
    for name, setting in KINDS[kind].items():
        value = given.get(name, setting.default)
        if value is REQUIRED:
            raise InputError(f"The {kind} job lacks its {name}. Name it.")
        settings[name] = value if value is None and setting.default is None else setting.checked(name, value, folder)
    return JobRequest(kind, settings)


def read_jobs(path: Path) -> list[dict[str, Any]]:
    """The entries of a job file, not yet checked one by one: a bad entry shall not keep the others from running."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror}. Choose another job file.") from error
    except ValueError as error:
        raise InputError(f"{path} is not a job file: {error}. Correct it, or write it anew from the panel.") from error
    if not isinstance(content, dict) or content.get("headroom") != FORMAT or not isinstance(content.get("jobs"), list):
        raise InputError(f'{path} is not a job file. It begins with {{"headroom": {FORMAT}, "jobs": [')
    return content["jobs"]


def request_of(entry: Any, folder: Path) -> JobRequest:
    """A job file's entry, checked."""
    if not isinstance(entry, dict):
        raise InputError(f"A job is an object with a kind, not {entry!r}. Correct it.")
    return make_request(entry.get("kind"), {name: value for name, value in entry.items() if name != "kind"}, folder)


def append_jobs(path: Path, requests: Sequence[JobRequest]) -> int:
    """Add jobs at the end of a job file, which is made if it is not there; returns how many there are now."""
    entries = [*(read_jobs(path) if path.exists() else []), *(request.as_json() for request in requests)]
    text = json.dumps({"headroom": FORMAT, "jobs": entries}, indent=2, ensure_ascii=False) + "\n"
    with atomic_write(path) as half:
        half.write_text(text, encoding="utf-8")
    return len(entries)
