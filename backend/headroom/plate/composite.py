"""Put the refined face crop back into its plate, and measure how steady it is (paper §3.3, last step)."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.face.camera import Crop

LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def crop_frame(frame: NDArray[np.uint8], crop: Crop, resolution: int) -> NDArray[np.uint8]:
    """The crop (R, R, C) of a frame (H, W, C) uint8; beyond the frame its edge pixels are repeated."""
    height, width = frame.shape[:2]
    left, top, right, bottom = _inside(crop, width, height)
    if right <= left or bottom <= top:  # the crop misses the frame: its nearest edge, repeated
        columns = np.clip(np.arange(crop.x, crop.x + crop.size), 0, width - 1)
        rows = np.clip(np.arange(crop.y, crop.y + crop.size), 0, height - 1)
        return _resized(frame[np.ix_(rows, columns)], resolution)
    around = (top - crop.y, crop.y + crop.size - bottom, left - crop.x, crop.x + crop.size - right)
    window = frame[top:bottom, left:right]
    if any(around):
        window = np.asarray(cv2.copyMakeBorder(window, *around, cv2.BORDER_REPLICATE), np.uint8)
    return _resized(window, resolution)


def composite(
    plate: NDArray[np.uint8],
    crop: Crop,
    refined: NDArray[np.uint8],
    mask: NDArray[np.float32],
) -> NDArray[np.uint8]:
    """The full frame (H, W, 3) uint8: `refined` over `plate` where `mask` says so; elsewhere the plate, bit for bit.

    plate (H, W, 3) uint8; refined (R, R, 3) uint8 and mask (R, R) float32, 0..1, are pictures of `crop`.
    """
    out = plate.copy()
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if len(columns) == 0:
        return out
    picture = _resized(refined, crop.size)
    weight = _resized(mask, crop.size, smooth=True)
    left, top, right, bottom = _touched(columns, rows, crop, len(mask), plate)
    if right <= left or bottom <= top:
        return out
    there = np.s_[top - crop.y : bottom - crop.y, left - crop.x : right - crop.x]
    part = out[top:bottom, left:right]
    mixed = part + weight[there][..., None] * (picture[there].astype(np.float32) - part)
    out[top:bottom, left:right] = (mixed + 0.5).astype(np.uint8)
    return out


def flicker(frames: Iterable[NDArray[np.uint8]], masks: Iterable[NDArray[np.float32]]) -> float:
    """Restlessness of a face over time: mean absolute second difference inside the mask, 0..255.

    frames (H, W, 3) uint8, masks (H, W). Compare it with the truth's own: motion counts in both.
    """
    total, count = 0.0, 0.0
    recent: list[NDArray[np.float32]] = []
    for frame, mask in zip(frames, masks):
        recent = [*recent[-2:], frame.astype(np.float32) @ LUMA]
        if len(recent) == 3:
            bend = np.abs(recent[0] - 2 * recent[1] + recent[2])
            total, count = total + float((bend * mask).sum()), count + float(mask.sum())
    return total / max(count, 1e-6)


def _inside(crop: Crop, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the part of the crop that lies in the frame."""
    return max(crop.x, 0), max(crop.y, 0), min(crop.x + crop.size, width), min(crop.y + crop.size, height)


def _touched(
    columns: NDArray[np.int64], rows: NDArray[np.int64], crop: Crop, resolution: int, plate: NDArray[np.uint8]
) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the frame pixels that the mask's columns and rows can reach."""
    scale = crop.size / resolution
    reach = int(2 * scale) + 2
    left, top, right, bottom = _inside(crop, plate.shape[1], plate.shape[0])
    return (
        max(left, crop.x + int(columns[0] * scale) - reach),
        max(top, crop.y + int(rows[0] * scale) - reach),
        min(right, crop.x + int((columns[-1] + 1) * scale) + reach),
        min(bottom, crop.y + int((rows[-1] + 1) * scale) + reach),
    )


def _resized(picture: NDArray, size: int, smooth: bool = False) -> NDArray:
    """A square picture at another size, pixel edges kept in place: averaged when smaller, cubic when larger.

    smooth: linear when larger, which does not overshoot.
    """
    if picture.shape[0] == size:
        return picture
    enlarge = cv2.INTER_LINEAR if smooth else cv2.INTER_CUBIC
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA if size < picture.shape[0] else enlarge)
