"""The depth of hair, ears and the sides of the head, measured in the learned frames by a plane sweep.

The head's pose is known in every frame. So each point that the head's surface might have is looked up in frames of
different poses; where it has the same colours in all of them, the surface is there (Collins 1996). Where the head
hardly turns, or shows nothing to compare, the guess of `HeadSurface` stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.face.head_depth import CELL_MM, HeadDepth
from headroom.plate.head_surface import HeadSurface
from headroom.plate.head_views import HeadViews
from headroom.plate.matte import person_alpha

MAX_VIEWS = 24
MIN_TURN = 0.3  # degrees between two views
MIN_VIEWS = 3
COMPARED_VIEWS = 40
MIN_SEEN = 0.02  # mean alpha, from which a point shows the person at times
OFFSETS_MM = np.arange(-140.0, 45.0, 10.0, dtype=np.float32)
"""Offsets from the guessed surface that are compared: hair may be in front of it, the back of the head far behind."""
REACH_MM = 30.0  # beyond the head, up to which it is measured
LOWEST_NECK_MM = -40.0
"""The lowest offset below the chin. The neck does not turn with the head: what stands still seems to lie at the head's
axis, and would move to the side when an animator turns the head about its middle."""
NECK_BLEND_MM = 30.0  # above the chin, over which this limit ends
PIXELS_PER_CELL = 2.0  # of the frames in which colours are compared
ALPHA_LEVELS = 60.0  # that the person's outline counts as much as
MAX_DIFFERENCE = 40.0  # levels of 255; larger ones are other things in front, which count no more than this
AGGREGATION_CELLS = 4.0  # sigma of the area whose colours are compared
PRIOR = 10.0  # squared levels that an offset of `UNIT_MM` has to gain
STEADINESS = 60.0  # squared levels that `UNIT_MM` of difference from the neighbours' offsets has to gain
UNIT_MM = 50.0
SMOOTHING_CELLS = 2.0  # sigma of the neighbours
ROUNDS = 8  # in which cells and their neighbours agree


def measure_head_depth(surface: HeadSurface, views: HeadViews) -> HeadDepth | None:
    """Return the depth of the head whose guessed surface is given; None where the head is seen from one side only."""
    numbers = views.different(MAX_VIEWS, MIN_TURN)
    if len(numbers) < MIN_VIEWS:
        return None
    area = _measured_area(surface)
    rows, columns = np.mgrid[area]
    x, y = surface.origin[0] + CELL_MM * columns, surface.origin[1] + CELL_MM * rows
    heights = surface.height[area] + OFFSETS_MM[:, None, None]
    points = np.stack(np.broadcast_arrays(x, y, heights), axis=-1).astype(np.float32)
    cost = _differences([_sampled(views, number, points) for number in numbers])
    in_face = surface.in_face[area]
    chin = y[in_face].min()
    lowest = np.interp(y, (chin, chin + NECK_BLEND_MM), (LOWEST_NECK_MM, OFFSETS_MM[0]))
    offset = np.maximum(_smoothest(cost, in_face), lowest).astype(np.float32)
    return HeadDepth(offset, np.array([x[0, 0], y[0, 0]], np.float32))


@dataclass(frozen=True)
class HeadColours:
    """What frames show of a head beyond the face: values (K, N, 4) of N points in K frames, as `_sampled` returns."""

    values: NDArray[np.float32]

    @staticmethod
    def of(surface: HeadSurface, views: HeadViews) -> HeadColours:
        """Sample some of the usable frames."""
        area = _measured_area(surface)
        rows, columns = np.mgrid[area]
        x, y = surface.origin[0] + CELL_MM * columns, surface.origin[1] + CELL_MM * rows
        in_face = surface.in_face[area]
        points = np.dstack([x, y, surface.height[area]])[~in_face & (y > y[in_face].min())].astype(np.float32)
        sampled = [_sampled(views, number, points[None])[0] for number in views.evenly_spaced(COMPARED_VIEWS)]
        return HeadColours(np.stack(sampled) if sampled else np.zeros((0, len(points), 4), np.float32))

    def disagreement(self, others: HeadColours | None = None) -> float:
        """Return how much the frames differ from each other, or from other frames of the head, squared levels.

        It is larger the more poses and surface are wrong; inf where no frame was usable.
        """
        expected = self.values if others is None else others.values
        if not len(self.values) or not len(expected):
            return float("inf")
        seen = expected[..., 3].mean(axis=0) > MIN_SEEN
        return float(_squared_differences(self.values, expected)[seen].sum(axis=-1).mean())


def _sampled(views: HeadViews, number: int, points: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return what frame `number` shows at points (..., 3), model axes: colours times alpha, and alpha (..., 4)."""
    camera = views.camera
    px_per_mm = camera.focal_px / -float(views.translation[number, 2])
    scale = min(PIXELS_PER_CELL / (CELL_MM * px_per_mm), 1.0)
    size = (max(round(camera.width * scale), 1), max(round(camera.height * scale), 1))
    resized = cv2.resize(views.frames[number], size, interpolation=cv2.INTER_AREA).astype(np.float32)
    small = cv2.GaussianBlur(resized, (0, 0), PIXELS_PER_CELL / 2.5)
    matte = cv2.resize(views.mattes[number], size, interpolation=cv2.INTER_LINEAR)
    alpha = person_alpha(matte)[..., None]
    picture = np.dstack([(small - 128) * alpha, alpha])
    pixels = camera.project(views.posed(number, points.reshape(-1, 3))) * (size[0] / camera.width) - 0.5
    x, y = (pixels[:, axis].reshape(-1, points.shape[-2]).astype(np.float32) for axis in range(2))
    values = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(values, np.float32).reshape(*points.shape[:-1], 4)


