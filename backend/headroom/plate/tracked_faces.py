"""The tracked face in every plate: its surface, and the landmarks by which plates with a similar mouth are found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from headroom.common.smoothstep import smoothstep
from headroom.face import topology
from headroom.face.camera import Camera, pose_vertices
from headroom.face.model import FaceModel
from headroom.plate.head_surface import Pose

IRIS_WEIGHT = 8
"""Landmarks of the lids that an iris counts as much as: with one, plates with another gaze were taken."""


@dataclass(frozen=True)
class FacePart:
    """A part of the face whose pixels may come from a plate of its own.

    landmarks: (L,) vertices by which plates are compared.
    weight: (V,) 1 in the part, 0 away from it, with a smooth transition.
    """

    landmarks: NDArray[np.intp]
    weight: NDArray[np.float32]

    @staticmethod
    def around(model: FaceModel, landmarks: Sequence[int], full_mm: float, fade_mm: float) -> FacePart:
        """Return the part within `full_mm` of MediaPipe's `landmarks` on the mean face, fading over `fade_mm`."""
        vertices = np.array([model.vertex_of(landmark) for landmark in landmarks])
        distance, _ = cKDTree(model.mean[vertices]).query(model.mean)
        return FacePart(vertices, smoothstep(1 - (distance - full_mm) / fade_mm).astype(np.float32))


def mouth_part(model: FaceModel) -> FacePart:
    """Return the mouth with its inside."""
    from mediapipe.python.solutions import face_mesh_connections as connections

    part = FacePart.around(model, topology.points_of(connections.FACEMESH_LIPS), 12.0, 12.0)
    return FacePart(part.landmarks, np.maximum(part.weight, (model.interior > 0).astype(np.float32)))


def eyes_part(model: FaceModel) -> FacePart:
    """Return both eyes with their lids; the irises are repeated among the landmarks, so that gaze counts."""
    from mediapipe.python.solutions import face_mesh_connections as connections

    edges = connections.FACEMESH_LEFT_EYE | connections.FACEMESH_RIGHT_EYE
    irises = [topology.RIGHT_IRIS, topology.LEFT_IRIS]
    part = FacePart.around(model, topology.points_of(edges), 8.0, 12.0)
    repeated = [model.vertex_of(iris) for iris in irises] * IRIS_WEIGHT
    landmarks = np.concatenate([part.landmarks, repeated])
    return FacePart(landmarks, np.maximum(part.weight, (model.eyes > 0).astype(np.float32)))


class TrackedFaces:
    """The face of one person in each of T plates.

    expression: (T, E). rotation: (T, 3) radians. translation: (T, 3) millimetres.
    usable: (T,) whether the face was found in the plate.
    """

    def __init__(
        self, model: FaceModel, neutral: NDArray[np.floating], expression: NDArray[np.floating],
        poses: tuple[NDArray[np.floating], NDArray[np.floating]], usable: NDArray[np.bool_],
    ):
        """neutral: (V, 3), the person's face without expression. poses: rotation and translation of the plates."""
        self.model, self._neutral = model, neutral
        self.expression, self.usable = expression, usable
        self.rotation, self.translation = poses

    def __len__(self) -> int:
        return len(self.expression)

    def pose(self, number: int) -> Pose:
        """Return rotation and translation of a plate."""
        return self.rotation[number], self.translation[number]

    def vertices(self, number: int) -> NDArray[np.float32]:
        """Return the vertices (V, 3) of the face in a plate, camera axes, millimetres."""
        offsets = self._flat_basis @ np.asarray(self.expression[number], np.float32)
        shape = self._neutral + offsets.reshape(self._neutral.shape)
        return pose_vertices(shape, *self.pose(number)).astype(np.float32)

    def landmarks(self, part: FacePart) -> NDArray[np.float32]:
        """Return the part's landmarks (T, L, 3) of all plates in model axes, millimetres."""
        return self._points(part.landmarks)

    def pixels(self, points: NDArray[np.intp], camera: Camera) -> NDArray[np.float32]:
        """Return where (T, P, 2), frame pixels, P vertices of the face are in each plate."""
        posed = pose_vertices(self._points(points), np.asarray(self.rotation), np.asarray(self.translation))
        return camera.project(posed).astype(np.float32)

    def _points(self, points: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return some vertices (T, P, 3) of all plates in model axes, millimetres."""
        offsets = np.tensordot(self.expression, self.model.expression_basis[points], axes=(1, 2))
        return (self._neutral[points] + offsets).astype(np.float32)

    @cached_property
    def _flat_basis(self) -> NDArray[np.float32]:
        """(3 V, E) expression basis."""
        return np.ascontiguousarray(self.model.expression_basis.reshape(-1, self.expression.shape[1]), np.float32)
