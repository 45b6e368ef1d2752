"""The figures of an evaluation as values; `headroom.evaluation.measures` says what each of them measures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

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
    """Figures of one frame, or their mean over a movie."""

    psnr_crop: float
    psnr_frame: float
    psnr_atvg: float
    ssim: float
    seam: float


@dataclass(frozen=True)
class RegionFigures:
    """Figures of one region of a frame, or their mean over a movie."""

    psnr: float
    sharpness: float
    perceptual: float


F = TypeVar("F", FrameFigures, RegionFigures)


def mean_figures(rows: Sequence[F]) -> F:
    """Return the mean of each figure over frames, at least one."""
    kind = type(rows[0])
    return kind(**{field.name: float(np.mean([getattr(row, field.name) for row in rows])) for field in fields(kind)})


@dataclass(frozen=True)
class FaceFigures:
    """Figures of the face over time; None where no frame shows a face in both movies.

    faces_found: fraction of the made frames in which a face was found.
    lmd_256, lmd_full: landmark distance of the mouth, pixels of the crop at 256 and at full size.
    identity: similarity of the persons shown; None without a network for it.
    """

    faces_found: float
    lmd_256: float | None
    lmd_full: float | None
    lip_correlation: float | None
    flicker: float
    identity: float | None


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
    """All figures of a remade movie.

    regions: figures by the name of the region (`headroom.evaluation.regions`); None where no true frame shows a face.
    pose_speed: speed of the head relative to the truth's.
    """

    frames: FrameFigures
    regions: dict[str, RegionFigures | None]
    face: FaceFigures
    head: HeadFigures
    pose_speed: float

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as one flat table, where "psnr_rim", say, is the PSNR of the rim."""
        regions = {f"{field.name}_{name}": None if figures is None else getattr(figures, field.name)
                   for field in fields(RegionFigures) for name, figures in self.regions.items()}
        return {**regions, **asdict(self.frames), **asdict(self.face), **asdict(self.head),
                "pose_speed": self.pose_speed}


@dataclass(frozen=True)
class TruthFigures:
    """Figures of the clip itself.

    head: compares the first half with the second.
    identity: compares each frame with the one a second later; None without a network for it.
    """

    head: HeadFigures
    faces_found: float
    identity: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as one flat table."""
        return {**asdict(self.head), "faces_found": self.faces_found, "identity": self.identity}


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

    def to_json(self) -> str:
        """Return the text of a file of the figures."""
        return json.dumps(self.to_dict(), indent=2) + "\n"
