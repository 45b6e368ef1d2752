"""The tracker: from a clip to its track by landmarks, joint fit, light and albedo, in this order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from headroom.common.progress import Progress, no_progress, subprogress
from headroom.face.model import FaceModel
from headroom.track.appearance.appearance import Appearance, estimate_appearance
from headroom.track.landmarks.detect import Landmarks, find_landmarks
from headroom.track.landmarks.face_view import FaceView, view_notes
from headroom.track.landmarks.follow import find_person
from headroom.track.solve.dense import HeadMeasurement, fit_all_frames
from headroom.track.solve.fit import Fit
from headroom.track.solve.frame_selection import rotated_frames
from headroom.track.solve.landmark_bias import remove_landmark_bias
from headroom.track.solve.landmark_fit import FitConfig, fit_clip, fit_motion, refit_motion
from headroom.track.solve.photometric import fit_key_frames
from headroom.track.solve.tracker_input import TrackerInput
from headroom.track.track import Track, face_crop

if TYPE_CHECKING:
    from headroom.track.regressor.estimate import FaceRegressor

TRACKER_VERSION = 4
"""Raise this when the landmarks or the fit change; tracks stored for training are then made again."""
_KEY_FRAMES, _MIN_KEY_FRAMES = 12, 4
"""Number of frames in the photometric fit; fewer than four cannot separate the landmarks' bias from expression."""
_INITIAL_FIT = FitConfig(shared_rounds=4, rounds=3, refit_rounds=2)
"""Fewer steps for the fits to landmarks alone, because the fit to the pictures follows."""
_MISSING_ERROR = 0.04
"""Landmark error, eye distances, from which a frame has no confidence."""
_single_threaded = threadpool_limits.wrap(limits=1, user_api="blas")
"""Decorator: one BLAS thread. The matrices are small, and two threads take half again as long by waiting for each
other. Frames are solved in parallel instead.
"""


@dataclass(frozen=True)
class TrackingOptions:
    """How a clip is tracked.

    albedo: one of `headroom.track.appearance.appearance.ALBEDO_KINDS`; None estimates no appearance, which
        takes a third of the time of a short clip.
    regressor: predicts frames in which no face is found; None for the bundled one.
    colours: (48,) of the person to track (`headroom.track.landmarks.people.Person`); None for the largest face.
    head: measures poses by more than the face; None goes by the face alone.
    """

    albedo: str | None = "clip"
    regressor: FaceRegressor | None = None
    colours: np.ndarray | None = None
    head: HeadMeasurement | None = None


@dataclass(frozen=True)
class TrackingResult:
    """The result of tracking a clip.

    landmarks: (T, 478, 3) as found; NaN where there was no face.
    error: (T,) mean landmark error in eye distances, after the removal of the landmarks' bias; NaN without a face.
    notes: sentences for the user.
    """

    track: Track
    appearance: Appearance
    landmarks: np.ndarray
    error: np.ndarray
    notes: list[str]


@_single_threaded
def track_clip(
    frames: Sequence[np.ndarray], fps: float, model: FaceModel, options: TrackingOptions = TrackingOptions(),
    progress: Progress = no_progress,
) -> TrackingResult:
    """Track a clip of T pictures (H, W, 3) uint8 RGB.

    Raises InputError when a face is found in less than half of the frames.
    """
    if options.colours is None:
        landmarks = find_landmarks(frames, fps, subprogress(progress, 0, 0.45))
    else:
        landmarks = find_person(frames, fps, options.colours, subprogress(progress, 0, 0.45))
    clip = tracker_input(frames, landmarks, fps, model, options.regressor)
    fit = fit_frames(model, clip, options.head, subprogress(progress, 0.45, 0.8))
    if options.albedo is None:
        appearance = Appearance.unknown(model)
    else:
        appearance = estimate_appearance(model, fit, frames, options.albedo, subprogress(progress, 0.8, 1))
    track = Track(
        fps,
        fit.camera,
        face_crop(model, fit.camera, fit.identity, fit.rotation, fit.translation),
        fit.identity,
        appearance.texture,
        appearance.light,
        fit.expression,
        fit.rotation,
        fit.translation,
        _confidence(fit.error),
    )
    view = FaceView.of(landmarks.points, track.camera.width, track.camera.height)
    notes = [*_notes(landmarks, track), *view_notes(view)]
    return TrackingResult(track, appearance, landmarks.points, fit.error, notes)


