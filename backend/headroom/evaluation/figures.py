"""The figures of an evaluation as values; `headroom.evaluation.measures` says what each of them measures."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np


@dataclass(frozen=True)
class ClipFigures:
    """The clip that was evaluated: its size in pixels, its rate and its length."""

    name: str
    width: int
    height: int
    fps: float
    seconds: float


@dataclass(frozen=True)
class FrameFigures:
    """Figures of one frame, or their mean over a movie; None where no true frame shows a face."""

    psnr_face: float | None
    psnr_crop: float | None
    psnr_frame: float | None
    psnr_atvg: float | None
    ssim: float | None
    seam: float | None

    @staticmethod
    def mean(frames: list[FrameFigures]) -> FrameFigures:
        """Return the mean of each figure over the frames that have it."""
        columns = {field.name: [getattr(frame, field.name) for frame in frames] for field in fields(FrameFigures)}
        known = {name: [value for value in values if value is not None] for name, values in columns.items()}
        return FrameFigures(**{name: float(np.mean(values)) if values else None for name, values in known.items()})


@dataclass(frozen=True)
class FaceFigures:
    """Figures of the face over time; None where no frame shows a face in both movies.

    faces_found: fraction of the made frames in which a face was found.
    lmd_256, lmd_full: landmark distance of the mouth, pixels of the crop at 256 and at full size.
    """

    faces_found: float
    lmd_256: float | None
    lmd_full: float | None
    lip_correlation: float | None
    flicker: float


@dataclass(frozen=True)
class HeadFigures:
    """Figures of the head's motion; degrees are of pitch, yaw and roll."""

    hs: float
    hs_45: float
    w1_degrees: list[float]
    jitter_degrees: list[float]
    jitter_pixels: float


@dataclass(frozen=True)
class ResultFigures:
    """All figures of a remade movie; pose_speed: speed of the head relative to the truth's."""

    frames: FrameFigures
    face: FaceFigures
    head: HeadFigures
    pose_speed: float

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as one flat table."""
        return {**asdict(self.frames), **asdict(self.face), **asdict(self.head), "pose_speed": self.pose_speed}


@dataclass(frozen=True)
class TruthFigures:
    """Figures of the clip itself; `head` compares its first half with its second."""

    head: HeadFigures
    faces_found: float

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as one flat table."""
        return {**asdict(self.head), "faces_found": self.faces_found}


@dataclass(frozen=True)
class Evaluation:
    """What `headroom evaluate` finds.

    results: figures by the name of the remade movie.
    seconds: duration of each step.
    """

    clip: ClipFigures
    preset: str
    train_seconds: float
    test_frames: int
    results: dict[str, ResultFigures]
    truth: TruthFigures
    seconds: dict[str, float]
    notes: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "clip": asdict(self.clip),
            "preset": self.preset,
            "train_seconds": self.train_seconds,
            "test_frames": self.test_frames,
            "tables": {name: result.to_dict() for name, result in self.results.items()},
            "truth": self.truth.to_dict(),
            "seconds": self.seconds,
            "notes": self.notes,
        }
