"""Which plates show a mouth and eyes like those that are wanted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headroom.face.camera import rotation_matrix
from headroom.plate.head_surface import Pose
from headroom.plate.tracked_faces import FacePart, TrackedFaces

MM_PER_DEGREE = 0.15
"""Error of the landmarks that counts as much as a degree of head rotation."""


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

    The choice depends on the frame alone, so that a refined frame depends on nothing but its own render and the two
    before it. Comparing the frames before as well was no steadier (three clips of 50 frames).
    """

    def __init__(self, faces: TrackedFaces, part: FacePart):
        """Measure the part in every plate."""
        self._part, self._landmarks = part, faces.landmarks(part)
        self._matrices = rotation_matrix(np.asarray(faces.rotation))

    def nearest(self, wanted: WantedFace, allowed: NDArray[np.bool_]) -> int:
        """Return the number of the nearest plate among those that are `allowed` (T,)."""
        cost = ((self._landmarks - wanted.landmarks(self._part)) ** 2).sum(-1).mean(-1)
        cost += (MM_PER_DEGREE * self._degrees_from(wanted.pose)) ** 2
        return int(np.argmin(np.where(allowed, cost, np.inf)))

    def _degrees_from(self, pose: Pose) -> NDArray[np.float64]:
        """Return the angle (T,) between each plate's rotation and a pose's, degrees."""
        trace = np.einsum("tij,ij->t", self._matrices, rotation_matrix(np.asarray(pose[0])))
        return np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))
