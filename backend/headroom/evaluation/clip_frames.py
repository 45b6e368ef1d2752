"""What `headroom check` sees in the frames of a clip: the face, its light and sharpness, cuts, and which are usable."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.common.errors import InputError
from headroom.common.progress import Progress
from headroom.track.landmarks.detect import COUNT, Landmarks, find_landmarks
from headroom.track.landmarks.face_view import MAX_OUTSIDE, OUTLINE, FaceView
from headroom.track.landmarks.follow import find_person

RATE = 12.5  # frames per second that are looked at
MAX_SIDE = 720  # pixels to which frames are reduced; half a minute of them then fits into memory
FACE_SIDE = 128  # pixels across the face whose sharpness is measured
BLURRED = 0.3  # of the sharpness of the clip's sharp frames
THUMBNAIL = (32, 18)  # pixels of the pictures that are compared for cuts
CUT_LEVELS, CUT_RATIO = 14.0, 6.0  # of 255, and relative to the typical change from frame to frame
TURNED = 60.0  # degrees of yaw or roll beyond which a frame is of no use


@dataclass(frozen=True)
class ClipFrames:
    """The T frames that were looked at, `RATE` per second.

    pictures: (H, W, 3) uint8, reduced by `scale`.
    landmarks: in reduced pixels; all NaN where no face was found.
    view: in pixels of the clip.
    light: (T, 3) mean brightness of the face, of its left and of its right half in the picture, 0 to 255.
    sharpness: (T,) of the face; NaN without a face.
    cuts: first frames after a cut.
    """

    pictures: list[NDArray[np.uint8]]
    scale: float
    landmarks: Landmarks
    view: FaceView
    light: NDArray[np.float64]
    sharpness: NDArray[np.float64]
    cuts: list[int]

    @property
    def blurred(self) -> NDArray[np.bool_]:
        """(T,) whether the face is much less sharp than in the clip's sharp frames."""
        if not self.landmarks.found.any():
            return np.zeros(len(self.pictures), bool)
        return np.asarray(self.sharpness < BLURRED * np.nanpercentile(self.sharpness, 90))

    @property
    def usable(self) -> NDArray[np.bool_]:
        """(T,) whether a person can be learned from a frame."""
        seen = np.nan_to_num(np.abs([self.view.yaw, self.view.roll]), nan=180.0).max(0) < TURNED
        return seen & (np.nan_to_num(self.view.outside, nan=1.0) <= MAX_OUTSIDE) & ~self.blurred

    def best_part(self) -> tuple[int, int]:
        """Return first and end frame of the part without a cut that has most usable frames."""
        edges = [0, *self.cuts, len(self.pictures)]
        return max(pairwise(edges), key=lambda part: int(self.usable[slice(*part)].sum()))


def look_at(
    frames: Iterable[NDArray[np.uint8]], progress: Progress, colours: NDArray[np.float64] | None = None
) -> ClipFrames:
    """Look at frames (H, W, 3), `RATE` per second.

    colours: (48,) of the person to look at (`headroom.track.landmarks.people.Person`); None for the largest face.
    """
    pictures, width, height = _reduced(frames)
    scale = width / pictures[0].shape[1]
    try:
        landmarks = (find_landmarks(pictures, RATE, progress) if colours is None
                     else find_person(pictures, RATE, colours, progress))
    except InputError:  # of a clip without a face, which is a finding here
        landmarks = Landmarks(np.full((len(pictures), COUNT, 3), np.nan, np.float32), 0)
    view = FaceView.of(landmarks.points * scale, width, height)
    measured = [_face(picture, points) for picture, points in zip(pictures, landmarks.points)]
    light, sharpness = np.array([each[0] for each in measured]), np.array([each[1] for each in measured])
    return ClipFrames(pictures, scale, landmarks, view, light, sharpness, find_cuts(pictures))


def find_cuts(pictures: list[NDArray[np.uint8]]) -> list[int]:
    """Return the first frames after cuts: everything changes at once, much more than usual in this clip."""
    small = np.array([cv2.resize(picture, THUMBNAIL, interpolation=cv2.INTER_AREA) for picture in pictures], np.float64)
    change = np.abs(np.diff(small, axis=0)).mean((1, 2, 3))
    if not len(change):
        return []
    limit = max(CUT_LEVELS, CUT_RATIO * float(np.median(change)))
    return (np.flatnonzero(change > limit) + 1).tolist()


def _reduced(frames: Iterable[NDArray[np.uint8]]) -> tuple[list[NDArray[np.uint8]], int, int]:
    """Return frames of at most `MAX_SIDE`, and the width and height that they had."""
    pictures, width, height = [], 0, 0
    for frame in frames:
        height, width = frame.shape[:2]
        scale = min(1.0, MAX_SIDE / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        pictures.append(np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8))
    return pictures, width, height


def _face(picture: NDArray[np.uint8], points: NDArray[np.float32]) -> tuple[tuple[float, float, float], float]:
    """Return brightness of the face and of its two halves, and its sharpness; NaN without a face."""
    nothing = (np.nan, np.nan, np.nan), np.nan
    if not np.isfinite(points[0, 0]):
        return nothing
    outline = points[list(OUTLINE), :2]
    low, high = np.floor(outline.min(0)).astype(int), np.ceil(outline.max(0)).astype(int)
    low, high = np.maximum(low, 0), np.minimum(high, (picture.shape[1], picture.shape[0]))
    if (high - low < 8).any():
        return nothing
    grey = cv2.cvtColor(picture[low[1]:high[1], low[0]:high[0]], cv2.COLOR_RGB2GRAY)
    inside = np.zeros(grey.shape, np.uint8)
    cv2.fillPoly(inside, [np.rint(outline - low).astype(np.int32)], (1,))
    left = np.arange(grey.shape[1]) < grey.shape[1] / 2
    halves = [grey[(inside > 0) & side] for side in (left, ~left)]
    if not all(len(half) for half in halves):
        return nothing
    skin = grey[inside > 0]
    face = cv2.resize(grey, (FACE_SIDE, FACE_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    sharpness = float(np.abs(cv2.Laplacian(face, cv2.CV_32F)).mean() / max(float(skin.std()), 1.0))
    first, second = (float(half.mean()) for half in halves)
    return (float(skin.mean()), first, second), sharpness
