"""Clip to track: landmarks, joint fit, light and albedo, in that order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from headroom.common.progress import Progress, subprogress, no_progress
from headroom.face.model import FaceModel
from headroom.track.appearance.appearance import Appearance, estimate_appearance
from headroom.track.landmarks.detect import Landmarks, find_landmarks
from headroom.track.solve.dense import fit_all_frames
from headroom.track.solve.fit import Fit, FitConfig, fit_again, fit_clip, fit_motion
from headroom.track.solve.frame_selection import turned_frames
from headroom.track.solve.landmark_bias import remove_landmark_bias
from headroom.track.solve.photometric import fit_key_frames
from headroom.track.track import Track, face_crop

if TYPE_CHECKING:
    from headroom.track.regressor.estimate import FaceRegressor

TRACKER_VERSION = 4
"""Raise it when the landmarks or the fit change: tracks kept for training are then made anew."""
_KEY_FRAMES, _FEWEST_KEY_FRAMES = 12, 4
"""Frames that are compared with the pictures; fewer cannot tell the network's habit from the expression."""
_FIRST = FitConfig(shared_rounds=4, rounds=3, rounds_again=2)
"""The first look at the motion, which is fitted again beside the pictures."""
_alone = threadpool_limits.wrap(limits=1, user_api="blas")
"""One thread for each product of matrices: they are small, and two threads waiting for each other took half again as
long. Frames share the cores instead.
"""
_LOST_ERROR = 0.04
"""A frame whose landmarks are further off than this, in eye distances, counts as lost."""


@dataclass(frozen=True)
class TrackingResult:
    """A clip's track and look, the landmarks (T, 478, 3) that were found, NaN where there was no face, their mean error
    over the eye distance (T,) without the landmark network's habit, and what the user should know.
    """

    track: Track
    look: Appearance
    landmarks: np.ndarray
    error: np.ndarray
    notes: list[str]


@_alone
def track_clip(
    frames: Sequence[np.ndarray], fps: float, model: FaceModel, albedo: str = "clip", progress: Progress = no_progress,
    regressor: "FaceRegressor | None" = None,
) -> TrackingResult:
    """Track and look of a clip's frames (T pictures (H, W, 3) uint8 RGB); `albedo` is one of
    `headroom.track.appearance.appearance.ALBEDO_KINDS`. regressor: reads frames without landmarks, instead of the bundled one.
    """
    landmarks = find_landmarks(frames, fps, subprogress(progress, 0, 0.45))
    fit = fit_frames(frames, landmarks, fps, model, subprogress(progress, 0.45, 0.8), regressor)
    look = estimate_appearance(model, fit, frames, albedo, subprogress(progress, 0.8, 1))
    track = Track(
        fps,
        fit.camera,
        face_crop(model, fit.camera, fit.identity, fit.rotation, fit.translation),
        fit.identity,
        look.texture,
        look.light,
        fit.expression,
        fit.rotation,
        fit.translation,
        _confidence(fit.error),
    )
    return TrackingResult(track, look, landmarks.points, fit.error, _notes(landmarks, track))


def regressor_from(path: Path | None, model: FaceModel) -> "FaceRegressor | None":
    """The regressor in a file, None for the bundled one; InputError when the file is none of this face model's."""
    if path is None:
        return None
    from headroom.track.regressor.load import load_regressor  # torch, which tracking seldom needs

    return load_regressor(path, model)


@_alone
def track_known_face(
    known: Track, albedo: np.ndarray, frames: Sequence[np.ndarray], model: FaceModel, progress: Progress = no_progress
) -> Track:
    """The track of further frames of the same person, camera and light; albedo: the person's, (S, S, 3) uint8."""
    landmarks = find_landmarks(frames, known.fps, subprogress(progress, 0, 0.6))
    points, noise_scale = _with_lost_frames(frames, landmarks, model)
    fit = fit_motion(
        model, points, known.fps, known.camera, known.identity, _FIRST, subprogress(progress, 0.6, 0.8), noise_scale
    )
    look = albedo, known.light
    fit = _nearer_to_pictures(model, fit, frames, points, known.fps, noise_scale, look, subprogress(progress, 0.8, 1))
    return Track(
        known.fps, known.camera, known.crop, known.identity, known.texture, known.light,
        fit.expression, fit.rotation, fit.translation, _confidence(fit.error),
    )


def fit_frames(
    frames: Sequence[np.ndarray], landmarks: Landmarks, fps: float, model: FaceModel, progress: Progress = no_progress,
    regressor: "FaceRegressor | None" = None,
) -> Fit:
    """The fit of a clip's frames: to the landmarks, then to what the pictures themselves say."""
    height, width = frames[0].shape[:2]
    points, noise_scale = _with_lost_frames(frames, landmarks, model, regressor)
    fit = fit_clip(model, points, fps, width, height, _FIRST, subprogress(progress, 0, 0.7), noise_scale)
    return _nearer_to_pictures(model, fit, frames, points, fps, noise_scale, progress=subprogress(progress, 0.7, 1))


def _nearer_to_pictures(
    model: FaceModel, fit: Fit, frames: Sequence[np.ndarray], points: np.ndarray, fps: float,
    noise_scale: np.ndarray | None, known: tuple[np.ndarray, np.ndarray] | None = None, progress: Progress = no_progress,
) -> Fit:
    """The fit without the landmark network's habit with this person, and of every frame to its picture.

    known: albedo picture and light of a person whose identity and camera are known, too.
    """
    progress(0, "Comparing with the pictures")
    chosen = turned_frames(fit, _KEY_FRAMES)
    if len(chosen) < _FEWEST_KEY_FRAMES:
        return fit_again(model, points, fps, fit, noise_scale)
    pictures = [frames[frame] for frame in chosen]
    truth, look = fit_key_frames(model, fit.at(chosen), pictures, points[chosen], known_face=known is not None)
    if known:
        look = look.known(model, *known)
    corrected = remove_landmark_bias(model, points, fit, chosen, truth)
    fit = fit_again(model, corrected, fps, fit.through(truth.camera, truth.identity), noise_scale, _FIRST)
    return fit_all_frames(model, fit, frames, points, corrected, fps, noise_scale, look, subprogress(progress, 0.3, 1))


def _with_lost_frames(
    frames: Sequence[np.ndarray], landmarks: Landmarks, model: FaceModel, regressor: "FaceRegressor | None" = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Landmarks (T, 478, 3) and the doubt (T,) in them, with what the regressor sees where no face was found."""
    if landmarks.found.all():
        return landmarks.points, None
    from headroom.track.regressor.missing_frames import fill_missing_frames  # torch, which no other step of tracking needs
    from headroom.track.regressor.network import regressor_for

    regressor = regressor or regressor_for(model)
    return fill_missing_frames(frames, landmarks, model, regressor) if regressor else (landmarks.points, None)


def _confidence(error: np.ndarray) -> np.ndarray:
    """(T,) 1 for a landmark error of nothing, 0 from `_LOST_ERROR` on and where there was no face."""
    return np.clip(1 - np.nan_to_num(error, nan=1.0) / _LOST_ERROR, 0, 1).astype(np.float32)


def _notes(landmarks: Landmarks, track: Track) -> list[str]:
    notes = []
    if landmarks.faces > 1:
        notes.append(f"{landmarks.faces} faces were seen at once; the largest was taken.")
    lost = int((~landmarks.found).sum())
    if lost:
        notes.append(f"No face in {lost} of {len(track)} frames; the motion was carried over them.")
    return notes
