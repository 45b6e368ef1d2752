"""The steps of learning a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headroom import __version__
from headroom.common.errors import InputError
from headroom.common.progress import Progress, subprogress, no_progress, timed
from headroom.face.directions import FaceDirections
from headroom.face.model import FaceModel
from headroom.face.raster import Rasterizer
from headroom.media.audio import SAMPLE_RATE, is_silent, read_audio
from headroom.media.video import MovieOptions, VideoInfo, VideoWriter, probe, read_frames
from headroom.plate.composite import crop_frame
from headroom.plate.layers import PLATES, write_background
from headroom.refine.loss_weights import loss_weight_maps
from headroom.track.render import render_track
from headroom.track.track import Track
from headroom.track.tracker import TrackingResult, track_clip

if TYPE_CHECKING:
    from headroom.common.networks.arcface import ArcFace
    from headroom.motion.model.model import MotionModel
    from headroom.refine.dataset import TrainingPairs
    from headroom.refine.refiner import Refiner
    from headroom.refine.spatial import SpatialNetwork
    from headroom.refine.train_config import RefinerTrainConfig
    from headroom.track.tracker import FaceRegressor

RESOLUTIONS = (256, 512)
"""Sides of renders and refined frames, pixels."""
SHORTEST_SECONDS = 2.0
LONGEST_SECONDS = 30.0
"""A clip is learnt from its first half minute unless the user says which part."""
NO_CONSENT = "not stated"
TOLD_OFFSET_SECONDS = 0.06
"""Sound further off the lips than this can be seen."""
_MOST_PIXELS = 2.2e9
"""Pixels held while learning: 6.6 GB, 30 s of 1080p at 30 frames a second and more."""


def require_resolution(resolution: int, preset: str | None = None) -> None:
    """InputError for a size of crop that nothing is made for."""
    if resolution not in RESOLUTIONS:
        raise InputError(f"Crops of {resolution} pixels are not made; choose 256 or 512.")
    if preset == "draft" and resolution > RESOLUTIONS[0]:
        raise InputError("The preset draft has too little time for 512 pixels; choose standard or paper.")


@dataclass(frozen=True)
class LearnConfig:
    """How a person is learnt: preset and kind of albedo, pixels across a crop, and what is used instead of the bundled
    networks.

    regressor reads frames without landmarks; arcface tells each frame's identity feature, the face model's coefficients
    if None; spatial is what these are remembered by.
    """

    preset: str
    albedo: str
    resolution: int
    regressor: "FaceRegressor | None" = None
    arcface: "ArcFace | None" = None
    spatial: "SpatialNetwork | None" = None


@dataclass(frozen=True)
class LearnedPerson:
    """A person as learnt from a clip or a photo.

    span: the seconds learnt from, whose pictures are `frames`; albedo: its kind; took: seconds by step.
    """

    info: VideoInfo
    span: tuple[float, float]
    frames: list[np.ndarray]
    tracked: TrackingResult
    motion: "MotionModel"
    refiner: "Refiner"
    albedo: str
    took: dict[str, float]
    notes: list[str]


@dataclass(frozen=True)
class ClipSource:
    """The part of a clip that a person is learnt from: `span` seconds, and its sound (N,) at 16 kHz."""

    path: Path
    info: VideoInfo
    span: tuple[float, float]
    speech: np.ndarray
    notes: list[str]

    @staticmethod
    def open(path: Path, from_seconds: float | None, to_seconds: float | None) -> "ClipSource":
        """Look whether a person can be learnt from it; InputError when not."""
        info = probe(path)
        start, end, notes = clip_range(info, from_seconds, to_seconds)
        return ClipSource(path, info, (start, end), clip_speech(path, info, start, end), notes)

    def learn(self, folder: Path, model: FaceModel, config: LearnConfig, progress: Progress = no_progress) -> LearnedPerson:
        """The person; the plates go into the subject's `folder`."""
        from headroom.refine.train_config import PRESETS

        took: dict[str, float] = {}
        with timed(took, "track"):
            frames = list(read_frames(self.path, *self.span))
            tracked = track_clip(frames, self.info.fps, model, config.albedo, subprogress(progress, 0, 0.15), config.regressor)
            track = tracked.track
        with timed(took, "motion"):
            motion = learn_motion(model, track, self.speech, subprogress(progress, 0.15, 0.27))
        with timed(took, "plates"):
            write_plates(folder / PLATES, frames, self.info.fps, subprogress(progress, 0.27, 0.29))
            notes = [*self.notes, *write_background(folder, frames, subprogress(progress, 0.29, 0.3))]
        with timed(took, "refiner"):
            pairs = training_pairs(model, track, tracked.appearance.albedo, frames, config.resolution, config.arcface,
                             subprogress(progress, 0.3, 0.33))
            refiner = learn_refiner(pairs, PRESETS[config.preset], config.spatial, subprogress(progress, 0.33, 1))
        notes += tracked.notes + motion_notes(motion)
        return LearnedPerson(self.info, self.span, frames, tracked, motion, refiner, config.albedo, took, notes)


