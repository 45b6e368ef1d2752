"""The head as a height field over the model's x and y, so that a picture of the head can be rotated.

The face model ends at the hairline. Beyond it the surface continues smoothly into a rounded head, and then into a
plane behind the ears, in which hair, neck and everything else near the head is assumed to lie. Where the clip shows the
head from several sides, `headroom.plate.measured_depth` corrects this guess.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import LinearNDInterpolator

from headroom.common.smoothstep import smoothstep
from headroom.face.camera import rotation_matrix
from headroom.face.head_depth import CELL_MM, HeadDepth, sample_map

Floats = NDArray[np.floating]
Pose = tuple[Floats, Floats]
"""Rotation (3,) in radians and translation (3,) in millimetres."""

HEAD_POINT_STEP = 5  # cells between two of the points that stand for the head
MARGIN_MM = 260.0  # of the maps beyond the head on every side
HEAD_WIDTH, HEAD_HEIGHT = 0.58, 0.72  # radii of the head, as fractions of the width and height of the face
HEAD_CENTRE = 0.65  # height of the head's centre, as a fraction of the way from chin to hairline
BLUR_MM = 8.0  # sigma of the surface's blur, because steep slopes would hide what is behind them
BLEND_MM = 40.0  # beyond the face, over which its height blends into the rounded head's
RAY_STEPS = 8  # depths at which a ray is compared with the surface
REFINEMENTS = 3  # of the intersection between two of them


@dataclass(frozen=True)
class HeadSurface:
    """Maps over the model's x and y, `CELL_MM` apart, row 0 lowest.

    height: (h, w) float32, millimetres, the surface's z.
    head_distance: (h, w) float32, millimetres from the head's outline, 0 inside.
    origin: x and y of the first cell, millimetres.
    in_face: (h, w) bool, where the face model is the surface.
    head_points: (K, 3) float32, millimetres, points all over the head.
    """

    height: NDArray[np.float32]
    head_distance: NDArray[np.float32]
    origin: tuple[float, float]
    in_face: NDArray[np.bool_]
    head_points: NDArray[np.float32]

    @staticmethod
    def of(face: Floats, depth: HeadDepth | None = None) -> HeadSurface:
        """Build the surface of a neutral face (V, 3), millimetres, model axes; depth: what the clip tells of it."""
        low, high = face.min(axis=0), face.max(axis=0)
        centre = np.array([(low[0] + high[0]) / 2, low[1] + HEAD_CENTRE * (high[1] - low[1])])
        radii = np.array([HEAD_WIDTH * (high[0] - low[0]), HEAD_HEIGHT * (high[1] - low[1])])
        first, last = centre - radii - MARGIN_MM, centre + radii + MARGIN_MM
        x, y = np.meshgrid(*(np.arange(a, b, CELL_MM) for a, b in zip(first, last)))
        radius = np.hypot((x - centre[0]) / radii[0], (y - centre[1]) / radii[1])
        rounded = low[2] + (high[2] - low[2]) * 0.5 * (1 + np.cos(np.pi * np.minimum(radius, 1)))
        face_height = LinearNDInterpolator(face[:, :2].astype(np.float64), face[:, 2].astype(np.float64))(x, y)
        in_face = np.isfinite(face_height)
        height = rounded + _extrapolated(np.where(in_face, face_height - rounded, 0), in_face)
        beyond = ((radius > 1) & ~in_face).astype(np.uint8)
        distance = cv2.distanceTransform(beyond, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        sigma = BLUR_MM / CELL_MM
        height = cv2.GaussianBlur(height.astype(np.float32), (0, 0), sigma)
        sampled = np.s_[::HEAD_POINT_STEP, ::HEAD_POINT_STEP]
        points = np.dstack([x, y, height])[sampled][distance[sampled] == 0].astype(np.float32)
        distance = cv2.GaussianBlur(distance * np.float32(CELL_MM), (0, 0), sigma)
        guess = HeadSurface(height, distance, (float(first[0]), float(first[1])), in_face, points)
        return guess if depth is None else guess.with_depth(depth)

    def with_depth(self, depth: HeadDepth) -> HeadSurface:
        """Return a guessed surface with what the clip tells of it."""
        x, y, z = self.head_points.T
        points = np.column_stack([x, y, z + depth.at(x[None], y[None])[0]])
        return replace(self, height=self.height + depth.at(*self.places()), head_points=points)

    def places(self) -> tuple[Floats, Floats]:
        """Return x and y (h, w) of the cells, millimetres."""
        rows, columns = np.mgrid[: self.height.shape[0], : self.height.shape[1]]
        return self.origin[0] + CELL_MM * columns, self.origin[1] + CELL_MM * rows

    def area_within(self, distance: float) -> tuple[slice, slice]:
        """Return rows and columns of the rectangle of cells around all within `distance` mm of the head."""
        near = self.head_distance < distance
        rows, columns = (np.flatnonzero(near.any(axis=axis)) for axis in (1, 0))
        return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)

    def intersect(self, directions: Floats, pose: Pose) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Intersect rays from the camera with the surface in a pose.

        directions: (h, w, 3) ray directions in camera axes.

        Returns the points (h, w, 3) in model axes, millimetres, and their `head_distance` (h, w).
        """
        from headroom.plate.plate_kernels import first_points  # loads numba

        rotation = rotation_matrix(np.asarray(pose[0]))
        eye = (-np.asarray(pose[1]) @ rotation).astype(np.float32)
        rays = np.reshape(directions @ rotation.astype(np.float32), (-1, 3)).astype(np.float32)
        steps = np.linspace(self.height.max(), self.height.min(), RAY_STEPS, dtype=np.float32)
        points = first_points(self.height, (*self.origin, CELL_MM), eye, rays, REFINEMENTS, steps)
        points = points.reshape(directions.shape)
        return points, sample_map(self.head_distance, self.origin, points[..., 0], points[..., 1])

    def bounding_corners(self, distance: float) -> NDArray[np.float32]:
        """Return the corners (4, 3), model axes, of the rectangle around all within `distance` mm of the head."""
        rows, columns = self.area_within(distance)
        x = self.origin[0] + CELL_MM * np.array([columns.start - 1, columns.stop])
        y = self.origin[1] + CELL_MM * np.array([rows.start - 1, rows.stop])
        lowest = float(self.height.min())
        return np.array([(a, b, lowest) for a in x for b in y], np.float32)


def _extrapolated(values: Floats, known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return `values` (h, w) where `known`, and elsewhere the nearest known one, fading to 0 over `BLEND_MM`."""
    distance, nearest = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    value_of_label = np.zeros(nearest.max() + 1)
    value_of_label[nearest[known]] = values[known]
    return value_of_label[nearest] * smoothstep(1 - distance * CELL_MM / BLEND_MM)
