"""The regressor's training examples from tracked people: crops, landmarks and coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headroom.common.arrays import evenly_spaced
from headroom.common.progress import Progress, no_progress, subprogress
from headroom.face.model import FaceModel
from headroom.media.photo import is_photo, read_photo
from headroom.media.video import read_frames
from headroom.track.appearance.appearance import Appearance, estimate_appearance
from headroom.track.landmarks.detect import find_landmarks
from headroom.track.regressor.crop import RegressorCrop
from headroom.track.regressor.estimate import FaceEstimate, five_points
from headroom.track.solve.fit import Fit
from headroom.track.tracker import fit_frames, tracker_input

MARGIN = 1.3
"""Side of a stored picture over the side of the crop, so that crops can be moved in it."""
UNIT_CROP = RegressorCrop(-0.5, -0.5, 1.0)
"""A crop whose pixels are its own sides, from its middle."""

_FPS, _MAX_SECONDS = 12.5, 12.0
"""Frame rate and duration of clips; at a higher rate, neighbouring frames are almost the same picture."""
_BACKGROUNDS = 12
"""Number of frames of a clip that backgrounds are cut from, about."""


@dataclass(frozen=True)
class Examples:
    """N training examples.

    pictures: (N, S, S, 3) uint8, `MARGIN` crops wide.
    landmarks: (N, L, 2) the face model's landmarks, in sides of the crop from its middle, v down.
    coefficients: (N, 257) in the crop's camera.
    photographed: (N,) bool, False for synthetic people.
    """

    pictures: np.ndarray
    landmarks: np.ndarray
    coefficients: np.ndarray
    photographed: np.ndarray

    def __len__(self) -> int:
        return len(self.pictures)

    @staticmethod
    def joined(parts: Sequence[Examples]) -> Examples:
        """Concatenate examples."""
        names = ("pictures", "landmarks", "coefficients", "photographed")
        return Examples(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True)
class TrackedPerson:
    """One person as tracked.

    identity: (I,). expression: (T, 64).
    backgrounds: (K, S, S, 3) uint8, squares from random places of the frames.
    """

    identity: np.ndarray
    appearance: Appearance
    expression: np.ndarray
    backgrounds: np.ndarray


def track_person(
    path: Path, model: FaceModel, side: int, count: int, rng: np.random.Generator, progress: Progress = no_progress
) -> tuple[Examples, TrackedPerson]:
    """Track the person in a clip or photo, and return examples and the person.

    side: of the examples' pictures, pixels.
    count: largest number of examples.
    """
    photo = is_photo(path)
    frames = [read_photo(path)] if photo else list(read_frames(path, to_seconds=_MAX_SECONDS, fps=_FPS))
    landmarks = find_landmarks(frames, _FPS, subprogress(progress, 0, 0.6))
    clip = tracker_input(frames, landmarks, _FPS, model)
    fit = fit_frames(model, clip, progress=subprogress(progress, 0.6, 0.9))
    appearance = estimate_appearance(model, fit, frames)
    seen = np.flatnonzero(landmarks.found)
    chosen = evenly_spaced(seen, count)
    examples = []
    for frame in chosen:
        crop = RegressorCrop.around(five_points(landmarks.points[frame]))
        estimate = _estimate_in(crop, fit, appearance, frame)
        examples.append(_example(estimate, frames[frame], landmarks.points[frame, model.landmark_ids, :2], side))
    backgrounds = [_random_square(frames[i], side, rng) for i in chosen[:: max(1, len(chosen) // _BACKGROUNDS)]]
    person = TrackedPerson(fit.identity, appearance, fit.expression[seen], np.stack(backgrounds))
    return Examples.joined(examples), person


def _estimate_in(crop: RegressorCrop, fit: Fit, appearance: Appearance, frame: int) -> FaceEstimate:
    """Return a frame's coefficients in the camera of a crop."""
    rotation, translation = crop.pose_from(fit.camera, fit.rotation[frame], fit.translation[frame])
    return FaceEstimate(crop, fit.identity, fit.expression[frame], appearance.texture, rotation, appearance.light,
                        translation)


def _example(estimate: FaceEstimate, picture: np.ndarray, points: np.ndarray, side: int) -> Examples:
    """Return one example from a frame's coefficients, picture (H, W, 3) uint8 and landmarks (L, 2)."""
    crop = estimate.crop
    margin = (MARGIN - 1) / 2 * crop.size
    wide = RegressorCrop(crop.x - margin, crop.y - margin, MARGIN * crop.size)
    landmarks = (points - [crop.x, crop.y]) / crop.size - 0.5
    return Examples(wide.cut(picture, side)[None], landmarks[None].astype(np.float32), estimate.coefficients[None],
                    np.ones(1, bool))


def _random_square(picture: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """Return a square (side, side, 3) from a random place of a picture."""
    size = rng.uniform(0.3, 1.0) * min(picture.shape[:2])
    room = np.array([picture.shape[1], picture.shape[0]]) - size
    x, y = rng.uniform(0, 1, 2) * room
    return RegressorCrop(x, y, size).cut(picture, side)
