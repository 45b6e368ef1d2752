"""The background of a clip without the person: what most frames show of it, filled in where none does."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.plate.matte import LEAST

FRAMES = 24  # looked at, spread over the clip
SEEN = 3  # of them that must show a place of the background, where there are so many
CLEAR = 2  # cells of a matte around the person that are not background yet: shadow, and what the mask leaves out
STEADY = 8.0  # mean difference of the frames from the background, 0..255; more is a moving camera
LEAST_SEEN = 0.05  # of the picture; from less than that no background is filled in
FILL_SIDE = 640  # pixels of the longer side of the picture in which gaps are filled
FILL_REACH = 5  # of them that a filled pixel looks at


MOVES = ("The background of the clip moves, so it bends a little where the head is moved; one that stands still does "
         "not.")
HIDDEN = ("The person hides nearly all of the picture, so what is beside the head bends a little where it is moved; a "
          "clip with more room around the person does not.")


def find_background(frames: Sequence[NDArray[np.uint8]], mattes: NDArray[np.uint8]) -> NDArray[np.uint8] | str:
    """(H, W, 3) uint8 behind the person of frames (H, W, 3) with mattes (T, h, w), or why it cannot be known."""
    chosen = np.unique(np.linspace(0, len(frames) - 1, FRAMES).astype(int))
    free = np.stack([_free(mattes[index], frames[0].shape) for index in chosen])
    known = free.sum(axis=0) >= min(SEEN, len(chosen))
    if known.mean() < LEAST_SEEN:
        return HIDDEN
    picture, off = np.empty_like(frames[0]), 0.0
    for rows in np.array_split(np.arange(len(picture)), max(len(picture) // 32, 1)):
        part = np.stack([frames[index][rows] for index in chosen])
        picture[rows] = _median(part, free[:, rows])
        away = np.abs(part.astype(np.int16) - picture[rows]).mean(axis=3)
        off += float((away * free[:, rows]).sum())
    if off > STEADY * max(int(free.sum()), 1):
        return MOVES
    return filled(picture, known)


def filled(picture: NDArray[np.uint8], known: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """`picture` (H, W, 3) with what is not known (H, W) painted from its surroundings, softly."""
    if known.all():
        return picture
    height, width = known.shape
    shrink = min(1.0, FILL_SIDE / max(height, width))
    size = (max(round(width * shrink), 1), max(round(height * shrink), 1))
    share = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    summed = cv2.resize(picture * known[..., None].astype(np.float32), size, interpolation=cv2.INTER_AREA)
    small = np.rint(summed / np.maximum(share, 1e-3)[..., None]).clip(0, 255).astype(np.uint8)
    painted = cv2.inpaint(small, (share < 0.5).astype(np.uint8), FILL_REACH, cv2.INPAINT_TELEA)
    painted = cv2.resize(painted, (width, height), interpolation=cv2.INTER_CUBIC)
    sure = cv2.erode(known.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(np.float32)
    keep = cv2.blur(sure, (5, 5))[..., None]
    return np.rint(painted + keep * (picture.astype(np.float32) - painted)).astype(np.uint8)


def _free(matte: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """(H, W) where a frame shows background and nothing else."""
    around = np.ones((2 * CLEAR + 1, 2 * CLEAR + 1), np.uint8)
    near = cv2.dilate((matte > LEAST).astype(np.uint8), around)
    return cv2.resize(near, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST) == 0


def _median(pictures: NDArray[np.uint8], free: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """(h, W, 3) of pictures (T, h, W, 3) where they are free (T, h, W); 255 where none is, to be filled."""
    ordered = np.sort(np.where(free[..., None], pictures, 255), axis=0)
    middle = np.maximum(free.sum(axis=0) - 1, 0) // 2
    return np.take_along_axis(ordered, middle[None, ..., None], axis=0)[0].astype(np.uint8)
