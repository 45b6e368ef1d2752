"""Cropping a frame, and compositing the refined crop over its plate (paper, section 3.3, last step)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.face.camera import Crop

DETAIL_PIXELS = 0.7
"""Standard deviation of the blur, in pixels of the refined crop, that what is finer than them does not survive."""
AGREEMENT = 12.0
"""Mean difference of the blurred colours, of 255, up to which plate and crop show the same; at twice that they do not.
25 gave no sharper skin (two people in no weights)."""


def crop_frame(frame: NDArray[np.uint8], crop: Crop, resolution: int) -> NDArray[np.uint8]:
    """Return the crop (R, R, C) of a frame (H, W, C) uint8; pixels beyond the frame repeat its edge."""
    height, width = frame.shape[:2]
    left, top, right, bottom = _visible_rect(crop, width, height)
    if right <= left or bottom <= top:  # the crop misses the frame, so its nearest edge pixels are repeated
        columns = np.clip(np.arange(crop.x, crop.x + crop.size), 0, width - 1)
        rows = np.clip(np.arange(crop.y, crop.y + crop.size), 0, height - 1)
        return _resized(frame[np.ix_(rows, columns)], resolution)
    borders = (top - crop.y, crop.y + crop.size - bottom, left - crop.x, crop.x + crop.size - right)
    visible = frame[top:bottom, left:right]
    if any(borders):
        visible = np.asarray(cv2.copyMakeBorder(visible, *borders, cv2.BORDER_REPLICATE), np.uint8)
    return _resized(visible, resolution)


def composite(
    plate: NDArray[np.uint8],
    crop: Crop,
    refined: NDArray[np.uint8],
    mask: NDArray[np.float32],
    plate_detail: bool = False,
) -> NDArray[np.uint8]:
    """Return the full frame (H, W, 3) uint8: `refined` over `plate`, with alpha `mask`.

    Pixels that the mask does not reach equal the plate's bit for bit.

    plate: (H, W, 3) uint8.
    refined, mask: (R, R, 3) uint8 and (R, R) float32, 0..1, pictures of `crop`.
    plate_detail: keep the plate's detail that is finer than the crop's pixels, where both show the same.
    """
    from headroom.plate.composite_kernels import add_change  # loads numba

    out = plate.copy()
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if len(columns) == 0:
        return out
    picture = _resized(refined, crop.size)
    alpha = _resized(mask, crop.size, overshoot=False)
    left, top, right, bottom = _mask_rect(columns, rows, crop, len(mask), plate)
    if right <= left or bottom <= top:
        return out
    in_crop = np.s_[top - crop.y : bottom - crop.y, left - crop.x : right - crop.x]
    below = out[top:bottom, left:right]
    change = np.asarray(cv2.subtract(picture[in_crop], below, dtype=cv2.CV_32F), np.float32)
    coarse = change
    if plate_detail:
        blurred = cv2.GaussianBlur(change, (0, 0), DETAIL_PIXELS * crop.size / len(mask))
        coarse = np.asarray(blurred, np.float32)
    add_change(below, change, coarse, alpha[in_crop], AGREEMENT)
    return out


def with_alpha(frame: NDArray[np.uint8], crop: Crop, mask: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return a frame (H, W, 3) with an alpha channel, not premultiplied: (H, W, 4) uint8.

    mask: (R, R) float32, 0..1, alpha in `crop`; outside of the crop it is zero.
    """
    height, width = frame.shape[:2]
    alpha = np.zeros((height, width), np.float32)
    left, top, right, bottom = _visible_rect(crop, width, height)
    if right > left and bottom > top:
        visible = _resized(mask, crop.size, overshoot=False)
        alpha[top:bottom, left:right] = visible[top - crop.y:bottom - crop.y, left - crop.x:right - crop.x]
    return np.dstack([frame, np.rint(255 * alpha.clip(0, 1)).astype(np.uint8)])


def _visible_rect(crop: Crop, width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the crop's intersection with a frame."""
    return max(crop.x, 0), max(crop.y, 0), min(crop.x + crop.size, width), min(crop.y + crop.size, height)


def _mask_rect(
    columns: NDArray[np.int64], rows: NDArray[np.int64], crop: Crop, resolution: int, plate: NDArray[np.uint8]
) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the frame pixels that the mask's non-zero columns and rows can change."""
    scale = crop.size / resolution
    reach = int(2 * scale) + 2  # pixels that interpolation carries the mask outwards
    left, top, right, bottom = _visible_rect(crop, plate.shape[1], plate.shape[0])
    return (
        max(left, crop.x + int(columns[0] * scale) - reach),
        max(top, crop.y + int(rows[0] * scale) - reach),
        min(right, crop.x + int((columns[-1] + 1) * scale) + reach),
        min(bottom, crop.y + int((rows[-1] + 1) * scale) + reach),
    )


def _resized(picture: NDArray, size: int, overshoot: bool = True) -> NDArray:
    """Return a square picture at another size: averaged when smaller, interpolated when larger.

    overshoot: use cubic interpolation, which is sharper but leaves the range of values; linear otherwise.
    """
    if picture.shape[0] == size:
        return picture
    enlarge = cv2.INTER_CUBIC if overshoot else cv2.INTER_LINEAR
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA if size < picture.shape[0] else enlarge)