def clip_range(
    info: VideoInfo, from_seconds: float | None, to_seconds: float | None
) -> tuple[float, float, list[str]]:
    """Which seconds of a clip to learn from, and what the user should know about the choice."""
    start = max(0.0, from_seconds or 0.0)
    end = info.seconds if to_seconds is None else min(info.seconds, to_seconds)
    if end - start < SHORTEST_SECONDS:
        raise InputError(
            f"Only {max(0.0, end - start):.1f} s of the clip to learn from; choose a part of at least "
            f"{SHORTEST_SECONDS:.0f} s, better 12 s."
        )
    longest = max_seconds(info)
    if to_seconds is None:
        longest = min(longest, LONGEST_SECONDS)
    if end - start > longest + 1e-6:
        end = start + longest
        return start, end, [f"Learnt from {start:.1f} to {end:.1f} s of the clip's {info.seconds:.1f} s."]
    return start, end, []


def max_seconds(info: VideoInfo) -> float:
    """How long a part of a clip can be held in memory."""
    return _MOST_PIXELS / (info.width * info.height * info.fps)


def clip_speech(clip: Path, info: VideoInfo, start: float, end: float) -> np.ndarray:
    """The clip's own sound (N,) at 16 kHz; a person is learnt from their own voice."""
    if not info.has_audio:
        raise InputError(f"{clip.name} has no sound; choose a clip in which the person is heard speaking.")
    samples = read_audio(clip, SAMPLE_RATE, start, end)
    if is_silent(samples):
        raise InputError(f"The sound of {clip.name} is no_progress; choose a clip in which the person is heard speaking.")
    return samples


def learn_motion(model: FaceModel, track: Track, speech: np.ndarray, progress: Progress = no_progress) -> "MotionModel":
    """The personal motion model from the clip's track and its sound (N,) at 16 kHz, begun from the general one."""
    from headroom.motion.retarget import general_model_for
    from headroom.motion.train.personal import train_motion

    return train_motion(speech, track.performance, FaceDirections.of(model), progress=progress,
                        initial=general_model_for(model))


def motion_notes(motion: "MotionModel") -> list[str]:
    """What the user should know about the clip's sound."""
    offset = motion.audio_offset_seconds
    if abs(offset) <= TOLD_OFFSET_SECONDS:
        return []
    return [f"The clip's sound is {abs(offset) * 1000:.0f} ms {'later' if offset > 0 else 'earlier'} than the lips; "
            "it was moved into step for learning."]


def learn_refiner(
    pairs: "TrainingPairs", config: "RefinerTrainConfig", spatial: "SpatialNetwork | None" = None, progress: Progress = no_progress
) -> "Refiner":
    """The personal refiner, begun from the general one where that is meant.

    spatial: what renders are remembered by where frames have features of their own, the bundled network if None.
    """
    from headroom.refine.general import general_refiner
    from headroom.refine.train import train_refiner

    initial = general_refiner(pairs.identity[0], pairs.identity_feature) if config.from_general else None
    return train_refiner(pairs, config, progress, initial, spatial)


def training_pairs(
    model: FaceModel, track: Track, albedo: np.ndarray, frames: Sequence[np.ndarray], resolution: int,
    arcface: "ArcFace | None" = None, progress: Progress = no_progress,
) -> "TrainingPairs":
    """True and rendered crops of a clip's frames (H, W, 3) uint8, where the face was seen. albedo (S, S, 3) uint8.

    arcface: what tells each frame's identity feature, the face model's coefficients if None.
    """
    from headroom.refine.dataset import TrainingPairs, normalised_identity
    from headroom.subject.identity import feature_name, identity_features

    sure = track.confidence > 0
    crops = np.stack([crop_frame(frame, track.crop, resolution) for frame in frames])
    renders = np.stack(list(render_track(model, track, albedo, resolution, subprogress(progress, 0, 0.5))))
    progress(0.5, "Marking mouth and eyes")
    raster = Rasterizer(model, track.camera, track.crop, resolution)
    regions = loss_weight_maps(raster, [track.vertices(model, frame) for frame in range(len(track))])
    identity = normalised_identity(identity_features(model, track, frames, arcface, subprogress(progress, 0.7, 1)))
    return TrainingPairs(crops[sure], renders[sure], regions[sure], identity[sure], feature_name(model, arcface))


def write_plates(path: Path, frames: list[np.ndarray], fps: float, progress: Progress = no_progress) -> None:
    """The learnt frames, nearly lossless."""
    height, width = frames[0].shape[:2]
    with VideoWriter(path, fps, width, height, options=MovieOptions(crf=12)) as writer:
        for index, frame in enumerate(frames):
            progress(index / len(frames), "Keeping the plates")
            writer.write(frame)


def subject_metadata(clip: Path, learnt: LearnedPerson, preset: str, name: str | None, consent: str | None, model: FaceModel) -> dict:
    """What subject.toml says."""
    info, motion = learnt.info, learnt.motion
    return {
        "name": name or clip.stem,
        "headroom": __version__,
        "preset": preset,
        "albedo": learnt.albedo,
        "face_model": model.digest,
        "notes": learnt.notes,
        "consent": {"statement": consent or NO_CONSENT, "recorded": date.today().isoformat()},
        "clip": {
            "file": clip.name,
            "width": info.width,
            "height": info.height,
            "fps": info.fps,
            "from_seconds": learnt.span[0],
            "to_seconds": learnt.span[1],
        },
        "measures": {
            "audio_offset_seconds": float(motion.audio_offset_seconds),
            "held_out_lip_correlation": round(float(motion.held_out), 3),
            **{f"{step}_seconds": round(seconds, 1) for step, seconds in learnt.took.items()},
        },
    }
