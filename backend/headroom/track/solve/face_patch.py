"""The part of a picture that shows the face: its brightness, and how that changes across it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_WHITE = 252
"""A channel this bright may have been brighter still."""
_LARGEST = 512
"""Pixels across a window; larger faces are made smaller."""


@dataclass(frozen=True)
class FacePatch:
    """grey (H, W) 0..1; slopes: of it along u and v, per pixel of the full frame; true (H, W): 1 where no colour was
    cut off at white; corner (2,): its first pixel in the full frame; scale (2,): its pixels in one of the full frame.
    """

    grey: np.ndarray
    slopes: tuple[np.ndarray, np.ndarray]
    true: np.ndarray
    corner: np.ndarray
    scale: np.ndarray

    @staticmethod
    def of(picture: np.ndarray, landmarks: np.ndarray, softness: float) -> "FacePatch":
        """The window around landmarks (478, 3) of a picture (H, W, 3) uint8, blurred by `softness` pixels of it."""
        left, top, right, bottom = _box(landmarks[:, :2], picture.shape)
        full = picture[top:bottom, left:right]
        smaller = min(1.0, _LARGEST / max(full.shape))
        size = [max(2, round(smaller * side)) for side in (right - left, bottom - top)]
        scale = np.array(size) / [right - left, bottom - top]
        red, green, blue = cv2.split(cv2.resize(full, size, interpolation=cv2.INTER_AREA) if smaller < 1 else full)
        # channel by channel, because a mean over the last axis takes ten times as long
        soft = softness * float(scale[0])
        grey = cv2.GaussianBlur((red.astype(np.float32) + green + blue) / 765, (0, 0), soft)
        slopes = (cv2.Sobel(grey, -1, 1, 0, scale=scale[0] / 8), cv2.Sobel(grey, -1, 0, 1, scale=scale[1] / 8))
        white = (cv2.max(cv2.max(red, green), blue) >= _WHITE).astype(np.uint8)
        reach = 2 * int(np.ceil(2 * soft)) + 1
        true = 1 - cv2.dilate(white, np.ones((reach, reach), np.uint8))
        return FacePatch(grey, slopes, true.astype(np.float32), np.array([left, top]), scale)

    def at(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Brightness, both slopes, and how far they can be believed, each (N,), at pixels (N, 2) of the full frame."""
        u, v = ((pixels - self.corner) * self.scale - 0.5).astype(np.float32).T
        grey, along_u, along_v, true = (
            cv2.remap(values, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[:, 0]
            for values in (self.grey, *self.slopes, self.true)
        )
        return grey, along_u, along_v, true


def _box(points: np.ndarray, size: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the part of a picture of that size that holds the landmarks (478, 2) and a margin."""
    low, high = points.min(0), points.max(0)
    margin = 0.15 * (high - low).max()
    left, top = np.maximum(low - margin, 0).astype(int)
    right, bottom = np.minimum(high + margin + 1, [size[1], size[0]]).astype(int)
    return left, top, right, bottom
