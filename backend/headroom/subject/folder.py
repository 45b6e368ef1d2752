"""The subject folder: what has been learnt of one person."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tomli_w

from headroom.common.errors import InputError
from headroom.common.files import NPZ_ERRORS, atomic_write
from headroom.face.library import find_model
from headroom.face.model import FaceModel, bundled_model
from headroom.media.image import read_picture
from headroom.track.track import Track

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from headroom.motion.model.model import MotionModel
    from headroom.refine.refiner import Refiner

FORMAT = 1


@dataclass(frozen=True)
class Subject:
    """One person, as `headroom learn` left them in `folder`; parts are read when they are first needed."""

    folder: Path

    @staticmethod
    def open(folder: Path) -> "Subject":
        """The subject in a folder; InputError when there is none or it is of another version."""
        subject = Subject(Path(folder))
        if not subject.facts_path.is_file():
            raise InputError(f"{folder} is not a subject; choose a folder that `headroom learn` wrote.")
        if subject.facts.get("format") != FORMAT:
            raise InputError(f"{folder} was written by another version of Headroom; learn the subject again.")
        return subject

    @property
    def facts_path(self) -> Path:
        return self.folder / "subject.toml"

    @property
    def plates_path(self) -> Path:
        return self.folder / "plates.mp4"

    @cached_property
    def facts(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self.facts_path.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise InputError(f"{self.facts_path} cannot be read; learn the subject again.") from error

    @cached_property
    def track(self) -> Track:
        return Track.load(self.folder / "track.npz")

    @cached_property
    def rig(self) -> dict[str, np.ndarray]:
        """What Blender builds the head from, as `write_rig` wrote it."""
        try:
            with np.load(self.folder / "rig.npz", allow_pickle=False) as rig:
                return dict(rig)
        except NPZ_ERRORS as error:
            raise InputError(f"{self.folder / 'rig.npz'} cannot be read; learn the subject again.") from error

    @cached_property
    def resolution(self) -> int:
        """Side of renders and refined frames, pixels."""
        return int(self.rig["resolution"])

    @cached_property
    def model(self) -> FaceModel:
        """The face model the track was fitted with; InputError when it is not on this machine."""
        digest = self.facts.get("face_model")
        model = bundled_model() if digest is None else find_model(digest)
        if model is None:
            raise InputError(f"{self.folder} was learnt with the face model {digest}, which is not on this machine; "
                             "give its file to `headroom model import`, or learn the subject again.")
        return model

    @cached_property
    def albedo(self) -> np.ndarray:
        """(S, S, 3) uint8, row 0 on top."""
        return read_picture(self.folder / "albedo.png")

    @cached_property
    def motion(self) -> "MotionModel":
        from headroom.motion.model.model import MotionModel

        return MotionModel.load(self.folder / "motion.safetensors")

    @cached_property
    def refiner(self) -> "Refiner":
        from headroom.refine.refiner import Refiner

        return Refiner.load(self.folder / "refiner.safetensors")


def write_metadata(folder: Path, facts: dict[str, Any]) -> None:
    """subject.toml; a folder without it is not a subject, so it is written last."""
    with atomic_write(folder / "subject.toml") as temporary:
        temporary.write_text(tomli_w.dumps({"format": FORMAT, **facts}), encoding="utf-8")


def write_rig(path: Path, model: FaceModel, track: Track, resolution: int) -> None:
    """rig.npz: what Blender builds the head from (docs/architecture.md)."""
    rest_rotation, rest_translation = rest_pose(track)
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(
            file,
            neutral=model.shape(track.identity),
            expression=np.ascontiguousarray(np.moveaxis(model.expression_basis, 2, 0), np.float32),
            faces=model.faces.astype(np.int32),
            uv=model.uv.astype(np.float32),
            names=np.array(model.names),
            regions=np.array(model.regions),
            expression_std=track.expression.std(0).astype(np.float32),
            light=track.light.astype(np.float32),
            focal_px=np.float64(track.camera.focal_px),
            width=track.camera.width,
            height=track.camera.height,
            crop=np.array([track.crop.x, track.crop.y, track.crop.size]),
            resolution=resolution,
            fps=np.float64(track.fps),
            rest_rotation=rest_rotation,
            rest_translation=rest_translation,
        )


def rest_pose(track: Track) -> tuple[np.ndarray, np.ndarray]:
    """The person's usual rotation (3,) and translation (3,)."""
    return np.median(track.rotation, axis=0).astype(np.float32), np.median(track.translation, axis=0).astype(np.float32)
