"""Looking for the watermark in a movie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc

from headroom.common.progress import Progress, no_progress
from headroom.media.video import frame_span, probe, read_frames
from headroom.track.landmarks.detect import LandmarkFinder, face_boxes, head_region, sample_step
from headroom.track.watermark.pattern import (
    LEAST_SECONDS,
    LOWEST,
    PERIOD_SECONDS,
    SIDE,
    bundled_pattern,
    canvas_bounds,
    canvas_matrix,
)

FALSE_ALARM = 1e-4
"""Chance at which a movie without the watermark counts as marked."""
CERTAIN = 1e-20  # chance at which the rest of a movie is not read
WINDOW_SECONDS = 20.0  # an edited movie may skip time between its parts, which then cancel each other within a window
MOST_FPS = 30.0
MOST_LEVELS = 4.0  # larger changes are the face's own
LEAST_VARIANCE = 0.3  # levels squared
_PASSED = 0.3  # share of a progress that finding the faces takes


@dataclass(frozen=True)
class FoundWatermark:
    """What the search found.

    chance: of a result at least as clear without a watermark, 0..1.
    seconds: of the movie in which a face was seen and looked at.
    """

    chance: float
    seconds: float

    @property
    def is_found(self) -> bool:
        """Whether the watermark counts as found."""
        return self.chance <= FALSE_ALARM

    @property
    def text(self) -> str:
        """The result in one line."""
        if self.seconds == 0:
            return "Watermark: not looked for, because no face is seen for long enough"
        looked = f"{self.seconds:.1f} s with a face"
        if not self.is_found:
            return f"Watermark: none found in {looked}"
        digits = min(int(-np.log10(max(self.chance, 1e-300))), int(-np.log10(CERTAIN)))
        return f"Watermark: found in {looked}; less than 1 false alarm in 10^{digits} movies"


def find_watermark(movie: Path, progress: Progress = no_progress) -> FoundWatermark:
    """Look for the watermark in the faces of a movie; InputError for a file that is no movie."""
    scores, seconds = [], 0.0
    for window in face_windows(movie, progress):
        scores.append(score_of(window.coefficients, bundled_pattern().band_phases))
        seconds += window.seconds
        if chance_of(scores) < CERTAIN:
            break
    return FoundWatermark(chance_of(scores), seconds)


@dataclass(frozen=True)
class FaceWindow:
    """A part of a movie in which a face is seen.

    seconds: how long the face is seen.
    coefficients: (N,) complex, how the face changes at the watermark's frequency, by the pattern's coefficient.
    """

    seconds: float
    coefficients: NDArray[np.complex128]


def face_windows(movie: Path, progress: Progress = no_progress) -> Iterator[FaceWindow]:
    """Yield the parts of a movie in which a face is seen for long enough; InputError for a file that is no movie."""
    info = probe(movie)
    fps = min(info.fps, MOST_FPS)
    count, step = len(frame_span(info.seconds, fps)), sample_step(fps)
    boxes = []
    for number, found in enumerate(face_boxes(islice(read_frames(movie, fps=fps), 0, None, step))):
        progress(_PASSED * min(number * step / count, 1), "Finding the face")
        boxes.append(found)
    frames, length = read_frames(movie, fps=fps), max(round(WINDOW_SECONDS * fps), 1)
    for start in range(0, count, length):
        progress(_PASSED + (1 - _PASSED) * start / count, "Looking for the watermark")
        region = head_region(boxes[start // step:(start + length) // step + 1])
        if region is None:
            next(islice(frames, length, length), None)  # reads past them
            continue
        with LandmarkFinder(region) as finder:
            numbers, canvases = _canvases(islice(frames, length), finder)
        if len(numbers) >= LEAST_SECONDS * fps:
            yield FaceWindow(len(numbers) / fps, face_coefficients(numbers / fps, canvases))


def face_coefficients(seconds: NDArray[np.float64], canvases: NDArray[np.float32]) -> NDArray[np.complex128]:
    """Return how a face changes at the watermark's frequency (N,), weighed by how little else changes there.

    seconds: (T,) times of the frames that have a face, ascending.
    canvases: (T, S, S) luma of the face on the canvas, 0..255.
    """
    pattern = bundled_pattern()
    wave = np.exp(-2j * np.pi * seconds / PERIOD_SECONDS)
    turning = np.tensordot(wave, _changes(seconds, canvases, pattern.mask), axes=1)
    return _even(pattern.coefficients(turning), pattern.radii)


def score_of(coefficients: NDArray[np.complex128], phases: NDArray[np.float64]) -> float:
    """Return how well a window's coefficients (N,) fit the phases (N,) of a key, at whatever time its pattern starts.

    Over random keys the score of any picture is exponential with mean 1.
    """
    return float(abs((coefficients * np.exp(1j * phases)).sum()) ** 2
                 / max((np.abs(coefficients) ** 2).sum(), 1e-12))


def chance_of(scores: list[float]) -> float:
    """Return the chance that windows without the watermark have a sum of scores as large as this; 1 for no windows."""
    return float(gammaincc(len(scores), sum(scores))) if scores else 1.0


def canvas_of(frame: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the luma (S, S) of a frame (H, W, 3) on the canvas; large faces are averaged, so that noise is too."""
    low, high = canvas_bounds(matrix)
    shrink = max(int(1 / np.sqrt(abs(np.linalg.det(matrix[:, :2])))), 1)
    left, top = np.maximum(np.floor(low).astype(int) - shrink, 0)
    right, bottom = np.ceil(high).astype(int) + shrink
    area = frame[top:max(bottom, top + 1), left:max(right, left + 1)]
    if area.size == 0:
        return np.zeros((SIDE, SIDE), np.float32)
    luma = np.asarray(cv2.cvtColor(np.ascontiguousarray(area), cv2.COLOR_RGB2GRAY), np.float32)
    luma = np.asarray(cv2.blur(luma, (shrink, shrink), anchor=(shrink // 2, shrink // 2)), np.float32)
    moved = matrix.copy()
    shift = 0.5 * ((shrink + 1) % 2)  # of an even blur, whose middle lies between pixels
    moved[:, 2] += matrix[:, :2] @ [left - shift, top - shift]
    return np.asarray(cv2.warpAffine(luma, moved, (SIDE, SIDE), flags=cv2.INTER_LINEAR,
                                     borderMode=cv2.BORDER_REPLICATE), np.float32)


def _canvases(frames: Iterable[NDArray[np.uint8]], finder: LandmarkFinder
              ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return the numbers (T,) of the frames with a face, and their canvases (T, S, S)."""
    found: list[tuple[int, NDArray[np.float32]]] = list(_found_canvases(frames, finder))
    numbers = np.array([number for number, _ in found], float)
    return numbers, np.array([canvas for _, canvas in found], np.float32).reshape(-1, SIDE, SIDE)


def _found_canvases(frames: Iterable[NDArray[np.uint8]], finder: LandmarkFinder
                    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
    for number, frame in enumerate(frames):
        points = finder.find(frame)
        if np.isfinite(points).all():
            yield number, canvas_of(frame, canvas_matrix(points))


def _changes(seconds: NDArray[np.float64], canvases: NDArray[np.float32], mask: NDArray[np.float64]
             ) -> NDArray[np.float32]:
    """Return what changes within a period (T, S, S), each pixel and frame weighed by how little else changes there."""
    changes = canvases - _running_mean(seconds, canvases)
    for change in changes:
        change -= cv2.GaussianBlur(change, (0, 0), SIDE / LOWEST / 3)
    np.clip(changes, -MOST_LEVELS, MOST_LEVELS, out=changes)
    changes /= cv2.GaussianBlur(np.square(changes).mean(axis=0), (0, 0), 2.0) + LEAST_VARIANCE
    noise = (np.square(changes) * mask).mean(axis=(1, 2))
    changes /= (noise / max(float(np.median(noise)), 1e-12) + 0.3)[:, None, None]
    return changes


def _running_mean(seconds: NDArray[np.float64], canvases: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of the canvases within a period around each (T, S, S)."""
    sums = np.concatenate([np.zeros_like(canvases[:1], np.float64), np.cumsum(canvases, axis=0, dtype=np.float64)])
    first = np.searchsorted(seconds, seconds - PERIOD_SECONDS / 2 + 1e-6)
    end = np.searchsorted(seconds, seconds + PERIOD_SECONDS / 2 + 1e-6)
    return np.asarray((sums[end] - sums[first]) / (end - first)[:, None, None], np.float32)


def _even(coefficients: NDArray[np.complex128], radii: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Return coefficients of even power but for a fall towards high frequencies, of which coding leaves less.

    Large ones are cut, because they are noise.
    """
    rings = (2 * radii).astype(int)
    power = np.bincount(rings, np.abs(coefficients) ** 2) / np.maximum(np.bincount(rings), 1)
    weighed = coefficients / np.sqrt(np.maximum(power[rings], 1e-12)) / radii
    sizes = np.abs(weighed)
    return np.asarray(weighed * np.minimum(1, 2 * np.median(sizes) / np.maximum(sizes, 1e-12)))
