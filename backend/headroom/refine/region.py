"""The part of the crop that the refiner generates: the area erased from the plate, and the mask of what is shown.

A plate comes from another moment of the clip, with another mouth and another jaw. The plate is therefore erased in and
around the face, in training as in use, so the network can take what it generates there only from the render and from
the surroundings. The mask of the finished frame lies inside the erased area and fades out towards its border.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.common.pull_push import downsampled, pull_push
from headroom.common.smoothstep import smoothstep

MIN_ALPHA = 96  # of 255: larger alpha belongs to the face
EDGE_FEATHER = 0.025  # fraction of the crop, width of the fade inside the render's edge
DISTANCE_SIDE = 128  # pixels across the picture in which distances are computed


@dataclass(frozen=True)
class RegionConfig:
    """Size of the erased area, in fractions of the face size, which is the square root of the face's area."""

    margin: float = 0.09  # beyond the render on all sides
    chin: float = 0.10  # further down, so that an open jaw of the plate is covered
    feather: float = 0.06  # width of the mask's fade, inside the margin


def face_region(
    alpha: NDArray[np.uint8], config: RegionConfig, margin_scale: float = 1.0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the erased area and the mask of what is shown, both (R, R) float32, 0..1.

    The erased area is 0 or 1 but for one pixel of antialiasing. The mask is 0 wherever the erased area is below 1.
    Both are zero for an empty render.

    alpha: (R, R) uint8, of the render; holes for mouth and eyes count as face.
    margin_scale: factor of the margin, sampled in training.
    """
    size = alpha.shape[0]
    hull, face_size = _face_hull(alpha, config.chin)
    if hull is None:
        empty = np.zeros(alpha.shape, np.float32)
        return empty, empty.copy()
    distance = _distance_outside(hull, size)
    margin = config.margin * margin_scale * face_size
    erased = np.clip(margin - distance + 0.5, 0, 1)
    return erased, smoothstep((margin - 0.5 - distance) / (config.feather * face_size))


def erase(picture: NDArray[np.uint8], erased: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return `picture` (R, R, 3) uint8 with the area `erased` (R, R), 0..1, filled smoothly from around it."""
    if not erased.any():
        return picture
    known = (erased < 0.02).astype(np.float32)
    small = downsampled(np.dstack([picture * known[..., None], known]), 4)
    fill = cv2.resize(pull_push(small), picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    blend = picture + erased[..., None] * (fill - picture)
    return (blend + 0.5).astype(np.uint8)


def over(render: NDArray[np.uint8], plate: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return `render` (R, R, 4) uint8, straight alpha, composited over `plate` (R, R, 3) uint8 with a soft edge."""
    alpha = feathered_alpha(render[..., 3])[..., None]
    return (plate + alpha * (render[..., :3].astype(np.float32) - plate) + 0.5).astype(np.uint8)


def feathered_alpha(alpha: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return alpha (R, R), 0..1, that fades to 0 inside the render's edge, over `EDGE_FEATHER` of the crop."""
    width = max(round(EDGE_FEATHER * alpha.shape[0]), 1)
    blurred = cv2.blur(alpha, (2 * width + 1, 2 * width + 1), borderType=cv2.BORDER_REPLICATE)
    return np.clip(blurred.astype(np.float32) / 127.5 - 1, 0, 1) * (alpha / np.float32(255))


def _face_hull(alpha: NDArray[np.uint8], chin: float) -> tuple[NDArray[np.float32] | None, float]:
    """Return the convex hull of the face and the face size, pixels.

    The hull, corners (N, 2), is extended downwards by `chin`. It is None for an empty render.
    """
    contours, _ = cv2.findContours((alpha > MIN_ALPHA).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return None, 0.0
    points = cv2.convexHull(np.concatenate(contours)).astype(np.float32)
    face_size = float(cv2.contourArea(points)) ** 0.5
    if face_size < 2:
        return None, 0.0
    lowered = points + np.array([0, chin * face_size], np.float32)
    return cv2.convexHull(np.concatenate([points, lowered]))[:, 0], face_size


def _distance_outside(hull: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return the distance (R, R), pixels, of each pixel from the hull, 0 inside.

    It is computed at a lower resolution, because it is smooth.
    """
    coarse = min(DISTANCE_SIDE, size)
    scale = coarse / size
    outside = np.full((coarse, coarse), 255, np.uint8)
    corners = ((hull + 0.5) * scale - 0.5) * 16  # OpenCV's fixed point: shift=4
    cv2.fillConvexPoly(outside, corners.round().astype(np.int32), (0,), lineType=cv2.LINE_8, shift=4)
    distance = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_5) / scale
    return np.asarray(cv2.resize(distance, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)
