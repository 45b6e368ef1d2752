"""The background of a clip without the person: the median of what the frames show of it, inpainted elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.plate.exemplar_fill import fill_from_patches
from headroom.plate.matte import MIN_ALPHA

SAMPLED_FRAMES = 24  # spread evenly over the clip
MIN_VIEWS = 3  # sampled frames that must show a pixel of the background; fewer where the clip has fewer frames
MATTE_MARGIN = 2  # matte cells around the person that do not count as background: shadow, and errors of the matte
MAX_DIFFERENCE = 8.0  # mean difference of the frames from the background, 0..255; a moving camera exceeds it
MIN_KNOWN = 0.05  # fraction of the picture that the frames must show
INPAINT_SIDE = 640  # pixels of the longer side of the picture that is inpainted
INPAINT_DEPTH = 32  # pixels of that picture around what is seen, into which lines are continued; heads move less
INPAINT_RADIUS = 5  # pixels of that picture that a pixel deeper inside depends on
BAND_ROWS = 32  # rows of the picture that are processed at once, to limit memory

MOVING = ("The background of the clip moves, so it is slightly distorted around a moved head. A clip with a still "
          "background avoids this.")
HIDDEN = ("The person covers nearly all of the picture, so it is slightly distorted around a moved head. A clip with "
          "more space around the person avoids this.")


class UnknownBackground(Exception):
    """Reason, for the user, why a clip has no background picture."""


@dataclass(frozen=True)
class SeenBackground:
    """What some frames show of the background.

    picture: (H, W, 3) uint8. known: (H, W) where it is seen; elsewhere the picture means nothing.
    """

    picture: NDArray[np.uint8]
    known: NDArray[np.bool_]

    @cached_property
    def completed(self) -> NDArray[np.uint8]:
        """The picture (H, W, 3), inpainted where nothing is seen."""
        return inpaint_unknown(self.picture, self.known)


def find_background(frames: Sequence[NDArray[np.uint8]], mattes: NDArray[np.uint8]) -> SeenBackground:
    """Return what frames (H, W, 3) show of the background behind the person.

    mattes: (T, h, w) uint8, one for each frame.

    Raises UnknownBackground when the frames hide it or when it moves.
    """
    sampled = np.unique(np.linspace(0, len(frames) - 1, SAMPLED_FRAMES).astype(int))
    visible = np.stack([_visible_background(mattes[index], frames[0].shape) for index in sampled])
    known = visible.sum(axis=0) >= min(MIN_VIEWS, len(sampled))
    if known.mean() < MIN_KNOWN:
        raise UnknownBackground(HIDDEN)
    picture, difference = np.empty_like(frames[0]), 0.0
    for rows in np.array_split(np.arange(len(picture)), max(len(picture) // BAND_ROWS, 1)):
        band = np.stack([frames[index][rows] for index in sampled])
        picture[rows] = _masked_median(band, visible[:, rows])
        deviation = np.abs(band.astype(np.int16) - picture[rows]).mean(axis=3)
        difference += float((deviation * visible[:, rows]).sum())
    if difference > MAX_DIFFERENCE * max(int(visible.sum()), 1):
        raise UnknownBackground(MOVING)
    return SeenBackground(picture, known)


def inpaint_unknown(picture: NDArray[np.uint8], known: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return `picture` (H, W, 3) with the pixels that are not `known` (H, W) inpainted from those around them.

    Near what is seen, patches of it continue its lines. The transition is soft. Inpainting runs at a lower resolution,
    because its result further inside is smooth, and for its speed.
    """
    if known.all():
        return picture
    height, width = known.shape
    shrink = min(1.0, INPAINT_SIDE / max(height, width))
    size = (max(round(width * shrink), 1), max(round(height * shrink), 1))
    weight = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    premultiplied = cv2.resize(picture * known[..., None].astype(np.float32), size, interpolation=cv2.INTER_AREA)
    small = np.rint(premultiplied / np.maximum(weight, 1e-3)[..., None]).clip(0, 255).astype(np.uint8)
    unknown = fill_from_patches(small, weight < 0.5, INPAINT_DEPTH)
    inpainted = cv2.inpaint(small, unknown.astype(np.uint8), INPAINT_RADIUS, cv2.INPAINT_TELEA)
    inpainted = cv2.resize(inpainted, (width, height), interpolation=cv2.INTER_CUBIC)
    inside = cv2.erode(known.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(np.float32)
    alpha = cv2.blur(inside, (5, 5))[..., None]
    return np.rint(inpainted + alpha * (picture.astype(np.float32) - inpainted)).astype(np.uint8)


def _visible_background(matte: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return where (H, W) a frame of `shape` shows nothing but background."""
    kernel = np.ones((2 * MATTE_MARGIN + 1, 2 * MATTE_MARGIN + 1), np.uint8)
    person = cv2.dilate((matte > MIN_ALPHA).astype(np.uint8), kernel)
    return cv2.resize(person, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST) == 0


def _masked_median(pictures: NDArray[np.uint8], visible: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the lower median (h, w, 3) of pictures (T, h, W, 3) where they are visible (T, h, W); 255 where none is.

    numpy's masked median is no substitute, because it averages the middle two of an even number.
    """
    ordered = np.sort(np.where(visible[..., None], pictures, 255), axis=0)
    middle = np.maximum(visible.sum(axis=0) - 1, 0) // 2
    return np.take_along_axis(ordered, middle[None, ..., None], axis=0)[0].astype(np.uint8)
