"""What the regressor is taught with: windows of pictures, where the landmarks are in them, and the coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headroom.common.arrays import evenly_spaced
from headroom.common.progress import Progress, subprogress, no_progress
from headroom.face.model import FaceModel
from headroom.media.image import is_photo, read_picture
from headroom.media.video import read_frames
from headroom.track.appearance.appearance import Appearance, estimate_appearance
from headroom.track.landmarks.detect import find_landmarks
from headroom.track.regressor.crop import Deep3DCrop
from headroom.track.regressor.estimate import FaceEstimate, five_points
from headroom.track.solve.fit import Fit
from headroom.track.tracker import fit_frames

MARGIN = 1.3
"""Side of a stored picture over that of the window, so that windows can be moved about in it."""
UNIT = Deep3DCrop(-0.5, -0.5, 1.0)
"""A window whose picture is measured in its sides, from its middle."""

_FPS, _LONGEST_SECONDS = 12.5, 12.0
"""Of a clip, these are looked at; neighbouring frames are all but the same picture."""


@dataclass(frozen=True)
class Examples:
    """pictures (N, S, S, 3) uint8, `MARGIN` windows wide; landmarks (N, L, 2), those of the face model, in sides of the
    window from its middle, v down; coefficients (N, 257) before the window's camera; photographed (N,) bool.
    """

    pictures: np.ndarray
    landmarks: np.ndarray
    coefficients: np.ndarray
    photographed: np.ndarray

    def __len__(self) -> int:
        return len(self.pictures)

    @staticmethod
    def joined(parts: Sequence["Examples"]) -> "Examples":
        names = ("pictures", "landmarks", "coefficients", "photographed")
        return Examples(*(np.concatenate([getattr(subprogress, name) for subprogress in parts]) for name in names))


@dataclass(frozen=True)
class TrackedPerson:
    """One person as tracked: identity and look, expression (T, 64), and scenes (K, S, S, 3) uint8 cut from anywhere
    in the frames.
    """

    identity: np.ndarray
    look: Appearance
    expression: np.ndarray
    scenes: np.ndarray


def read_person(
    path: Path, model: FaceModel, side: int, count: int, rng: np.random.Generator, progress: Progress = no_progress
) -> tuple[Examples, TrackedPerson]:
    """Up to `count` examples, `side` pixels squared, from a clip or a photo of one person, and the person."""
    photo = is_photo(path)
    frames = [read_picture(path)] if photo else list(read_frames(path, to_seconds=_LONGEST_SECONDS, fps=_FPS))
    landmarks = find_landmarks(frames, _FPS, subprogress(progress, 0, 0.6))
    fit = fit_frames(frames, landmarks, _FPS, model, subprogress(progress, 0.6, 0.9))
    look = estimate_appearance(model, fit, frames)
    seen = np.flatnonzero(landmarks.found)
    chosen = evenly_spaced(seen, count)
    examples = [_example(model, fit, look, frames[i], landmarks.points[i], i, side) for i in chosen]
    scenes = [_scene(frames[i], side, rng) for i in chosen[:: max(1, len(chosen) // 12)]]
    return Examples.joined(examples), TrackedPerson(fit.identity, look, fit.expression[seen], np.stack(scenes))


def _example(
    model: FaceModel, fit: Fit, look: Appearance, picture: np.ndarray, points: np.ndarray, frame: int, side: int
) -> Examples:
    crop = Deep3DCrop.around(five_points(points))
    rotation, translation = crop.pose_from(fit.camera, fit.rotation[frame], fit.translation[frame])
    truth = FaceEstimate(crop, fit.identity, fit.expression[frame], look.texture, rotation, look.light, translation)
    reach = (MARGIN - 1) / 2 * crop.size
    wide = Deep3DCrop(crop.x - reach, crop.y - reach, MARGIN * crop.size)
    landmarks = (points[model.landmark_ids, :2] - [crop.x, crop.y]) / crop.size - 0.5
    return Examples(wide.cut(picture, side)[None], landmarks[None].astype(np.float32), truth.coefficients[None],
                    np.ones(1, bool))


def _scene(picture: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """A square from anywhere in a picture."""
    size = rng.uniform(0.3, 1.0) * min(picture.shape[:2])
    room = np.array([picture.shape[1], picture.shape[0]]) - size
    x, y = rng.uniform(0, 1, 2) * room
    return Deep3DCrop(x, y, size).cut(picture, side)
