"""The subject folder: the files that hold what was learned of one person, their one reader and their one writer."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headroom.common.errors import InputError
from headroom.common.files import atomic_files, atomic_write, file_digest
from headroom.common.progress import Progress, no_progress
from headroom.common.subject_files import (
    ALBEDO,
    INFO,
    MOTION,
    PARTS,
    PLATES,
    PREVIEW,
    REFINER,
    RIG,
    SOUND,
    TRACK,
)
from headroom.face.library import find_model
from headroom.face.model import FaceModel, bundled_model
from headroom.media.audio import write_wav
from headroom.media.credentials.provenance import opened
from headroom.media.image import read_picture, write_picture
from headroom.media.video import MovieOptions, VideoWriter
from headroom.plate.layers import write_background
from headroom.subject.consent import require_consent
from headroom.subject.info import SubjectInfo
from headroom.subject.rig import Rig
from headroom.subject.upgrade import Part, require_usable
from headroom.track.track import Track

if TYPE_CHECKING:
    from headroom.motion.model.model import MotionModel
    from headroom.refine.refiner import Refiner

PLATES_CRF = 12  # x264's quality scale: nearly lossless


@dataclass(frozen=True)
class Subject:
    """One learned person. The parts are read when they are first used."""

    folder: Path

    @staticmethod
    def open(folder: Path) -> Subject:
        """Return the subject in a folder; InputError when there is none or a newer version of Headroom wrote it."""
        subject = Subject(Path(folder))
        if not (subject.folder / INFO).is_file():
            raise InputError(f"{folder} is not a subject; choose a folder that `headroom learn` wrote.")
        _ = subject.info
        return subject

    @staticmethod
    def open_for(folder: Path, use: str) -> Subject:
        """Return the subject in a folder to make something of it for a use, which the consent may limit.

        Raises InputError when there is no subject, or its consent has ended, was withdrawn or is for other uses.
        """
        subject = Subject.open(folder)
        require_consent(subject.info.name, subject.info.consent, use)
        return subject

    @cached_property
    def info(self) -> SubjectInfo:
        """The metadata."""
        return SubjectInfo.load(self.folder / INFO)

    @cached_property
    def key(self) -> str:
        """What names the person in caches: the digest of the plates, which no upgrade of the subject changes."""
        return file_digest(self.plates_path)

    @cached_property
    def track(self) -> Track:
        """The track of the learned part of the clip."""
        return Track.load(self._usable("track", TRACK))

    @cached_property
    def rig(self) -> Rig:
        """What Blender builds the head and the camera from. Controls that an older version did not store are computed.

        They stay missing where the face model is not on this machine.
        """
        rig = Rig.load(self._usable("rig", RIG))
        model = self._known_model() if len(rig.controls) == 0 else None
        return rig if model is None else rig.with_controls(model, self.track)

    @property
    def resolution(self) -> int:
        """Side of renders and refined frames, pixels."""
        return self.info.resolution or self.rig.resolution

    @cached_property
    def model(self) -> FaceModel:
        """The face model that the track was fitted with; InputError when it is not on this machine."""
        model = self._known_model()
        if model is None:
            raise InputError(f"{self.folder} was learned with the face model {self.info.face_model}, which is not on "
                             "this machine; give its file to `headroom model import`, or learn the subject again.")
        return model

    def _known_model(self) -> FaceModel | None:
        """Return the face model that the track was fitted with; None when it is not on this machine."""
        digest = self.info.face_model
        return bundled_model() if digest is None else find_model(digest)

    @cached_property
    def albedo(self) -> NDArray[np.uint8]:
        """The albedo texture (S, S, 3), row 0 on top."""
        return read_picture(self.folder / ALBEDO)

    @cached_property
    def motion(self) -> MotionModel:
        """The personal motion model."""
        from headroom.motion.model.model import MotionModel

        return MotionModel.load(self._usable("motion", MOTION))

    @cached_property
    def refiner(self) -> Refiner:
        """The personal refiner."""
        from headroom.refine.refiner import Refiner

        return Refiner.load(self._usable("refiner", REFINER))

    @property
    def plates_path(self) -> Path:
        """The movie of the learned frames; plate i is frame i of the track."""
        return self.folder / PLATES

    @property
    def sound_path(self) -> Path | None:
        """The sound of the learned part, 16 kHz mono; None for photos and for subjects of format 1."""
        return self.folder / SOUND if self.info.has_sound else None

    @property
    def can_be_upgraded(self) -> bool:
        """Whether the folder stores all that the person can be learned from again."""
        clip = self.info.clip
        return self.plates_path.is_file() and clip is not None and (clip.kind == "photo" or self.info.has_sound)

    def _usable(self, part: Part, name: str) -> Path:
        """Return the file of a part; InputError when it is damaged or too old."""
        remedy = f"run `headroom upgrade {self.folder}`" if self.can_be_upgraded else "learn the subject again"
        require_usable(part, self.folder / name, remedy)
        return self.folder / name


@dataclass(frozen=True)
class LearnedPerson:
    """What is learned of a person beside the plates; `albedo` is the texture (S, S, 3) uint8."""

    model: FaceModel
    track: Track
    albedo: NDArray[np.uint8]
    motion: MotionModel
    refiner: Refiner


class SubjectWriter:
    """Writes the parts of a subject to `folder`."""

    def __init__(self, folder: Path):
        self.folder = folder

    def copy_source(self, subject: Subject) -> None:
        """Copy what another subject stores of its source: plates and sound. Encoding them again would lose detail."""
        for path in filter(None, (subject.plates_path, subject.sound_path)):
            with atomic_write(self.folder / path.name) as temporary:
                shutil.copyfile(path, temporary)

    def write_plates(
        self, frames: Sequence[NDArray[np.uint8]], fps: float, clip: Path | None = None,
        progress: Progress = no_progress,
    ) -> None:
        """Write the learned frames (H, W, 3); they keep the content credentials of the clip they are from."""
        height, width = frames[0].shape[:2]
        options = MovieOptions(crf=PLATES_CRF, provenance=None if clip is None else opened(clip, PLATES))
        with VideoWriter(self.folder / PLATES, fps, width, height, options=options) as writer:
            for index, frame in enumerate(frames):
                progress(index / len(frames), "Writing the plates")
                writer.write(frame)

    def write_background(
        self, frames: Sequence[NDArray[np.uint8]], progress: Progress = no_progress
    ) -> tuple[NDArray[np.uint8], list[str]]:
        """Write the background behind the person; return the mattes (T, h, w) and what the user should know."""
        return write_background(self.folder, list(frames), progress)

    def write_sound(self, samples: NDArray[np.float32]) -> None:
        """Write the sound (N,) at 16 kHz of the learned part."""
        write_wav(self.folder / SOUND, samples)

    def write_person(self, person: LearnedPerson, preview: NDArray[np.uint8]) -> None:
        """Write track, rig, albedo, motion and refiner; preview: (H, W, 3) a picture of the person."""
        person.track.save(self.folder / TRACK)
        self.write_rig(Rig.of(person.model, person.track, person.refiner.resolution))
        self.write_albedo(person.albedo)
        person.motion.save(self.folder / MOTION)
        person.refiner.save(self.folder / REFINER)
        write_picture(self.folder / PREVIEW, preview)

    def write_rig(self, rig: Rig) -> None:
        """Write what Blender builds the head from."""
        rig.save(self.folder / RIG)

    def write_albedo(self, albedo: NDArray[np.uint8]) -> None:
        """Write the albedo texture (S, S, 3)."""
        write_picture(self.folder / ALBEDO, albedo)

    def write_info(self, info: SubjectInfo) -> None:
        """Write the metadata, as the last part: a folder without it is not a subject."""
        info.save(self.folder / INFO)


@contextmanager
def replace_subject(folder: Path) -> Iterator[SubjectWriter]:
    """Yield a writer; the parts that it wrote become the subject in `folder` when the block succeeds.

    All parts of an older subject are replaced, or none. Everything else in the folder stays.

    Raises InputError when the folder cannot be written, or holds files of others that have the names of parts.
    """
    require_no_foreign_parts(folder)
    with atomic_files(folder, PARTS) as temporary:
        yield SubjectWriter(temporary)


def require_no_foreign_parts(folder: Path) -> None:
    """Raise InputError when `folder` holds files that have names of parts and do not belong to a subject."""
    folder = Path(folder)
    foreign = [name for name in PARTS if name not in _own_parts(folder) and (folder / name).exists()]
    if foreign:
        raise InputError(f"{folder} holds {', '.join(foreign)}, which do not belong to a subject and would be "
                         "overwritten; choose another folder.")


def _own_parts(folder: Path) -> tuple[str, ...]:
    """Return the names of the files in `folder` that belong to its subject, if there is one."""
    if not (folder / INFO).is_file():
        return ()
    try:
        has_sound = SubjectInfo.load(folder / INFO).has_sound
    except InputError:  # damaged, or of a newer version
        has_sound = True
    return tuple(name for name in PARTS if name != SOUND or has_sound)
