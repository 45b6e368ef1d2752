"""The bundled face model from clips and photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from headroom.common.arrays import evenly_spaced
from headroom.common.progress import Progress, no_progress, subprogress
from headroom.face.build import PersonLandmarks, build_model
from headroom.face.model import ControlModel
from headroom.media.photo import is_photo, read_photo
from headroom.media.video import probe, read_frames
from headroom.track.landmarks.detect import find_landmarks

_MAX_FRAMES, _COLOUR_FRAMES = 400, 12
_MAX_SECONDS = 36.0


def model_from_people(paths: Sequence[Path], progress: Progress = no_progress) -> ControlModel:
    """Build a face model from clips of people who speak and photos of people at rest, one file for each person.

    The same files give the same model.
    """
    people = []
    for index, path in enumerate(paths):
        step = subprogress(progress, 0.95 * index / len(paths), 0.95 * (index + 1) / len(paths))
        people.append(person_landmarks(path, step))
    progress(0.95, "Building the model")
    return build_model(people)


def person_landmarks(path: Path, progress: Progress = no_progress) -> PersonLandmarks:
    """Return landmarks and mean colours of the person in a clip or a photo."""
    photo = is_photo(path)
    frames = [read_photo(path)] if photo else list(read_frames(path, to_seconds=_MAX_SECONDS))
    landmarks = find_landmarks(frames, 1.0 if photo else probe(path).fps, progress)
    seen = np.flatnonzero(landmarks.found)
    colour_frames = seen[:: max(1, len(seen) // _COLOUR_FRAMES)]
    colours = np.mean([_landmark_colours(frames[i], landmarks.points[i]) for i in colour_frames], axis=0)
    return PersonLandmarks(landmarks.points[evenly_spaced(seen, _MAX_FRAMES)], colours)


def _landmark_colours(frame: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return display values (478, 3) 0..1 at landmarks (478, 3) of a picture (H, W, 3) uint8."""
    smooth = cv2.GaussianBlur(frame, (5, 5), 1).astype(np.float32) / 255
    at = (points[None, :, :2] - 0.5).astype(np.float32)
    return cv2.remap(smooth, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
