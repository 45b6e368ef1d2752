"""The regions of a picture that are measured apart: face, rim, mouth and eyes, from the landmarks of the true frame.

The regions depend on the truth alone, so that what is measured never chooses where it is measured. Lengths are in
fractions of the face's width, which is the horizontal extent of its oval in the picture.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.evaluation.measures import MOUTH
from headroom.face.topology import EYE_CORNERS, EYE_LIDS

# MediaPipe's face oval, from the top of the forehead past the left ear and the chin.
OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
        152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)

RIM_OUTSIDE, RIM_INSIDE = 0.16, 0.08  # widths of the rim on both sides of the face's outline
FEATURE_MARGIN = 0.05  # around lips and eyelids
WINDOW_MARGIN = 0.25  # around the face, so that the rim and the pixels beside it lie in the window


@dataclass(frozen=True)
class Regions:
    """Masks (H, W) bool of the regions of one picture; all are empty where there is no face.

    face: convex hull of the face's oval.
    rim: the band around the face's outline: hairline, temples, ears and jaw.
    mouth, eyes: convex hulls of the lips and of each eye, with a margin.
    """

    face: NDArray[np.bool_]
    rim: NDArray[np.bool_]
    mouth: NDArray[np.bool_]
    eyes: NDArray[np.bool_]

    @staticmethod
    def of(points: NDArray[np.floating], height: int, width: int) -> Regions:
        """Return the regions of a picture.

        points: (478, 2 or 3) landmarks in pixels; NaN where there is no face.
        """
        face = face_mask(points, height, width)
        if not face.any():
            return Regions(face, face, face, face)
        unit = face_width(points)
        inside, outside = (_distance(mask) for mask in (face, ~face))
        margin = FEATURE_MARGIN * unit
        eyes = [_distance(~_hull_mask(points[[*corners, *lids]], height, width)) <= margin
                for corners, lids in zip(EYE_CORNERS, EYE_LIDS)]
        return Regions(
            face=face,
            rim=(outside <= RIM_OUTSIDE * unit) & (inside <= RIM_INSIDE * unit),
            mouth=_distance(~_hull_mask(points[list(MOUTH)], height, width)) <= margin,
            eyes=eyes[0] | eyes[1],
        )

    def items(self) -> list[tuple[str, NDArray[np.bool_]]]:
        """Return names and masks."""
        return [(name, getattr(self, name)) for name in REGIONS]


REGIONS = tuple(field.name for field in fields(Regions))
"""Names of the regions."""


def face_mask(points: NDArray[np.floating], height: int, width: int) -> NDArray[np.bool_]:
    """Return (height, width) bool: the face oval of landmarks (478, 2 or 3) in pixels; empty where they are NaN."""
    return _hull_mask(points[list(OVAL)], height, width)


def face_width(points: NDArray[np.floating]) -> float:
    """Return the horizontal extent, pixels, of the face oval of landmarks (478, 2 or 3)."""
    return float(np.ptp(points[list(OVAL), 0]))


def face_window(points: NDArray[np.floating], height: int, width: int) -> tuple[slice, slice]:
    """Return rows and columns of the part of a picture that holds all regions.

    points: (478, 2 or 3) landmarks in pixels, none NaN.
    """
    oval, margin = points[list(OVAL), :2], WINDOW_MARGIN * face_width(points)
    (left, top), (right, bottom) = np.floor(oval.min(0) - margin), np.ceil(oval.max(0) + margin)
    return _slice(top, bottom, height), _slice(left, right, width)


def _slice(start: float, stop: float, length: int) -> slice:
    return slice(min(max(int(start), 0), length), min(max(int(stop), 0), length))


def _hull_mask(points: NDArray[np.floating], height: int, width: int) -> NDArray[np.bool_]:
    """Return (height, width) bool: the convex hull of points (K, 2 or 3) in pixels; empty where they are NaN."""
    mask, corners = np.zeros((height, width), np.uint8), points[:, :2]
    if np.isfinite(corners).all():
        cv2.fillConvexPoly(mask, cv2.convexHull(np.round(corners - 0.5).astype(np.int32)), (1,))
    return mask.astype(bool)


def _distance(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the distance (H, W), pixels, of each pixel of the mask from the nearest one outside it, 0 outside."""
    distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance, np.float32)
