"""The commands of the add-on and their settings: as options of the command line, and as jobs in a JSON file.

`KINDS` is the only list of them. The options, the checks and the table in docs/batch.md follow from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import InputError
from .files import atomic_write
from .messages import message
from .movie_output import FRAME, LAYERS
from .render_settings import AUTO, ENGINES
from .take_settings import POSES, PREDICTED

FORMAT = 1
REQUIRED = object()
"""The default of a setting without one."""
PRESETS = ("draft", "standard", "paper")
ALBEDOS = ("low", "frame", "clip")
RESOLUTIONS = (AUTO, "256", "512")


@dataclass(frozen=True)
class Setting:
    """One setting of a command. `value_type` is Path, str, bool, int or float, or tuple for pairs of paths.

    A pair is written FIRST=SECOND.

    limits: the least and the largest value of a number, those of the backend's settings.
    written: whether it is a path that the command writes.
    """

    value_type: type
    summary: str
    default: Any = REQUIRED
    option: str = ""
    choices: tuple[Any, ...] = ()
    limits: tuple[float, float] | None = None
    written: bool = False

    def checked(self, name: str, value: Any, folder: Path) -> Any:
        """Return `value` as this setting's type, a relative path as one in `folder`.

        Raises InputError, which mentions `name`, for any other value.
        """
        if self.choices and isinstance(value, int):  # a job file may have a choice as a number
            value = str(value)
        if self.value_type is tuple:
            return self._checked_pairs(name, value, folder)
        is_of_type = isinstance(value, self._accepted) and (self.value_type is bool or not isinstance(value, bool))
        if not is_of_type or (self.choices and value not in self.choices) or not self._within_limits(value):
            wanted = " or ".join(map(str, self.choices)) if self.choices else _TYPE_NAMES[self.value_type]
            wanted += " from {:g} to {:.10g}".format(*self.limits) if self.limits else ""
            raise InputError(message("The setting {name} must be {wanted}, not {value!r}. Correct it.",
                                     name=name, wanted=wanted, value=value))
        if self.value_type is Path:
            if not str(value):
                raise InputError(message("The setting {name} is empty. Name a file.", name=name))
            return Path(folder, value)
        return self.value_type(value)

    def _checked_pairs(self, name: str, value: Any, folder: Path) -> tuple[tuple[Path, Path], ...]:
        """Return `value` as pairs of paths."""
        texts = value if isinstance(value, (list, tuple)) else [None]
        if not all(isinstance(text, str) and "=" in text for text in texts):
            raise InputError(message("The setting {name} must be {wanted}, not {value!r}. Correct it.",
                                     name=name, wanted=_TYPE_NAMES[tuple], value=value))
        path = Setting(Path, self.summary)
        pairs = (text.split("=", 1) for text in texts)
        return tuple((path.checked(name, first, folder), path.checked(name, second, folder)) for first, second in pairs)

    def _within_limits(self, value: Any) -> bool:
        """Return whether a number lies within the limits, which no NaN does."""
        return self.limits is None or self.limits[0] <= value <= self.limits[1]

    @property
    def _accepted(self) -> tuple[type, ...]:
        return {Path: (str, Path), float: (int, float)}.get(self.value_type, (self.value_type,))


_TYPE_NAMES = {Path: "a path", str: "text", bool: "true or false", int: "a whole number", float: "a number",
               tuple: "a list of SUBJECT=SPEECH"}

_SUBJECT = Setting(Path, "subject folder")
_USE = Setting(str, "what the result is for, where the consent names the uses it covers", "")
_LABEL = Setting(str, "text in the top left corner of every picture, such as AI-generated; empty is none", "")
_SPEECH = Setting(Path, "sound file")
_AUDIO_TRACK = Setting(int, "number of the file's audio track; 0 is the first with sound", 0, limits=(0, 1000))
_TRANSCRIPT = Setting(Path, "text file with what is said, whose words are found in the speech, and at whose B, M and P "
                            "lips close", None)
_OUTPUT = Setting(Path, "movie to write: .mp4, .mov, .mkv or .webm, or pictures as in shot.####.png", written=True)
_LAYER = Setting(str, "the finished frame, or the refined face alone with alpha, as ProRes 4444 .mov or .png", FRAME,
                 choices=LAYERS)
_SEED = Setting(int, "another seed is another take", 0, limits=(0, 2**31 - 1))
_POSE = Setting(str, "the head's motion: from the speech, or the clip's own", PREDICTED, choices=POSES)
_KEY_ERROR = Setting(float, "error of the sparse keys, in units of 0.15 degrees, 0.3 mm and 0.01 of a face control; "
                            "0 keys every frame", 1.0, limits=(0, 1000))
_PLATE_FIT = Setting(float, "0 keeps the pose, 1 takes the plate's", 0.0, limits=(0, 1))
_ENGINE = Setting(str, "what draws the head; auto is Eevee where Blender has a graphics card, otherwise fast", AUTO,
                  choices=ENGINES)
_PRESET = Setting(str, "how long to learn", "draft", choices=PRESETS)

KINDS: dict[str, dict[str, Setting]] = {
    "learn": {
        "clip": Setting(Path, "video of one person speaking, or a photo"),
        "output": Setting(Path, "subject folder to write", written=True),
        "name": Setting(str, "the person's name", ""),
        "consent": Setting(bool, "the person shown has agreed to this use", False),
        "consent_uses": Setting(str, "the uses agreed to, with commas between them; empty is every use", ""),
        "consent_until": Setting(str, "last day of the consent, as in 2027-05-02; empty is without an end", ""),
        "preset": _PRESET,
        "budget_minutes": Setting(float, "minutes to train the refiner; 0 trains as many steps as the preset has", 0.0,
                                  option="--budget", limits=(0, 100_000)),
        "albedo": Setting(str, "the skin's texture: the model's alone, from one frame, or from the whole clip", "clip",
                          choices=ALBEDOS),
        "resolution": Setting(str, "pixels across the face crop; auto goes by the size of the face", AUTO,
                              choices=RESOLUTIONS),
        "from_seconds": Setting(float, "where in the clip to begin", 0.0, option="--from", limits=(0, 1e6)),
        "to_seconds": Setting(float, "where in the clip to end; 0 is its end", 0.0, option="--to", limits=(0, 1e6)),
        "face": Setting(int, "number of the person from the left, where the clip shows several; 0 is the only one", 0,
                        limits=(0, 1000)),
        "audio_track": _AUDIO_TRACK,
    },
    "perform": {
        "subject": _SUBJECT, "speech": _SPEECH,
        "output": Setting(Path, "performance.npz to write", written=True),
        "audio_track": _AUDIO_TRACK, "transcript": _TRANSCRIPT, "seed": _SEED, "pose": _POSE, "use": _USE,
    },
    "shot": {
        "subject": _SUBJECT, "speech": _SPEECH, "output": _OUTPUT, "audio_track": _AUDIO_TRACK,
        "transcript": _TRANSCRIPT, "seed": _SEED, "pose": _POSE,
        "blend": Setting(Path, "also save the scene here", None, written=True),
        "performance": Setting(
            Path, "performance to use instead of predicting one: .npz, Live Link Face .csv, or .json", None),
        "mirror": Setting(bool, "left and right of that performance change sides", False),
        "key_error": _KEY_ERROR,
        "plate_fit": _PLATE_FIT,
        "engine": _ENGINE,
        "use": _USE,
        "label": _LABEL,
        "layer": _LAYER,
        "people": Setting(tuple, "more people in the picture, each as SUBJECT=SPEECH, where the sound file is as long "
                                 "as the conversation", (), option="--with"),
    },
    "render": {
        "file": Setting(Path, ".blend with a shot in it, as saved"),
        "output": _OUTPUT,
        "scene": Setting(str, "the scene to render; empty is the one that was open", ""),
        "shot": Setting(str, "the shot's empty, by its name; empty is the scene's last shot", ""),
        "all_heads": Setting(bool, "all heads of the scene in one picture, except those whose face is hidden in "
                                   "renders", False),
        "subject": Setting(Path, "the subject's folder, where it was moved", None),
        "speech": Setting(Path, "the sound file, where it was moved", None),
        "plate_fit": _PLATE_FIT,
        "engine": _ENGINE,
        "use": _USE,
        "label": _LABEL,
        "layer": _LAYER,
    },
    "evaluate": {
        "clip": Setting(Path, "video of one person speaking"),
        "output": Setting(Path, "figures to write, .json", written=True),
        "movies": Setting(Path, "folder for the truth, the reconstruction and the prediction", None, written=True),
        "train_seconds": Setting(float, "learn from this many seconds; measure on the rest", 12.0, limits=(2, 1e6)),
        "preset": _PRESET,
    },
}
SUMMARIES = {
    "learn": "learn a person from a clip or a photo",
    "perform": "predict motion from speech",
    "shot": "make a finished movie and an editable .blend",
    "render": "render and refine the shot in a saved .blend, edits and all",
    "evaluate": "learn from the beginning of a clip, remake the rest, and measure it",
}


@dataclass(frozen=True)
class JobRequest:
    """One command to run, with every setting of its kind, checked, paths absolute."""

    kind: str
    settings: dict[str, Any]

    def arguments(self) -> list[str]:
        """Return the words of the command line; settings at their defaults are left out."""
        words = [self.kind]
        for name, setting in KINDS[self.kind].items():
            value = self.settings[name]
            if value == setting.default:
                continue
            if setting.value_type is tuple:
                words += [word for pair in value for word in (option(name, setting), pair_text(pair))]
                continue
            words += [option(name, setting)] if setting.value_type is bool else [option(name, setting), str(value)]
        return words

    def paths(self, written: bool) -> list[str]:
        """Return the files and folders that the command writes, or those that it reads."""
        found = []
        for name, setting in KINDS[self.kind].items():
            value = self.settings[name]
            if setting.written == written and setting.value_type in (Path, tuple) and value is not None:
                found += [str(path) for pair in value for path in pair] if isinstance(value, tuple) else [str(value)]
        return found

    def as_json(self) -> dict[str, Any]:
        """Return the entry of a job file."""
        given = {name: _json_value(value) for name, value in self.settings.items()
                 if value != KINDS[self.kind][name].default}
        return {"kind": self.kind, **given}


def _json_value(value: Any) -> Any:
    """Return a value with its paths as texts."""
    if isinstance(value, tuple):
        return [pair_text(pair) for pair in value]
    return str(value) if isinstance(value, Path) else value


def pair_text(pair: tuple[Path, Path]) -> str:
    """Return a pair of paths as it is written."""
    return "=".join(map(str, pair))


def option(name: str, setting: Setting) -> str:
    """Return the name of a setting on the command line."""
    return setting.option or f"--{name.replace('_', '-')}"


def make_request(kind: Any, given: Mapping[str, Any], folder: Path) -> JobRequest:
    """Return a checked request, with relative paths as ones in `folder`; raises InputError with what is wrong."""
    if kind not in KINDS:
        raise InputError(message("There is no job of kind {kind!r}. The kinds are {kinds}.",
                                 kind=kind, kinds=", ".join(KINDS)))
    unknown = sorted(given.keys() - KINDS[kind].keys())
    if unknown:
        raise InputError(message("A {kind} job has no setting {setting}. It has {settings}.",
                                 kind=kind, setting=unknown[0], settings=", ".join(KINDS[kind])))
    settings = {}
    for name, setting in KINDS[kind].items():
        value = given.get(name, setting.default)
        if value is REQUIRED:
            raise InputError(message("The {kind} job has no {name}. Add it.", kind=kind, name=name))
        settings[name] = value if value is None and setting.default is None else setting.checked(name, value, folder)
    return JobRequest(kind, settings)


def read_jobs(path: Path) -> list[dict[str, Any]]:
    """Return the entries of a job file. They are checked one by one later, so that the others run beside a wrong one.

    Raises InputError for a file that holds no jobs, and for one of a newer version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(message("Cannot read {path}: {reason}. Choose another job file.",
                                 path=path, reason=error.strerror)) from error
    except ValueError as error:
        raise InputError(message("{path} is not a job file: {error}. Correct it, or write it with Add to Job File.",
                                 path=path, error=error)) from error
    version = content.get("headroom") if isinstance(content, dict) else None
    if isinstance(version, int) and version > FORMAT:
        raise InputError(message("{path} was written by a newer version of Headroom. Update Headroom.", path=path))
    if version != FORMAT or not isinstance(content.get("jobs"), list):
        raise InputError(message('{path} is not a job file. A job file begins with {{"headroom": {format}, "jobs": [',
                                 path=path, format=FORMAT))
    return content["jobs"]


def request_of(entry: Any, folder: Path) -> JobRequest:
    """Return the checked request of a job file's entry."""
    if not isinstance(entry, dict):
        raise InputError(message("A job is an object with a kind, not {entry!r}. Correct it.", entry=entry))
    return make_request(entry.get("kind"), {name: value for name, value in entry.items() if name != "kind"}, folder)


def append_jobs(path: Path, requests: Sequence[JobRequest]) -> int:
    """Add jobs at the end of a job file, which is made if it does not exist; return the number of its jobs."""
    entries = [*(read_jobs(path) if path.exists() else []), *(request.as_json() for request in requests)]
    text = json.dumps({"headroom": FORMAT, "jobs": entries}, indent=2, ensure_ascii=False) + "\n"
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return len(entries)
