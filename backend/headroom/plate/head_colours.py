"""What frames show of a head beyond the face: its colours and outline on a surface, and how much frames differ in them.

Depth and poses are right where frames of different poses show the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.face.head_depth import CELL_MM
from headroom.plate.head_surface import HeadSurface
from headroom.plate.head_views import HeadViews
from headroom.plate.matte import person_alpha

COMPARED_VIEWS = 40
REACH_MM = 30.0  # beyond the head, up to which it is looked at
MIN_SEEN = 0.02  # mean alpha, from which a point shows the person at times
PIXELS_PER_CELL = 2.0  # of the frames in which colours are compared
ALPHA_LEVELS = 60.0  # that the person's outline counts as much as
MAX_DIFFERENCE = 40.0  # levels of 255; larger ones are other things in front, which count no more than this


@dataclass(frozen=True)
class HeadColours:
    """What frames show of a head beyond the face.

    values: (K, N, 4) of N points in K frames, as `sampled_colours` returns them.
    """

    values: NDArray[np.float32]

    @staticmethod
    def of(surface: HeadSurface, views: HeadViews) -> HeadColours:
        """Sample some of the usable frames."""
        area = surface.area_within(REACH_MM)
        x, y = (places[area] for places in surface.places())
        in_face = surface.in_face[area]
        points = np.dstack([x, y, surface.height[area]])[~in_face & (y > y[in_face].min())].astype(np.float32)
        sampled = [sampled_colours(views, number, points[None])[0] for number in views.evenly_spaced(COMPARED_VIEWS)]
        return HeadColours(np.stack(sampled) if sampled else np.zeros((0, len(points), 4), np.float32))

    def disagreement(self, others: HeadColours | None = None) -> float:
        """Return how much the frames differ from each other, or from other frames of the head, squared levels.

        It is larger the more poses and surface are wrong; inf where no frame shows it.
        """
        expected = self.values if others is None else others.values
        if not len(self.values) or not len(expected):
            return float("inf")
        seen = expected[..., 3].mean(axis=0) > MIN_SEEN
        squared = squared_differences(self.values, expected)
        return float(squared[seen].sum(axis=-1).mean()) if seen.any() else float("inf")


def sampled_colours(views: HeadViews, number: int, points: NDArray[np.floating]) -> NDArray[np.float32]:
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


def squared_differences(values: NDArray[np.float32], expected: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean squared difference (..., 4) of K views' colours and alphas (K, ..., 4) from others' median."""
    difference = np.abs(values - np.median(expected, axis=0)) * np.array([1, 1, 1, ALPHA_LEVELS], np.float32)
    difference = np.minimum(difference, MAX_DIFFERENCE)
    return np.asarray((difference**2).mean(axis=0), np.float32)