def _measured_area(surface: HeadSurface) -> tuple[slice, slice]:
    """Return rows and columns of the surface's cells that are near the head."""
    near = surface.head_distance < REACH_MM
    rows, columns = (np.flatnonzero(near.any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _differences(seen: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return how much views differ at each offset and cell (D, h, w), squared levels.

    seen: what each view shows at the points, (D, h, w, 4).
    """
    values = np.stack(seen)
    person = values[..., 3].mean(axis=(0, 1))
    weight = np.clip(2 * person, 0, 1) ** 2  # the background is alike at every depth
    blurred = [cv2.GaussianBlur(plane, (0, 0), AGGREGATION_CELLS)
               for plane in (*_squared_differences(values, values).sum(axis=-1), weight)]
    return np.stack(blurred[:-1]) * blurred[-1]


def _squared_differences(values: NDArray[np.float32], expected: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean squared difference (..., 4) of K views' colours and alphas (K, ..., 4) from others' median."""
    difference = np.abs(values - np.median(expected, axis=0)) * np.array([1, 1, 1, ALPHA_LEVELS], np.float32)
    difference = np.minimum(difference, MAX_DIFFERENCE)
    return np.asarray((difference**2).mean(axis=0), np.float32)


def _smoothest(cost: NDArray[np.float32], fixed: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the offset (h, w), millimetres, of the least cost (D, h, w) among smooth ones; 0 where it is `fixed`."""
    offsets = OFFSETS_MM[:, None, None]
    cost = cost + PRIOR * (offsets / UNIT_MM) ** 2
    smooth = np.zeros(cost.shape[1:], np.float32)
    for number in range(ROUNDS):
        steady = STEADINESS * ((offsets - smooth) / UNIT_MM) ** 2 if number else 0
        best = np.where(fixed, np.float32(0), _lowest(cost + steady))
        smooth = np.asarray(cv2.GaussianBlur(best, (0, 0), SMOOTHING_CELLS), np.float32)
    return smooth


def _lowest(cost: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the offset (h, w) at the bottom of the parabola through the least cost (D, h, w) and its neighbours."""
    middle = np.clip(cost.argmin(axis=0), 1, len(cost) - 2)
    before, lowest, after = (np.take_along_axis(cost, (middle + step)[None], axis=0)[0] for step in (-1, 0, 1))
    curvature = np.maximum(before - 2 * lowest + after, 1e-6)
    shift = np.clip((before - after) / (2 * curvature), -1, 1)
    return np.asarray(OFFSETS_MM[middle] + (OFFSETS_MM[1] - OFFSETS_MM[0]) * shift, np.float32)
