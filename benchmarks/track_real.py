"""Tracking of real clips: figures of our tracker, and of the paper's authors' choices on the same landmarks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from headroom.common.arrays import evenly_spaced
from headroom.evaluation.measures import pose_jitter_degrees, pose_jitter_pixels, psnr
from headroom.face.camera import pose_vertices
from headroom.face.model import FaceModel
from headroom.face.raster import Rasterizer
from headroom.face.topology import LOWER_INNER_LIP, UPPER_INNER_LIP, eye_distance
from headroom.media.video import probe, read_frames
from headroom.plate.composite import crop_frame
from headroom.track.appearance.appearance import ALBEDO_KINDS, estimate_appearance
from headroom.track.solve.fit import Fit
from headroom.track.solve.landmark_bias import project_landmarks
from headroom.track.solve.landmark_fit import FitConfig, fit_clip
from headroom.track.solve.tracker_input import TrackerInput
from headroom.track.track import Track
from headroom.track.tracker import TrackingResult, track_clip

RIGID_LANDMARKS = (10, 151, 9, 8, 168, 6, 33, 133, 362, 263)
"""Landmarks that hardly move in speech: forehead, bridge of the nose, corners of the eyes."""
FIVE_POINTS = ((33, 133), (362, 263), (1,), (61,), (291,))
"""Eyes, tip of the nose and corners of the mouth, each the mean of some landmarks."""
_CROP = 224
_POINT_SPREAD = 102.0
"""Side of the authors' crop, and twice the mean distance of its five points from their centre, pixels."""
_PSNR_FRAMES = 12


@dataclass(frozen=True)
class Quality:
    """Figures of one fit.

    error, p95: % of the eye distance.
    jitter_degrees, jitter_pixels: over the stillest second.
    lips: amplitude of the fitted opening over that of the raw one.
    speed: frames per second.
    """

    error: float
    p95: float
    jitter_degrees: float
    jitter_pixels: float
    lips: float
    speed: float


@dataclass(frozen=True)
class ClipFigures:
    """Figures of one clip.

    ours: over the whole clip; ours_still, authors_still: over its stillest second.
    psnr: of the face, dB, by albedo kind.
    """

    name: str
    ours: Quality
    ours_still: Quality
    authors_still: Quality
    psnr: dict[str, float]


def clip_figures(model: FaceModel, clip: Path, seconds: float) -> ClipFigures:
    """Track a clip's first seconds and measure the result."""
    start = time.perf_counter()
    info = probe(clip)
    frames = list(read_frames(clip, None, seconds))
    tracked = track_clip(frames, info.fps, model)
    frame_seconds = (time.perf_counter() - start) / len(frames)
    fit = _fit_of(tracked)
    still = stillest_second(tracked.landmarks, info.fps)
    authors, authors_seconds = authors_fit(model, tracked.landmarks[still], fit)
    return ClipFigures(
        clip.stem,
        quality(model, fit, tracked.landmarks, still, frame_seconds),
        quality(model, fit.at(still), tracked.landmarks[still], slice(None), frame_seconds),
        _authors_quality(model, authors, tracked.landmarks[still], authors_seconds),
        {kind: face_psnr(model, tracked, frames, kind) for kind in ALBEDO_KINDS},
    )


def quality(model: FaceModel, fit: Fit, points: np.ndarray, still: slice, frame_seconds: float) -> Quality:
    """Return the figures of a fit to landmarks (T, 478, 3)."""
    projected = project_landmarks(model, fit)
    away = _away(projected, points, model)
    return Quality(
        100 * float(np.nanmean(away)),
        100 * float(np.nanpercentile(away, 95)),
        float(pose_jitter_degrees(fit.rotation[still]).mean()),
        pose_jitter_pixels(_head(model, fit)[still]),
        _lips(model, projected, points),
        1 / frame_seconds,
    )


def stillest_second(points: np.ndarray, fps: float) -> slice:
    """Return the second in which the rigid landmarks' standard deviation in the picture is smallest."""
    count = min(round(fps), len(points))
    deviation = [points[k : k + count, RIGID_LANDMARKS, :2].std(0).mean() for k in range(len(points) - count + 1)]
    start = int(np.nanargmin(deviation))
    return slice(start, start + count)