def regressor_from(path: Path | None, model: FaceModel) -> FaceRegressor | None:
    """Load the regressor in a file; None, for the bundled one, where no file is given.

    Raises InputError when the file is not a regressor of this face model.
    """
    if path is None:
        return None
    from headroom.track.regressor.load import load_regressor  # imports torch, which tracking seldom needs

    return load_regressor(path, model)


@_single_threaded
def track_known_face(
    known: Track, albedo: np.ndarray, frames: Sequence[np.ndarray], model: FaceModel,
    head: HeadMeasurement | None = None, progress: Progress = no_progress,
) -> Track:
    """Track further frames of the person, camera and light of a known track.

    albedo: (S, S, 3) uint8 texture of the person.
    head: as in `TrackingOptions`.
    """
    landmarks = find_landmarks(frames, known.fps, subprogress(progress, 0, 0.6))
    clip = tracker_input(frames, landmarks, known.fps, model)
    fit = fit_motion(model, clip, known.camera, known.identity, _INITIAL_FIT, subprogress(progress, 0.6, 0.8))
    fit = _fit_to_pictures(model, clip, fit, (albedo, known.light), head, subprogress(progress, 0.8, 1))
    return Track(
        known.fps, known.camera, known.crop, known.identity, known.texture, known.light,
        fit.expression, fit.rotation, fit.translation, _confidence(fit.error),
    )


def tracker_input(
    frames: Sequence[np.ndarray], landmarks: Landmarks, fps: float, model: FaceModel,
    regressor: FaceRegressor | None = None,
) -> TrackerInput:
    """Return a clip for the solvers, with landmarks that a regressor predicts where no face was found.

    regressor: None for the bundled one, which only exists for the bundled face model.
    """
    clip = TrackerInput(frames, landmarks.points, fps)
    if landmarks.found.all():
        return clip
    from headroom.track.regressor.missing_frames import fill_missing_frames  # imports torch
    from headroom.track.regressor.network import bundled_regressor

    regressor = regressor or bundled_regressor(model)
    return fill_missing_frames(clip, model, regressor) if regressor else clip


def fit_frames(
    model: FaceModel, clip: TrackerInput, head: HeadMeasurement | None = None, progress: Progress = no_progress
) -> Fit:
    """Fit the face model to a clip: to the landmarks, then to the pictures as well.

    head: as in `TrackingOptions`.
    """
    height, width = clip.frames[0].shape[:2]
    fit = fit_clip(model, clip, (width, height), _INITIAL_FIT, subprogress(progress, 0, 0.7))
    return _fit_to_pictures(model, clip, fit, None, head, subprogress(progress, 0.7, 1))


def _fit_to_pictures(
    model: FaceModel, clip: TrackerInput, fit: Fit, known: tuple[np.ndarray, np.ndarray] | None,
    head: HeadMeasurement | None, progress: Progress,
) -> Fit:
    """Improve a fit to landmarks: remove the landmarks' bias for this person, then fit every frame to its picture.

    known: albedo texture (S, S, 3) uint8 and light (9, 3) of a person whose identity and camera are known too.
    """
    progress(0, "Comparing with the pictures")
    key_frames = rotated_frames(fit, _KEY_FRAMES)
    if len(key_frames) < _MIN_KEY_FRAMES:
        return refit_motion(model, clip, fit)
    pictures = [clip.frames[frame] for frame in key_frames]
    key_fit, appearance = fit_key_frames(
        model, fit.at(key_frames), pictures, clip.points[key_frames], known_face=known is not None)
    if known:
        appearance = appearance.with_known(model, *known)
    corrected = remove_landmark_bias(model, clip, fit, key_frames, key_fit)
    start = fit.through(key_fit.camera, key_fit.identity)
    fit = refit_motion(model, clip.with_points(corrected), start, _INITIAL_FIT)
    dense = fit_all_frames(model, clip, corrected, fit, appearance, subprogress(progress, 0.3, 0.7 if head else 1))
    return dense.with_head(model, head, subprogress(progress, 0.7, 1)) if head else dense.fit


def _confidence(error: np.ndarray) -> np.ndarray:
    """Return (T,) 1 for no landmark error, falling to 0 at `_MISSING_ERROR`; 0 where there was no face."""
    return np.clip(1 - np.nan_to_num(error, nan=1.0) / _MISSING_ERROR, 0, 1).astype(np.float32)


def _notes(landmarks: Landmarks, track: Track) -> list[str]:
    notes = []
    if landmarks.faces > 1:
        notes.append(f"{landmarks.faces} faces were seen at once; the largest was taken.")
    missing = int((~landmarks.found).sum())
    if missing:
        notes.append(f"No face in {missing} of {len(track)} frames; the motion was interpolated there.")
    return notes
