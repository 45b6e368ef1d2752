"""A person of another clip over a frame: cut out by the matte, scaled and moved."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.common.smoothstep import smoothstep
from headroom.face.camera import Crop

GUIDE_RADIUS = 0.012  # fraction of the frame's longer side, over which the outline follows edges of the picture
GUIDE_NOISE = 1e-3  # variance of the guide, of 1, that is no edge
FAINT = 0.15  # alpha that counts as none, and as much below 1 as full, because the filter leaves a haze
MIN_OPAQUE = 128  # of 255: cells of a matte that belong to the person


@dataclass(frozen=True)
class Placement:
    """Where the frame of another clip lies in the shot's frame.

    scale: pixels of the shot's frame per pixel of the other one.
    x, y: pixel of the shot's frame at the other frame's top left corner.
    """

    scale: float = 1.0
    x: float = 0.0
    y: float = 0.0

    def placed(self, picture: NDArray, width: int, height: int) -> NDArray:
        """Return a picture (h, w, ...) in the shot's frame (height, width, ...), 0 where it does not reach."""
        scale_x = scale_y = self.scale
        if self.scale < 1:  # averaging: bilinear samples of a larger picture would flicker
            size = tuple(max(round(side * self.scale), 1) for side in picture.shape[1::-1])
            scale_x, scale_y = (self.scale * side / new for side, new in zip(picture.shape[1::-1], size))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        matrix = np.array([  # OpenCV counts from the centres of pixels
            [scale_x, 0, self.x + scale_x * 0.5 - 0.5], [0, scale_y, self.y + scale_y * 0.5 - 0.5]], np.float64)
        return np.asarray(cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR))

    def crop(self, crop: Crop) -> Crop:
        """Return a crop of the other frame in the shot's frame."""
        return Crop(round(self.x + self.scale * crop.x), round(self.y + self.scale * crop.y),
                    max(round(self.scale * crop.size), 1))


def own_matte(matte: NDArray[np.uint8], crop: Crop, frame_shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return a matte (h, w) of a frame with only the connected part that shows the most of a face.

    crop: around the face, frame pixels. Other people in the frame are left out.
    """
    _, parts = cv2.connectedComponents((matte >= MIN_OPAQUE).astype(np.uint8))
    scale = matte.shape[0] / frame_shape[0]
    ends = [[max(round((start + part * crop.size / 4) * scale), 0) for part in (1, 3)] for start in (crop.y, crop.x)]
    counts = np.bincount(parts[tuple(slice(*each) for each in ends)].ravel(), minlength=2)
    counts[0] = 0
    if not counts.any():
        return np.zeros_like(matte)
    others = (parts > 0) & (parts != counts.argmax())
    near_others = cv2.dilate(others.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return np.where(near_others, np.uint8(0), matte)


def outline(alpha: NDArray[np.float32], frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return a coarse alpha (H, W), 0..1, that follows the edges of a frame (H, W, 3).

    A guided filter (He et al. 2010): in every small window, alpha is a linear function of the frame's brightness.
    """
    radius = max(round(GUIDE_RADIUS * max(alpha.shape)), 1)
    guide = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255

    def mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.blur(values, (2 * radius + 1, 2 * radius + 1)), np.float32)

    guide_mean, alpha_mean = mean(guide), mean(alpha)
    covariance, variance = mean(guide * alpha) - guide_mean * alpha_mean, mean(guide * guide) - guide_mean**2
    slope = covariance / (variance + GUIDE_NOISE)
    followed = mean(slope) * guide + mean(alpha_mean - slope * guide_mean)
    return smoothstep((followed - FAINT) / (1 - 2 * FAINT)).astype(np.float32)


def over_frame(
    frame: NDArray[np.uint8], person: NDArray[np.uint8], alpha: NDArray[np.float32], background: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Return the person of another picture over `frame`, all (H, W, 3) uint8, with alpha (H, W), 0..1.

    background: what the other picture shows behind the person. Where the person is partly transparent, it is exchanged
        for the frame, so that its colour does not stay as a fringe. Where alpha is 0, the frame stays bit for bit.
    """
    visible = alpha > 0
    out = frame.copy()
    exchanged = (1 - alpha[visible])[:, None] * (frame[visible].astype(np.float32) - background[visible])
    out[visible] = (person[visible] + exchanged + 0.5).clip(0, 255).astype(np.uint8)
    return out
