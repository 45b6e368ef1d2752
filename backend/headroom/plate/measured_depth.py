"""The depth of hair, ears and the sides of the head, measured in the learned frames by a plane sweep.

The head's pose is known in every frame. So each point that the head's surface might have is looked up in frames of
different poses; where it has the same colours in all of them, the surface is there (Collins 1996). Where the head
hardly turns, or shows nothing to compare, the guess of `HeadSurface` stays.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.face.head_depth import HeadDepth
from headroom.plate.head_colours import REACH_MM, sampled_colours, squared_differences
from headroom.plate.head_surface import HeadSurface
from headroom.plate.head_views import HeadViews

MAX_VIEWS = 24
MIN_TURN = 0.3  # degrees between two views
MIN_VIEWS = 3
OFFSETS_MM = np.arange(-140.0, 45.0, 10.0, dtype=np.float32)
"""Offsets from the guessed surface that are compared: hair may be in front of it, the back of the head far behind."""
LOWEST_NECK_MM = -40.0
"""The lowest offset below the chin. The neck does not turn with the head: what stands still seems to lie at the head's
axis, and would move to the side when an animator turns the head about its middle."""
NECK_BLEND_MM = 30.0  # above the chin, over which this limit ends
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
    area = surface.area_within(REACH_MM)
    x, y = (places[area] for places in surface.places())
    heights = surface.height[area] + OFFSETS_MM[:, None, None]
    points = np.stack(np.broadcast_arrays(x, y, heights), axis=-1).astype(np.float32)
    cost = _differences([sampled_colours(views, number, points) for number in numbers])
    in_face = surface.in_face[area]
    chin = y[in_face].min()
    lowest = np.interp(y, (chin, chin + NECK_BLEND_MM), (LOWEST_NECK_MM, OFFSETS_MM[0]))
    offset = np.maximum(_smoothest(cost, in_face), lowest).astype(np.float32)
    return HeadDepth(offset, np.array([x[0, 0], y[0, 0]], np.float32))


def _differences(seen: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return how much views differ at each offset and cell (D, h, w), squared levels.

    seen: what each view shows at the points, (D, h, w, 4).
    """
    values = np.stack(seen)
    person = values[..., 3].mean(axis=(0, 1))
    weight = np.clip(2 * person, 0, 1) ** 2  # the background is alike at every depth
    blurred = [cv2.GaussianBlur(plane, (0, 0), AGGREGATION_CELLS)
               for plane in (*squared_differences(values, values).sum(axis=-1), weight)]
    return np.stack(blurred[:-1]) * blurred[-1]


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
