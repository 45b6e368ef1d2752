"""The head as a surface: how deep it is at each place seen from the front, so that a picture of it can be turned.

The face model ends at the hairline. Beyond it the surface goes on smoothly to a rounded head, and from there to a plane
behind the ears, which hair, neck and whatever else is near the head are taken to lie in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import LinearNDInterpolator

from headroom.face.camera import rotation_matrix

Floats = NDArray[np.floating]
Pose = tuple[Floats, Floats]
"""rotation (3,) radians, translation (3,) millimetres."""

STEP = 4.0  # mm between two cells of the map
HEAD_STEP = 5  # cells between two of the points that stand for the head
AROUND = 260.0  # mm of the map beyond the head on every side
WIDE, HIGH = 0.58, 0.72  # radii of the head, in widths and heights of the face
MIDDLE = 0.65  # where the head's middle is between chin and hairline
SMOOTH = 8.0  # mm, of the surface: the face itself is drawn over, and steep slopes would hide what is behind them
ROUNDING = 40.0  # mm beyond the face over which its depth passes into the rounded head's
ROUNDS = 4  # of following a line of sight to the surface


@dataclass(frozen=True)
class HeadSurface:
    """Maps over the model's x and y, `STEP` apart, row 0 lowest.

    height (h, w) mm, the surface's z. away (h, w) mm from the head's outline, 0 within. corner: x, y of the first cell.
    head (K, 3) mm: points all over the head.
    """

    height: NDArray[np.float32]
    away: NDArray[np.float32]
    corner: tuple[float, float]
    head: NDArray[np.float32]

    @staticmethod
    def of(face: Floats) -> HeadSurface:
        """From the neutral face (V, 3) mm, model axes."""
        low, high = face.min(axis=0), face.max(axis=0)
        centre = np.array([(low[0] + high[0]) / 2, low[1] + MIDDLE * (high[1] - low[1])])
        radii = np.array([WIDE * (high[0] - low[0]), HIGH * (high[1] - low[1])])
        first, last = centre - radii - AROUND, centre + radii + AROUND
        x, y = np.meshgrid(*(np.arange(a, b, STEP) for a, b in zip(first, last)))
        rounded = np.hypot((x - centre[0]) / radii[0], (y - centre[1]) / radii[1])
        head = low[2] + (high[2] - low[2]) * 0.5 * (1 + np.cos(np.pi * np.minimum(rounded, 1)))
        seen = LinearNDInterpolator(face[:, :2].astype(np.float64), face[:, 2].astype(np.float64))(x, y)
        known = np.isfinite(seen)
        height = head + _fading(np.where(known, seen - head, 0), known)
        away = cv2.distanceTransform(((rounded > 1) & ~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        soft = SMOOTH / STEP
        height = cv2.GaussianBlur(height.astype(np.float32), (0, 0), soft)
        inside = np.s_[::HEAD_STEP, ::HEAD_STEP]
        head = np.dstack([x, y, height])[inside][away[inside] == 0].astype(np.float32)
        away = cv2.GaussianBlur(away * np.float32(STEP), (0, 0), soft)
        return HeadSurface(height, away, (float(first[0]), float(first[1])), head)

    def seen_at(self, directions: Floats, pose: Pose) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Where lines of sight meet the surface in a pose: points (h, w, 3), model axes, and `away` of them (h, w).

        directions (h, w, 3): camera axes, from the camera.
        """
        turn = rotation_matrix(np.asarray(pose[0]))
        eye = (-np.asarray(pose[1]) @ turn).astype(np.float32)
        sight = directions @ turn.astype(np.float32)
        slopes = [sight[..., k] / sight[..., 2] for k in range(2)]
        depth = np.full(sight.shape[:2], self.height.mean(), np.float32)
        for _ in range(ROUNDS):
            depth = self._at(self.height, *_reached(eye, slopes, depth))
        x, y = _reached(eye, slopes, depth)
        return np.dstack([x, y, depth]), self._at(self.away, x, y)

    def corners(self, reach: float) -> NDArray[np.float32]:
        """(4, 3) model axes: the rectangle around all that is less than `reach` mm away from the head."""
        near = self.away < reach
        rows, columns = (np.flatnonzero(near.any(axis=axis)) for axis in (1, 0))
        x = self.corner[0] + STEP * np.array([columns[0] - 1, columns[-1] + 1])
        y = self.corner[1] + STEP * np.array([rows[0] - 1, rows[-1] + 1])
        depth = float(self.height.min())
        return np.array([(a, b, depth) for a in x for b in y], np.float32)

    def _at(
        self, values: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """One of the maps (h, w) at places x, y (h, w), mm."""
        columns, rows = ((place - np.float32(first)) / np.float32(STEP) for place, first in zip((x, y), self.corner))
        found = cv2.remap(values, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(found, np.float32)


def _reached(
    eye: NDArray[np.float32], slopes: Sequence[NDArray[np.float32]], depth: NDArray[np.float32]
) -> list[NDArray[np.float32]]:
    """x and y (h, w) of lines of sight at depths (h, w); slopes: what they gain in x and in y (h, w) for each mm of z.

    In planes, since arithmetic along a last axis of two takes ten times as long.
    """
    return [start + (depth - eye[2]) * slope for start, slope in zip(eye, slopes)]


def _fading(values: Floats, known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """`values` (h, w) where they are known, carried on outwards and fading to nothing over `ROUNDING`."""
    away, nearest = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_label = np.zeros(nearest.max() + 1)
    of_label[nearest[known]] = values[known]
    part = np.clip(1 - away * STEP / ROUNDING, 0, 1)
    return of_label[nearest] * part * part * (3 - 2 * part)
