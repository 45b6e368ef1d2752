"""What `subject.toml` says about a subject: who it shows, what it was learned from and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field

from headroom import __version__
from headroom.common.errors import InputError
from headroom.common.files import atomic_write
from headroom.common.settings import Albedo, Preset, Resolution
from headroom.common.stored import LIMIT, Damaged, damage, read_toml
from headroom.subject.consent import Consent

if TYPE_CHECKING:
    from headroom.motion.model.model import MotionModel

PHOTO_SUFFIXES_1 = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"}  # by which format 1 knew photos
FORMAT = 3
"""Format of `subject.toml`. 2: the resolution, whether the source is a photo, and whether the sound is stored. 3: the
consent has fields for who agreed, for which uses and until when, and the source's digest is stored."""

Seconds = Annotated[float, Field(ge=0, le=LIMIT)]


class Record(BaseModel):
    """Base of the tables in `subject.toml`: immutable; unknown keys are ignored."""

    model_config = ConfigDict(frozen=True)


class ClipInfo(Record):
    """The file that a person was learned from: its size in pixels, its rate, and the part that was used, in seconds.

    sha256: digest of the file's bytes; None in subjects of formats 1 and 2.
    """

    file: str
    sha256: str | None = None
    kind: Literal["video", "photo"]
    width: int = Field(gt=0, le=65536)
    height: int = Field(gt=0, le=65536)
    fps: float = Field(gt=0, le=1000)
    from_seconds: Seconds
    to_seconds: Seconds


class Measures(Record):
    """Figures of the learning.

    audio_offset_seconds: delay of the clip's sound against the lips, which learning corrects.
    held_out_lip_correlation: correlation of predicted and true lip opening in frames that were not learned.
    step_seconds: duration of each step of learning.
    """

    audio_offset_seconds: float = Field(ge=-LIMIT, le=LIMIT)
    held_out_lip_correlation: float = Field(ge=-LIMIT, le=LIMIT)
    step_seconds: dict[str, Seconds] = Field(default_factory=dict)

    @staticmethod
    def of(motion: MotionModel, step_seconds: Mapping[str, float]) -> Measures:
        """Return the figures of a learned motion model and of the steps of learning."""
        return Measures(
            audio_offset_seconds=float(motion.audio_offset_seconds),
            held_out_lip_correlation=round(float(motion.held_out), 3),
            step_seconds={step: round(seconds, 1) for step, seconds in step_seconds.items()},
        )


class SubjectInfo(Record):
    """Metadata of a subject.

    version: the version of Headroom that learned it.
    albedo: kind of the albedo texture.
    resolution: side of renders and refined frames, pixels; None in format 1, where only the rig has it.
    face_model: digest of the face model that the clip was fitted with; None is the bundled model.
    own_networks: names of the networks that the user gave instead of the bundled ones.
    has_sound: whether the folder stores the sound of the clip's learned part.
    notes: what the user should know about the learning.
    """

    name: str
    version: str = __version__
    preset: Preset = "draft"
    albedo: Albedo = "clip"
    resolution: Resolution | None = None
    face_model: str | None = None
    own_networks: tuple[str, ...] = ()
    has_sound: bool = False
    notes: tuple[str, ...] = ()
    consent: Consent = Consent()
    clip: ClipInfo | None = None
    measures: Measures | None = None

    def save(self, path: Path) -> None:
        """Write as TOML."""
        values = {"format": FORMAT, **self.model_dump(exclude_none=True)}
        with atomic_write(path) as temporary:
            temporary.write_text(tomli_w.dumps(values), encoding="utf-8")

    @staticmethod
    def load(path: Path) -> SubjectInfo:
        """Read what any version of Headroom up to this one wrote; InputError for anything else."""
        try:
            values = read_toml(path)
            with damage():
                if int(values["format"]) > FORMAT:
                    raise InputError(f"{path.parent} was written by a newer version of Headroom; update Headroom.")
                return SubjectInfo.model_validate(upgrade(values))
        except Damaged as error:
            raise InputError(f"{path} cannot be read; learn the subject again.") from error


def upgrade(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a `subject.toml` of any older format as format `FORMAT` has them."""
    for number in range(int(values["format"]), FORMAT):
        values = _UPGRADES[number](values)
    return values


def _from_1(values: dict[str, Any]) -> dict[str, Any]:
    """Format 1 to 2: the version's key, the source's kind, and the steps' seconds in a table of their own."""
    values = {**values, "format": 2, "has_sound": False}
    if "headroom" in values:
        values["version"] = values.pop("headroom")
    if "clip" in values:
        photo = Path(values["clip"]["file"]).suffix.lower() in PHOTO_SUFFIXES_1
        values["clip"] = {**values["clip"], "kind": "photo" if photo else "video"}
    if "measures" in values:
        steps = {name: seconds for name, seconds in values["measures"].items()
                 if name.endswith("_seconds") and name != "audio_offset_seconds"}
        rest = {name: value for name, value in values["measures"].items() if name not in steps}
        values["measures"] = {**rest, "step_seconds": {
            name.removesuffix("_seconds"): seconds for name, seconds in steps.items()}}
    return values


def _from_2(values: dict[str, Any]) -> dict[str, Any]:
    """Format 2 to 3: what was stated stays a statement, without limits of use and time, which it never had."""
    consent = dict(values.get("consent", {}))
    if consent.get("statement") == "not stated":
        del consent["statement"]
    if not consent.get("recorded"):
        consent.pop("recorded", None)
    return {**values, "format": 3, "consent": consent}


_UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1, 2: _from_2}
"""Format -> the step to the next one."""
