"""Drawing the watermark into the faces of a movie."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.common.paths import WATERMARK_VARIABLE, is_off
from headroom.face.camera import Crop
from headroom.track.landmarks.detect import LandmarkFinder
from headroom.track.watermark.pattern import LEAST_SECONDS, bundled_pattern, canvas_bounds, canvas_matrix

log = logging.getLogger(__name__)

STRENGTH = 0.8  # mean change of a marked pixel before rounding, of 255
LOOSE = 1.3  # side of the square in which the face is looked for, of the refined crop's side
MOST_KEPT_SECONDS = 0.2  # a face that is not found for a moment is marked where it was
LEAST_MARKED = 0.5  # share of the frames


class NoWatermark:
    """Stands for a `Watermark` where the user has switched it off."""

    is_drawn = False
    notes = ("The watermark is switched off.",)

    def draw(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the frame as it is."""
        return frame


class Watermark:
    """Draws the watermark into consecutive frames; use it as a context manager."""

    def __init__(self, crop: Crop, fps: float):
        """Take the square of the frames in which the face is generated, and the rate of the frames."""
        size = round(LOOSE * crop.size)
        self._finder = LandmarkFinder(Crop(crop.x - (size - crop.size) // 2, crop.y - (size - crop.size) // 2, size))
        self._fps, self._pattern = fps, bundled_pattern()
        self._matrix: NDArray[np.float64] | None = None
        self._found = 0  # frame in which the face was last found
        self.frames = self.marked = 0

    def __enter__(self) -> Watermark:
        self._finder.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._finder.__exit__(*error)

    @property
    def is_drawn(self) -> bool:
        """Whether enough of the frames are marked for the watermark to be found again."""
        return self.marked >= max(LEAST_MARKED * self.frames, LEAST_SECONDS * self._fps)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know."""
        if self.is_drawn or self.frames == 0:
            return ()
        seen, whole = self.marked / self._fps, self.frames / self._fps
        return (f"A face was found for only {seen:.1f} of {whole:.1f} seconds, so the watermark cannot be found again "
                "in the movie.",)

    def draw(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the next frame (H, W, 3) uint8 RGB with the watermark in its face."""
        number = self.frames
        self.frames += 1
        points = self._finder.find(frame)
        if np.isfinite(points).all():
            self._matrix, self._found = canvas_matrix(points), number
        if self._matrix is None or number - self._found > MOST_KEPT_SECONDS * self._fps:
            return frame
        self.marked += 1
        return add_pattern(frame, STRENGTH * self._pattern.at(number / self._fps), self._matrix)


def add_pattern(frame: NDArray[np.uint8], pattern: NDArray[np.float32], matrix: NDArray[np.float64]
                ) -> NDArray[np.uint8]:
    """Return a frame (H, W, 3) with a pattern (S, S) of levels added to all three colours.

    matrix: (2, 3), from pixels of the frame to pixels of the pattern's canvas.
    """
    height, width = frame.shape[:2]
    low, high = canvas_bounds(matrix)
    left, top = np.maximum(np.floor(low).astype(int), 0)
    right, bottom = np.minimum(np.ceil(high).astype(int) + 1, [width, height])
    if right <= left or bottom <= top:
        return frame
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ [left, top]
    added = cv2.warpAffine(pattern, moved, (int(right - left), int(bottom - top)),
                           flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    out = frame.copy()
    area = out[top:bottom, left:right]
    area[:] = np.clip(area + np.rint(added)[..., None], 0, 255)
    return out


class Watermarks:
    """The watermarks of all faces of a movie."""

    def __init__(self, faces: Sequence[Watermark | NoWatermark]):
        """Take one for each face."""
        self._faces = faces

    @property
    def is_drawn(self) -> bool:
        """Whether the watermark can be found again in every face."""
        return all(each.is_drawn for each in self._faces)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know, each sentence once."""
        return tuple(dict.fromkeys(note for each in self._faces for note in each.notes))

    def draw(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the next frame (H, W, 3) uint8 RGB with the watermark in its faces."""
        for each in self._faces:
            frame = each.draw(frame)
        return frame


@contextmanager
def open_watermarks(crops: Sequence[Crop], fps: float) -> Iterator[Watermarks]:
    """Open the watermarks of a movie, or nothing where the user has chosen to leave them out.

    crops: the squares of the frames in which faces are generated.
    """
    if is_off(WATERMARK_VARIABLE):
        log.warning("A movie has no watermark, because %s is off", WATERMARK_VARIABLE)
        yield Watermarks([NoWatermark()])
        return
    with ExitStack() as stack:
        yield Watermarks([stack.enter_context(Watermark(crop, fps)) for crop in crops])
