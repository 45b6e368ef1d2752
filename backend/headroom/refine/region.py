"""Which part of the plate the refiner paints anew.

At test the plate comes from another moment, with another mouth and another jaw. So, in training and at test alike, the
plate is erased in and around the face: what the network learns to paint there can only come from the render and from
the surroundings. The mask of what is finally shown lies inside the erased area and fades out towards its border.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

DRAWN = 96  # alpha above this belongs to the face; of 255
SOFT_EDGE = 0.025  # parts of the crop
COARSE = 128  # the distance field is made on a picture this wide, pixels


@dataclass(frozen=True)
class RegionConfig:
    """How far the painted area reaches; in parts of the face size (root of the face's area)."""

    margin: float = 0.09  # beyond the render on all sides
    chin: float = 0.10  # further down, so that an open jaw of the plate is covered
    feather: float = 0.06  # width of the fade, inside the margin


def face_region(
    alpha: NDArray[np.uint8], config: RegionConfig, margin_scale: float = 1.0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The erased area and the mask of what is shown.

    alpha: (R, R) uint8, the render's; holes for mouth and eyes count as face.
    margin_scale: factor on the margin, drawn at random in training.
    Both (R, R) float32, 0..1; erased is 0 or 1 up to a pixel of softness, mask is 0 wherever erased is below 1.
    Both are zero when nothing is drawn.
    """
    size = alpha.shape[0]
    hull, face = _hull(alpha, config.chin)
    if hull is None:
        empty = np.zeros(alpha.shape, np.float32)
        return empty, empty.copy()
    distance = _distance_outside(hull, size)
    margin = config.margin * margin_scale * face
    erased = np.clip(margin - distance + 0.5, 0, 1)
    fade = np.clip((margin - 0.5 - distance) / (config.feather * face), 0, 1)
    return erased, fade * fade * (3 - 2 * fade)


def erase(picture: NDArray[np.uint8], erased: NDArray[np.float32]) -> NDArray[np.uint8]:
    """`picture` (R, R, 3) uint8 with the erased area (R, R) 0..1 filled smoothly from the pixels around it."""
    if not erased.any():
        return picture
    keep = (erased < 0.02).astype(np.float32)
    small = _shrink(np.dstack([picture * keep[..., None], keep]), 4)
    fill = cv2.resize(_pull_push(small), picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    blend = picture + erased[..., None] * (fill - picture)
    return (blend + 0.5).astype(np.uint8)


def over(render: NDArray[np.uint8], plate: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`render` (R, R, 4) uint8, straight alpha, over `plate` (R, R, 3) uint8, with a soft edge."""
    alpha = feathered(render[..., 3])[..., None]
    return (plate + alpha * (render[..., :3].astype(np.float32) - plate) + 0.5).astype(np.uint8)


def feathered(alpha: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Alpha (R, R) 0..1 that falls to nothing inside the render's edge, over `SOFT_EDGE` of the crop."""
    width = max(round(SOFT_EDGE * alpha.shape[0]), 1)
    around = cv2.blur(alpha, (2 * width + 1, 2 * width + 1), borderType=cv2.BORDER_REPLICATE)
    return np.clip(around.astype(np.float32) / 127.5 - 1, 0, 1) * (alpha / np.float32(255))


def _hull(alpha: NDArray[np.uint8], chin: float) -> tuple[NDArray[np.float32] | None, float]:
    """Corners (N, 2) px of the convex hull of the face, drawn out downwards by `chin`, and the face size in pixels."""
    contours, _ = cv2.findContours((alpha > DRAWN).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return None, 0.0
    points = cv2.convexHull(np.concatenate(contours)).astype(np.float32)
    face = float(cv2.contourArea(points)) ** 0.5
    if face < 2:
        return None, 0.0
    lowered = points + np.array([0, chin * face], np.float32)
    return cv2.convexHull(np.concatenate([points, lowered]))[:, 0], face


def _distance_outside(hull: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Distance (R, R) in pixels from each pixel to the hull, zero inside; computed coarsely, for it is smooth."""
    coarse = min(COARSE, size)
    scale = coarse / size
    outside = np.full((coarse, coarse), 255, np.uint8)
    corners = ((hull + 0.5) * scale - 0.5) * 16
    cv2.fillConvexPoly(outside, corners.round().astype(np.int32), (0,), lineType=cv2.LINE_8, shift=4)
    distance = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_5) / scale
    return np.asarray(cv2.resize(distance, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)


def _shrink(weighted: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """(H, W, 4) colour times weight, and weight, both averaged over squares of `factor` pixels."""
    height, width = weighted.shape[:2]
    size = (max(width // factor, 1), max(height // factor, 1))
    return np.asarray(cv2.resize(weighted, size, interpolation=cv2.INTER_AREA), np.float32)


def _pull_push(weighted: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colour (H, W, 3) everywhere from (H, W, 4) premultiplied colour and weight: gaps take what is around them."""
    height, width = weighted.shape[:2]
    weight = weighted[..., 3:]
    if min(height, width) <= 2:
        return weighted[..., :3].sum((0, 1)) / np.maximum(weight.sum(), 1e-6) * np.ones_like(weight)
    around = cv2.resize(_pull_push(_shrink(weighted, 2)), (width, height), interpolation=cv2.INTER_LINEAR)
    around = cv2.blur(around, (3, 3))
    return weighted[..., :3] + (1 - weight) * around
