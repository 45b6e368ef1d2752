"""`headroom track`: a clip's track without learning the person, its figures, and a movie that shows it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headroom.common.progress import Progress, subprogress, no_progress
from headroom.evaluation.measures import pose_jitter_degrees, pose_jitter_pixels
from headroom.face.camera import pose_vertices
from headroom.face.model import FaceModel, bundled_model, load_model
from headroom.media.soundtrack import SoundtrackSource
from headroom.media.video import VideoWriter, probe, read_frames
from headroom.subject.clip import clip_range
from headroom.track.overlay import Overlay
from headroom.track.track import Track
from headroom.track.tracker import TrackingResult, regressor_from, track_clip


@dataclass(frozen=True)
class TrackFigures:
    """frames, those without a face, the landmark error over the eye distance (mean, and the 95th percentile over the
    frames), the mean second differences of the pose (degrees, mean of the three axes; pixels at the face), and how
    long tracking took, decoding included.
    """

    frames: int
    lost: int
    error_mean: float
    error_p95: float
    jitter_degrees: float
    jitter_pixels: float
    seconds: float


def track(
    clip: Path,
    *,
    output: Path | None = None,
    overlay: Path | None = None,
    from_seconds: float | None = None,
    to_seconds: float | None = None,
    albedo: str = "clip",
    face_model: Path | None = None,
    regressor: Path | None = None,
    progress: Progress = no_progress,
) -> tuple[TrackFigures, list[str]]:
    """Track a clip, write the track and the overlay movie where names are given; figures and what the user should know.

    face_model: a file of `headroom model import`; regressor: what reads frames without landmarks. Bundled ones if None.
    """
    info, model = probe(clip), bundled_model() if face_model is None else load_model(face_model)
    reader = regressor_from(regressor, model)
    start, end, notes = clip_range(info, from_seconds, to_seconds)
    begun = time.perf_counter()
    frames = list(read_frames(clip, start, end))
    tracked = track_clip(frames, info.fps, model, albedo, subprogress(progress, 0, 0.6 if overlay else 1), reader)
    figures = _figures(model, tracked, time.perf_counter() - begun)
    del frames  # the movie reads them again, one by one
    if output:
        tracked.track.save(output)
    if overlay:
        _write_overlay(overlay, clip, start, end, info.has_audio, model, tracked, subprogress(progress, 0.6, 1))
    return figures, [*notes, *tracked.notes]


def _figures(model: FaceModel, tracked: TrackingResult, seconds: float) -> TrackFigures:
    motion, error = tracked.track, tracked.error
    return TrackFigures(
        frames=len(motion),
        lost=int(np.isnan(error).sum()),
        error_mean=float(np.nanmean(error)),
        error_p95=float(np.nanpercentile(error, 95)),
        jitter_degrees=float(pose_jitter_degrees(motion.rotation).mean()),
        jitter_pixels=pose_jitter_pixels(head_pixels(model, motion)),
        seconds=seconds,
    )


def head_pixels(model: FaceModel, track: Track) -> np.ndarray:
    """(T, P, 2) where points fixed to the head, spread over the neutral face, are in every frame's picture."""
    face = model.shape(track.identity)[::61].astype(np.float64)
    return track.camera.project(pose_vertices(face, track.rotation.astype(float), track.translation.astype(float)))


def _write_overlay(path: Path, clip: Path, start: float, end: float, sound: bool, model: FaceModel, tracked: TrackingResult,
                   progress: Progress) -> None:
    motion = tracked.track
    overlay = Overlay(model, motion, tracked.landmarks, tracked.error)
    with VideoWriter(path, motion.fps, motion.camera.width, motion.camera.height,
                     sound=SoundtrackSource(clip, start) if sound else None) as movie:
        for frame, picture in enumerate(read_frames(clip, start, end)):
            progress(frame / len(motion), "Drawing the overlay")
            movie.write(overlay.draw(picture, frame))
