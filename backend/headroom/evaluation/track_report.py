"""`headroom track`: a clip's track without learning the person, its figures, and a movie that shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headroom.common.progress import Progress, Stopwatch, no_progress, subprogress
from headroom.common.settings import Albedo
from headroom.evaluation.measures import pose_jitter_degrees, pose_jitter_pixels
from headroom.face.camera import pose_vertices
from headroom.face.model import FaceModel
from headroom.media.changes import changes_note
from headroom.media.credentials.provenance import opened
from headroom.media.soundtrack import SoundtrackSource
from headroom.media.video import MovieOptions, VideoInfo, VideoWriter, probe, read_frames
from headroom.subject.clip import clip_range
from headroom.subject.clip_person import find_in_clip
from headroom.subject.networks import NetworkFiles, load_face_model
from headroom.track.overlay import Overlay
from headroom.track.track import Track
from headroom.track.tracker import TrackingOptions, TrackingResult, regressor_from, track_clip


@dataclass(frozen=True)
class TrackFigures:
    """Figures of a track.

    frames, lost: number of frames, and of those without a face.
    error_mean, error_p95: landmark error relative to the eye distance, mean and 95th percentile over the frames.
    jitter_degrees: mean second difference of the rotation, mean of the three axes.
    jitter_pixels: mean second difference of points on the head in the picture.
    seconds: duration of tracking, with decoding.
    """

    frames: int
    lost: int
    error_mean: float
    error_p95: float
    jitter_degrees: float
    jitter_pixels: float
    seconds: float


@dataclass(frozen=True)
class TrackOptions:
    """What to track and how.

    from_seconds, to_seconds: the part of the clip.
    albedo: kind of the albedo.
    networks: files to use instead of the bundled networks.
    face: number of the person, of several, from the left; 0 for the only one.
    """

    from_seconds: float | None = None
    to_seconds: float | None = None
    albedo: Albedo = "clip"
    networks: NetworkFiles = NetworkFiles()
    face: int = 0


@dataclass(frozen=True)
class TrackFiles:
    """Files to write; None writes nothing: the track as .npz, and a movie that shows it over the clip."""

    track: Path | None = None
    overlay: Path | None = None


def track(
    clip: Path, files: TrackFiles = TrackFiles(), options: TrackOptions = TrackOptions(),
    progress: Progress = no_progress,
) -> tuple[TrackFigures, list[str]]:
    """Track a clip and write the files; return the figures and what the user should know."""
    video, model = probe(clip), load_face_model(options.networks)
    regressor = regressor_from(options.networks.regressor, model)
    start, end, notes = clip_range(video, options.from_seconds, options.to_seconds)
    person = find_in_clip(clip, (start, end), options.face)
    part, watch = _ClipPart(clip, video, start, end), Stopwatch()
    with watch.step("track"):
        tracked: TrackingResult = track_clip(
            list(part.frames()), video.fps, model, TrackingOptions(options.albedo, regressor, person.colours),
            subprogress(progress, 0, 0.6 if files.overlay else 1))
    figures = _figures(model, tracked, watch.seconds["track"])
    if files.track:
        tracked.track.save(files.track)
    if files.overlay:
        _write_overlay(files.overlay, part, model, tracked, subprogress(progress, 0.6, 1))
    return figures, [*notes, *changes_note(clip.name, video.changes), *tracked.notes]


def head_pixels(model: FaceModel, track: Track) -> NDArray[np.float64]:
    """Return the pixels (T, P, 2) of points on the neutral face that move with the head only."""
    face = model.shape(track.identity)[::61].astype(np.float64)
    return track.camera.project(pose_vertices(face, track.rotation.astype(float), track.translation.astype(float)))


@dataclass(frozen=True)
class _ClipPart:
    """A part of a clip, in seconds; the frames are read again each time, because they may not fit into memory twice."""

    clip: Path
    video: VideoInfo
    start: float
    end: float

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        return read_frames(self.clip, self.start, self.end)


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


def _write_overlay(path: Path, part: _ClipPart, model: FaceModel, tracked: TrackingResult, progress: Progress) -> None:
    motion = tracked.track
    overlay = Overlay(model, motion, tracked.landmarks, tracked.error)
    sound = SoundtrackSource(part.clip, part.start) if part.video.has_audio else None
    with VideoWriter(path, motion.fps, motion.camera.width, motion.camera.height, sound=sound,
                     options=MovieOptions(provenance=opened(part.clip, path.stem))) as movie:
        for frame, picture in enumerate(part.frames()):
            progress(frame / len(motion), "Drawing the overlay")
            movie.write(overlay.draw(picture, frame))
