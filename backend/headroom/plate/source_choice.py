"""Which plates show a mouth and eyes like those that are wanted."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.face.camera import rotation_matrix
from headroom.plate.head_surface import Pose
from headroom.plate.layers import BackgroundLayers
from headroom.plate.tracked_faces import FacePart, TrackedFaces

MM_PER_DEGREE = 0.15
"""Error of the landmarks that counts as much as a degree of head rotation."""
MM_PER_LEVEL = 0.1
"""Error of the landmarks that counts as much as a level of 255 by which colours are unusual."""
ALIKE_MM = 0.8
"""Difference of the landmarks, standard deviation, of plates that tell which colours are usual."""
WHOLLY = 0.95  # weight of the points whose colours are compared
MARGIN = 4  # pixels around them


@dataclass(frozen=True)
class WantedFace:
    """The face that a frame of a shot shows.

    vertices: (V, 3), camera axes, millimetres.
    pose: the head's pose in that frame.
    """

    vertices: NDArray[np.floating]
    pose: Pose

    def landmarks(self, part: FacePart) -> NDArray[np.floating]:
        """Return the part's landmarks (L, 3), model axes, millimetres."""
        rotation, translation = map(np.asarray, self.pose)
        return (self.vertices[part.landmarks] - translation) @ rotation_matrix(rotation)


class SourceChoice:
    """Chooses the plate whose part of the face is most like the wanted one.

    Lips of one shape show teeth in one plate and the tongue or shadow in another, so the nearest plates of neighbouring
    frames can differ much. With `colours`, plates that look unusual for their landmarks are avoided: the colours of the
    plates with landmarks like the wanted ones are averaged, and the difference from this mean counts too.

    The choice depends on the frame alone, so that a refined frame depends on nothing but its own render and the two
    before it.
    """

    def __init__(self, faces: TrackedFaces, part: FacePart, colours: NDArray[np.floating] | None = None):
        """Measure the part in every plate.

        colours: (T, P), of P points of the part in each plate, 0..255.
        """
        self._part = part
        self._landmarks = _Rows(faces.landmarks(part).reshape(len(faces), -1).astype(np.float64))
        self._matrices = rotation_matrix(np.asarray(faces.rotation))
        self._colours = None if colours is None else _Rows(np.asarray(colours, np.float32))

    def nearest(self, wanted: WantedFace, allowed: NDArray[np.bool_]) -> int:
        """Return the number of the nearest plate among those that are `allowed` (T,), at least one."""
        cost = 3 * self._landmarks.mean_square_difference(wanted.landmarks(self._part).ravel())
        cost += (MM_PER_DEGREE * self._degrees_from(wanted.pose)) ** 2
        cost[~allowed] = np.inf
        if self._colours is not None:
            likeness = np.exp((cost.min() - cost) / (2 * ALIKE_MM**2))  # 0 where not allowed
            usual = self._colours.weighted_mean(likeness)
            cost += MM_PER_LEVEL**2 * self._colours.mean_square_difference(usual)
        return int(cost.argmin())

    def _degrees_from(self, pose: Pose) -> NDArray[np.float64]:
        """Return the angle (T,) between each plate's rotation and a pose's, degrees."""
        trace = np.einsum("tij,ij->t", self._matrices, rotation_matrix(np.asarray(pose[0])))
        return np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))


class _Rows:
    """Rows of numbers that are compared with one row by products of a matrix: a tenth of the time of subtracting it."""

    def __init__(self, rows: NDArray[np.floating]):
        """rows: (T, N)."""
        self._mean = rows.mean(axis=0)  # without it, the products of large numbers would differ too little
        self._centred = rows - self._mean
        self._squares = (self._centred**2).mean(axis=1)

    def mean_square_difference(self, row: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the mean square (T,) of the difference between each row and `row` (N,)."""
        other = (row - self._mean).astype(self._centred.dtype)
        mixed = self._centred @ other / len(other)
        return np.asarray(self._squares - 2.0 * mixed + (other**2).mean(), np.float64)

    def weighted_mean(self, weights: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return the mean row (N,) by weights (T,)."""
        shares = (weights / weights.sum()).astype(self._centred.dtype)
        return np.asarray(shares @ self._centred + self._mean)


def part_colours(faces: TrackedFaces, part: FacePart, layers: BackgroundLayers) -> NDArray[np.float32]:
    """Return the brightness (T, P), 0..255, of the points of a part in each plate."""
    camera = layers.camera
    places = faces.pixels(np.flatnonzero(part.weight > WHOLLY), camera) - 0.5
    colours = np.empty(places.shape[:2], np.float32)
    for number, pixels in enumerate(places):
        left, top = np.clip(np.floor(pixels.min(0)).astype(int) - MARGIN, 0, (camera.width - 1, camera.height - 1))
        right, bottom = np.ceil(pixels.max(0)).astype(int) + MARGIN
        seen = layers.area(number, slice(top, max(bottom, top + 1)), slice(left, max(right, left + 1)))
        x, y = (pixels - (left, top)).astype(np.float32).T[..., None]
        brightness = cv2.GaussianBlur(seen.mean(-1, dtype=np.float32), (0, 0), 1)
        colours[number] = cv2.remap(brightness, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[:, 0]
    return colours
