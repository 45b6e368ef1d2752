"""Tracking of real clips: the figures of our tracker, and of the paper's authors' choices on the same landmarks."""

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
from headroom.track.solve.fit import Fit, FitConfig, fit_clip
from headroom.track.solve.landmark_bias import project_landmarks
from headroom.track.track import Track
from headroom.track.tracker import TrackingResult, track_clip

RIGID = (10, 151, 9, 8, 168, 6, 33, 133, 362, 263)
"""Landmarks that speech hardly moves: forehead, bridge of the nose, corners of the eyes."""
FIVE = ((33, 133), (362, 263), (1,), (61,), (291,))
"""Eyes, tip of the nose and corners of the mouth, each the mean of some landmarks."""
_CROP = 224
_FIVE_MM = 102.0
"""The authors' crop: its side in pixels, and the height in it of the five points' mean evenly_spaced."""
_PSNR_FRAMES = 12


@dataclass(frozen=True)
class Quality:
    """error, p95: % of the eye distance; jitter: degrees and pixels, over the stillest second; lips: amplitude fitted
    over raw; speed: frames a second.
    """

    error: float
    p95: float
    jitter_degrees: float
    jitter_pixels: float
    lips: float
    speed: float


@dataclass(frozen=True)
class ClipFigures:
    """One clip's: ours over the whole of it, both over its stillest second, and the face PSNR in dB by albedo kind."""

    name: str
    ours: Quality
    ours_still: Quality
    authors_still: Quality
    psnr: dict[str, float]


def clip_figures(model: FaceModel, clip: Path, seconds: float) -> ClipFigures:
    """Track a clip's first seconds and measure."""
    begun = time.perf_counter()
    info = probe(clip)
    frames = list(read_frames(clip, None, seconds))
    tracked = track_clip(frames, info.fps, model)
    took = (time.perf_counter() - begun) / len(frames)
    fit = _fit_of(tracked)
    still = stillest_second(tracked.landmarks, info.fps)
    authors, authors_took = authors_fit(model, tracked.landmarks[still], fit)
    return ClipFigures(
        clip.stem,
        quality(model, fit, tracked.landmarks, still, took),
        quality(model, fit.at(still), tracked.landmarks[still], slice(None), took),
        _authors_quality(model, authors, tracked.landmarks[still], authors_took),
        {kind: face_psnr(model, tracked, frames, kind) for kind in ALBEDO_KINDS},
    )


def quality(model: FaceModel, fit: Fit, points: np.ndarray, still: slice, took: float) -> Quality:
    """Figures of a fit to landmarks (T, 478, 3); `took` seconds a frame."""
    projected = project_landmarks(model, fit)
    away = _away(projected, points, model)
    return Quality(
        100 * float(np.nanmean(away)),
        100 * float(np.nanpercentile(away, 95)),
        float(pose_jitter_degrees(fit.rotation[still]).mean()),
        pose_jitter_pixels(_head(model, fit)[still]),
        _lips(model, projected, points),
        1 / took,
    )


def stillest_second(points: np.ndarray, fps: float) -> slice:
    """The second in which the rigid landmarks' places in the picture spread least."""
    count = min(round(fps), len(points))
    spread = [points[k : k + count, RIGID, :2].std(0).mean() for k in range(len(points) - count + 1)]
    start = int(np.nanargmin(spread))
    return slice(start, start + count)


def authors_fit(model: FaceModel, points: np.ndarray, ours: Fit) -> tuple[list[Fit], float]:
    """Every frame by itself: own crop from five whole-pixel points, own identity, no smoothness; seconds a frame."""
    begun = time.perf_counter()
    fits = []
    for frame in points:
        moved = frame[None] + np.append(_lost_in_the_crop(frame, ours.camera.width, ours.camera.height), 0)
        config = FitConfig(focal=ours.camera.focal_px / max(ours.camera.width, ours.camera.height), focal_prior=1e6)
        fits.append(fit_clip(model, moved, 25.0, ours.camera.width, ours.camera.height, config))
    return fits, (time.perf_counter() - begun) / len(points)


def face_psnr(model: FaceModel, tracked: TrackingResult, frames: Sequence[np.ndarray], kind: str) -> float:
    """dB of the plain re-render against the frame, mean over frames, in the crop at full size, inside the render's
    solid pixels less a rim of 4 % of the eye distance.
    """
    track, look = tracked.track, estimate_appearance(model, _fit_of(tracked), frames, kind)
    raster = Rasterizer(model, track.camera, track.crop, track.crop.size)
    raster.set_look(look.albedo, look.light)
    eyes = np.nanmedian(eye_distance(tracked.landmarks))
    rim = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(0.04 * eyes) + 1,) * 2)
    values = []
    for frame in evenly_spaced(np.arange(len(frames)), _PSNR_FRAMES):
        render = raster.render(track.placed(model, frame))
        inside = cv2.erode((render[..., 3] == 255).astype(np.uint8), rim) > 0
        values.append(psnr(crop_frame(frames[frame], track.crop, track.crop.size), render[..., :3], inside))
    return float(np.mean(values))


def _authors_quality(model: FaceModel, fits: list[Fit], points: np.ndarray, took: float) -> Quality:
    rotation = np.concatenate([f.rotation for f in fits])
    projected = np.concatenate([project_landmarks(model, f) for f in fits])
    away = _away(projected, points, model)
    head = np.concatenate([_head(model, f) for f in fits])
    return Quality(
        100 * float(np.nanmean(away)), 100 * float(np.nanpercentile(away, 95)),
        float(pose_jitter_degrees(rotation).mean()), pose_jitter_pixels(head),
        _lips(model, projected, points), 1 / took,
    )


def _lost_in_the_crop(points: np.ndarray, width: int, height: int) -> np.ndarray:
    """(2,) pixels that a face moves by because the crop's corner is a whole pixel of the resized picture."""
    five = np.rint([points[list(group), :2].mean(0) for group in FIVE])
    middle = five.mean(0)
    scale = _FIVE_MM / np.linalg.norm(five - middle, axis=1).mean() / 2
    resized = np.floor(np.array([width, height]) * scale)
    corner = resized / 2 - _CROP / 2 + (middle - [width / 2, height / 2]) * scale
    return (corner - np.floor(corner)) / scale


def _away(projected: np.ndarray, points: np.ndarray, model: FaceModel) -> np.ndarray:
    """(T, L) landmark errors over the clip's median distance of the irises."""
    return np.linalg.norm(projected - points[:, model.landmark_ids, :2], axis=2) / np.nanmedian(eye_distance(points))


def _lips(model: FaceModel, projected: np.ndarray, points: np.ndarray) -> float:
    """Standard deviation over time of the fitted lips' opening over that of the raw landmarks'."""
    raw = np.linalg.norm(points[:, UPPER_INNER_LIP, :2] - points[:, LOWER_INNER_LIP, :2], axis=1)
    upper, lower = (list(model.landmark_ids).index(lip) for lip in (UPPER_INNER_LIP, LOWER_INNER_LIP))
    fitted = np.linalg.norm(projected[:, upper] - projected[:, lower], axis=1)
    seen = np.isfinite(raw)
    return float(fitted[seen].std() / raw[seen].std())


def _head(model: FaceModel, fit: Fit) -> np.ndarray:
    """(T, P, 2) points fixed to the head in the picture."""
    return fit.camera.project(pose_vertices(model.shape(fit.identity)[::61].astype(float), fit.rotation, fit.translation))


def _fit_of(tracked: TrackingResult) -> Fit:
    track: Track = tracked.track
    return Fit(track.camera, track.identity, track.expression, track.rotation, track.translation, tracked.error)