def authors_fit(model: FaceModel, points: np.ndarray, ours: Fit) -> tuple[list[Fit], float]:
    """Fit every frame by itself, with its own crop and identity and no smoothness; also return seconds per frame."""
    start = time.perf_counter()
    fits = []
    for frame in points:
        size = ours.camera.width, ours.camera.height
        shifted = frame[None] + np.append(_rounding_shift(frame, *size), 0)
        config = FitConfig(focal=ours.camera.focal_px / max(size), focal_prior=1e6)
        fits.append(fit_clip(model, TrackerInput((), shifted, 25.0), size, config))
    return fits, (time.perf_counter() - start) / len(points)


def face_psnr(model: FaceModel, tracked: TrackingResult, frames: Sequence[np.ndarray], kind: str) -> float:
    """Return the PSNR, dB, of renders against frames, the mean over frames.

    In the crop at full size, inside the render's opaque pixels without a rim of 4 % of the eye distance.
    """
    track, appearance = tracked.track, estimate_appearance(model, _fit_of(tracked), frames, kind)
    raster = Rasterizer(model, track.camera, track.crop, track.crop.size)
    raster.set_appearance(appearance.albedo, appearance.light)
    eyes = np.nanmedian(eye_distance(tracked.landmarks))
    rim = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(0.04 * eyes) + 1,) * 2)
    values = []
    for frame in evenly_spaced(np.arange(len(frames)), _PSNR_FRAMES):
        render = raster.render(track.vertices(model, frame))
        inside = cv2.erode((render[..., 3] == 255).astype(np.uint8), rim) > 0
        values.append(psnr(crop_frame(frames[frame], track.crop, track.crop.size), render[..., :3], inside))
    return float(np.mean(values))


def _authors_quality(model: FaceModel, fits: list[Fit], points: np.ndarray, frame_seconds: float) -> Quality:
    rotation = np.concatenate([f.rotation for f in fits])
    projected = np.concatenate([project_landmarks(model, f) for f in fits])
    away = _away(projected, points, model)
    head = np.concatenate([_head(model, f) for f in fits])
    return Quality(
        100 * float(np.nanmean(away)), 100 * float(np.nanpercentile(away, 95)),
        float(pose_jitter_degrees(rotation).mean()), pose_jitter_pixels(head),
        _lips(model, projected, points), 1 / frame_seconds,
    )


def _rounding_shift(points: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return (2,) pixels by which a face moves because the crop's corner is a whole pixel of the resized picture."""
    five = np.rint([points[list(group), :2].mean(0) for group in FIVE_POINTS])
    centre = five.mean(0)
    scale = _POINT_SPREAD / np.linalg.norm(five - centre, axis=1).mean() / 2
    resized = np.floor(np.array([width, height]) * scale)
    corner = resized / 2 - _CROP / 2 + (centre - [width / 2, height / 2]) * scale
    return (corner - np.floor(corner)) / scale


def _away(projected: np.ndarray, points: np.ndarray, model: FaceModel) -> np.ndarray:
    """Return landmark errors (T, L) over the clip's median distance of the irises."""
    return np.linalg.norm(projected - points[:, model.landmark_ids, :2], axis=2) / np.nanmedian(eye_distance(points))


def _lips(model: FaceModel, projected: np.ndarray, points: np.ndarray) -> float:
    """Return the standard deviation over time of the fitted lip opening over that of the raw landmarks."""
    raw = np.linalg.norm(points[:, UPPER_INNER_LIP, :2] - points[:, LOWER_INNER_LIP, :2], axis=1)
    upper, lower = (list(model.landmark_ids).index(lip) for lip in (UPPER_INNER_LIP, LOWER_INNER_LIP))
    fitted = np.linalg.norm(projected[:, upper] - projected[:, lower], axis=1)
    seen = np.isfinite(raw)
    return float(fitted[seen].std() / raw[seen].std())


def _head(model: FaceModel, fit: Fit) -> np.ndarray:
    """Return the pixels (T, P, 2) of points fixed to the head."""
    head = model.shape(fit.identity)[::61].astype(float)
    return fit.camera.project(pose_vertices(head, fit.rotation, fit.translation))


def _fit_of(tracked: TrackingResult) -> Fit:
    track: Track = tracked.track
    return Fit(track.camera, track.identity, track.expression, track.rotation, track.translation, tracked.error)
