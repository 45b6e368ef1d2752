"""The part of a picture that shows the face: its brightness and the brightness gradient."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_WHITE = 252
"""A channel at or above this may be clipped."""
_MAX_SIDE = 512
"""Longest side of a patch, pixels; larger faces are scaled down."""


@dataclass(frozen=True)
class FacePatch:
    """A blurred patch of a picture.

    grey: (h, w) brightness 0..1.
    gradient: brightness per pixel of the full frame along u and along v, each (h, w).
    unclipped: (h, w) 1 where no channel is clipped at white, 0 elsewhere.
    corner: (2,) the patch's left and top in the full frame, pixels.
    scale: (2,) patch pixels per pixel of the full frame, along u and v.
    """

    grey: np.ndarray
    gradient: tuple[np.ndarray, np.ndarray]
    unclipped: np.ndarray
    corner: np.ndarray
    scale: np.ndarray

    @staticmethod
    def of(picture: np.ndarray, landmarks: np.ndarray, blur: float) -> FacePatch:
        """Cut the patch around landmarks (478, 3) from a picture (H, W, 3) uint8.

        blur: standard deviation of the Gaussian blur, pixels of the picture.
        """
        left, top, right, bottom = _bounding_box(landmarks[:, :2], picture.shape)
        full = picture[top:bottom, left:right]
        shrink = min(1.0, _MAX_SIDE / max(full.shape))
        size = [max(2, round(shrink * side)) for side in (right - left, bottom - top)]
        scale = np.array(size) / [right - left, bottom - top]
        red, green, blue = cv2.split(cv2.resize(full, size, interpolation=cv2.INTER_AREA) if shrink < 1 else full)
        # summed by channel, because a mean over the last axis takes ten times as long
        sigma = blur * float(scale[0])
        grey = cv2.GaussianBlur((red.astype(np.float32) + green + blue) / 765, (0, 0), sigma)
        gradient = (cv2.Sobel(grey, -1, 1, 0, scale=scale[0] / 8), cv2.Sobel(grey, -1, 0, 1, scale=scale[1] / 8))
        white = (cv2.max(cv2.max(red, green), blue) >= _WHITE).astype(np.uint8)
        side = 2 * int(np.ceil(2 * sigma)) + 1
        unclipped = 1 - cv2.dilate(white, np.ones((side, side), np.uint8))
        return FacePatch(grey, gradient, unclipped.astype(np.float32), np.array([left, top]), scale)

    def sample(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Interpolate the patch at pixels (N, 2) of the full frame.

        Returns grey, its gradient along u and along v, and `unclipped`, each (N,).
        """
        u, v = ((pixels - self.corner) * self.scale - 0.5).astype(np.float32).T
        grey, along_u, along_v, unclipped = (
            cv2.remap(values, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[:, 0]
            for values in (self.grey, *self.gradient, self.unclipped)
        )
        return grey, along_u, along_v, unclipped


def _bounding_box(points: np.ndarray, size: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of the points (478, 2) with a margin, within a picture of size (H, W, ...)."""
    low, high = points.min(0), points.max(0)
    margin = 0.15 * (high - low).max()
    left, top = np.maximum(low - margin, 0).astype(int)
    right, bottom = np.minimum(high + margin + 1, [size[1], size[0]]).astype(int)
    return left, top, right, bottom
