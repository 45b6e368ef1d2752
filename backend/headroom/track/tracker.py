"""Clip to track: landmarks, joint fit, light and albedo, in that order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from headroom.common.progress import Progress, part, silent
from headroom.face.model import FaceModel
from headroom.track.appearance.appearance import Look, estimate_look
from headroom.track.landmarks.detect import Landmarks, find_landmarks
from headroom.track.solve.dense import fit_every_picture
from headroom.track.solve.fit import Fit, FitConfig, fit_again, fit_clip, fit_motion
from headroom.track.solve.frame_selection import turned_frames
from headroom.track.solve.landmark_bias import without_habit
from headroom.track.solve.photometric import fit_to_pictures
from headroom.track.track import Track, face_crop

if TYPE_CHECKING:
    from headroom.track.regressor.estimate import Reader

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
class Tracked:
    """A clip's track and look, the landmarks (T, 478, 3) that were found, NaN where there was no face, their mean error
    over the eye distance (T,) without the landmark network's habit, and what the user should know.
    """

    track: Track
    look: Look
    landmarks: np.ndarray
    error: np.ndarray
    notes: list[str]


@_alone
def track_clip(
    frames: Sequence[np.ndarray], fps: float, model: FaceModel, albedo: str = "clip", progress: Progress = silent,
    regressor: "Reader | None" = None,
) -> Tracked:
    """Track and look of a clip's frames (T pictures (H, W, 3) uint8 RGB); `albedo` is one of
    `headroom.track.appearance.appearance.ALBEDO_KINDS`. regressor: reads frames without landmarks, instead of the bundled one.
    """
    landmarks = find_landmarks(frames, fps, part(progress, 0, 0.45))
    fit = fit_frames(frames, landmarks, fps, model, part(progress, 0.45, 0.8), regressor)
    look = estimate_look(model, fit, frames, albedo, part(progress, 0.8, 1))
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
    return Tracked(track, look, landmarks.points, fit.error, _notes(landmarks, track))


def regressor_of(path: Path | None, model: FaceModel) -> "Reader | None":
    """The regressor in a file, None for the bundled one; InputError when the file is none of this face model's."""
    if path is None:
        return None
    from headroom.track.regressor.load import load_regressor  # torch, which tracking seldom needs

    return load_regressor(path, model)


@_alone
def track_further(
    known: Track, albedo: np.ndarray, frames: Sequence[np.ndarray], model: FaceModel, progress: Progress = silent
) -> Track:
    """The track of further frames of the same person, camera and light; albedo: the person's, (S, S, 3) uint8."""
    landmarks = find_landmarks(frames, known.fps, part(progress, 0, 0.6))
    points, doubt = _with_lost_frames(frames, landmarks, model)
    fit = fit_motion(
        model, points, known.fps, known.camera, known.identity, _FIRST, part(progress, 0.6, 0.8), doubt
    )
    look = albedo, known.light
    fit = _nearer_to_pictures(model, fit, frames, points, known.fps, doubt, look, part(progress, 0.8, 1))
    return Track(
        known.fps, known.camera, known.crop, known.identity, known.texture, known.light,
        fit.expression, fit.rotation, fit.translation, _confidence(fit.error),
    )


def fit_frames(
    frames: Sequence[np.ndarray], landmarks: Landmarks, fps: float, model: FaceModel, progress: Progress = silent,
    regressor: "Reader | None" = None,
) -> Fit:
    """The fit of a clip's frames: to the landmarks, then to what the pictures themselves say."""
    height, width = frames[0].shape[:2]
    points, doubt = _with_lost_frames(frames, landmarks, model, regressor)
    fit = fit_clip(model, points, fps, width, height, _FIRST, part(progress, 0, 0.7), doubt)
    return _nearer_to_pictures(model, fit, frames, points, fps, doubt, progress=part(progress, 0.7, 1))


def _nearer_to_pictures(
    model: FaceModel, fit: Fit, frames: Sequence[np.ndarray], points: np.ndarray, fps: float,
    doubt: np.ndarray | None, known: tuple[np.ndarray, np.ndarray] | None = None, progress: Progress = silent,
) -> Fit:
    """The fit without the landmark network's habit with this person, and of every frame to its picture.

    known: albedo picture and light of a person whose identity and camera are known, too.
    """
    progress(0, "Comparing with the pictures")
    chosen = turned_frames(fit, _KEY_FRAMES)
    if len(chosen) < _FEWEST_KEY_FRAMES:
        return fit_again(model, points, fps, fit, doubt)
    pictures = [frames[frame] for frame in chosen]
    truth, look = fit_to_pictures(model, fit.at(chosen), pictures, points[chosen], known_face=known is not None)
    if known:
        look = look.known(model, *known)
    corrected = without_habit(model, points, fit, chosen, truth)
    fit = fit_again(model, corrected, fps, fit.through(truth.camera, truth.identity), doubt, _FIRST)
    return fit_every_picture(model, fit, frames, points, corrected, fps, doubt, look, part(progress, 0.3, 1))


def _with_lost_frames(
    frames: Sequence[np.ndarray], landmarks: Landmarks, model: FaceModel, regressor: "Reader | None" = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Landmarks (T, 478, 3) and the doubt (T,) in them, with what the regressor sees where no face was found."""
    if landmarks.found.all():
        return landmarks.points, None
    from headroom.track.regressor.missing_frames import read_lost  # torch, which no other step of tracking needs
    from headroom.track.regressor.network import regressor_for

    regressor = regressor or regressor_for(model)
    return read_lost(frames, landmarks, model, regressor) if regressor else (landmarks.points, None)


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
