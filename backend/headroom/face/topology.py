"""The control mesh of the bundled face model: MediaPipe's 468 points, with eyes and mouth closed by fans.

The model's file stores values at the control points; `headroom.face.subdivision` turns them into drawn vertices.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from headroom.face.mesh import edges_of, triangles_at_edges

MESH_POINTS = 468
RIGHT_IRIS, LEFT_IRIS = 468, 473
"""Landmarks of the iris centres; right and left are the subject's."""

CONTROLS = MESH_POINTS + 5
"""Number of control points: the mesh, the right iris, the left iris, the bottom of the mouth cavity, the bottoms of the
right and the left eye socket.
"""
IRISES = (MESH_POINTS, MESH_POINTS + 1)
MOUTH_CAVITY = MESH_POINTS + 2
SOCKETS = (MESH_POINTS + 3, MESH_POINTS + 4)
CAVITY_DEPTH, CAVITY_SHADE = 0.35, 0.45
"""Depth of the mouth cavity behind the lips, in mouth widths; its colour as a fraction of the lips' colour."""
SOCKET_DEPTH, SOCKET_SHADE = 0.4, 0.8
"""Depth of an eye socket behind the lids, in eye widths; its colour as a fraction of the lids' colour."""

UPPER_INNER_LIP, LOWER_INNER_LIP = 13, 14
MOUTH_CORNERS = (61, 291)  # the subject's right and left one
LIP_MIDDLES = (0, 13, 14, 17)
INNER_LIPS = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
"""Landmarks around the mouth's opening, in order, from its right corner."""
EYE_LIDS = ((159, 145), (386, 374))
"""Landmarks of the upper and the lower lid of the right and the left eye."""
BROW_MIDDLES = (105, 334)
"""Landmarks in the middle of the right and the left brow."""
EYE_CORNERS = ((33, 133), (362, 263))
"""Landmarks of the corners of the right and the left eye."""


def eye_distance(points: np.ndarray) -> np.ndarray:
    """Return the distance (...) between the irises of landmarks (..., 478, 3), in their unit."""
    return np.linalg.norm(points[..., RIGHT_IRIS, :] - points[..., LEFT_IRIS, :], axis=-1)


def landmarks_to_controls(points: np.ndarray) -> np.ndarray:
    """Return control points (..., 473, 3) for landmarks (..., 478, 3) in model axes.

    The mouth cavity lies behind the inner lips, the eye sockets behind the lids. The irises get the lids' depth,
    because the landmark network does not measure theirs.
    """
    cavity = _behind(points[..., inner_lips(), :].mean(-2), CAVITY_DEPTH * _width(points, (78, 308)))
    irises, sockets = [], []
    for iris, corners, right in zip((RIGHT_IRIS, LEFT_IRIS), EYE_CORNERS, (True, False)):
        lids, width = points[..., points_of(_eye_edges(right)), :].mean(-2), _width(points, corners)
        irises.append(np.concatenate([points[..., iris, :2], lids[..., 2:]], axis=-1))
        sockets.append(_behind(lids, SOCKET_DEPTH * width))
    return np.concatenate([points[..., :MESH_POINTS, :], np.stack([*irises, cavity, *sockets], -2)], axis=-2)


def control_landmarks() -> np.ndarray:
    """Return MediaPipe's number (470,) of each control point; the mouth cavity and the sockets have none."""
    return np.concatenate([np.arange(MESH_POINTS), [RIGHT_IRIS, LEFT_IRIS]])


def control_triangles() -> np.ndarray:
    """Return the triangles (F, 3) over the control points, not consistently wound yet.

    Eyes and mouth are closed by fans to the sockets and the cavity. No triangle has an iris.
    """
    edges = _tessellation_edges()
    neighbours = defaultdict(set)
    for a, b in edges:
        neighbours[a].add(b)
        neighbours[b].add(a)
    triangles: list[tuple[int, ...]] = [
        (a, b, c) for a, b in sorted(edges) for c in sorted(neighbours[a] & neighbours[b]) if c > b
    ]
    owners = triangles_at_edges(triangles)
    # two rings of three edges around a point are no triangles; each of their edges has three owners
    triangles = [t for t in triangles if any(len(owners[e]) < 3 for e in edges_of(t))]
    fans = []
    loops = (_eye_edges(right=True), _eye_edges(right=False), _inner_lip_edges())
    for centre, loop in zip((*SOCKETS, MOUTH_CAVITY), loops):
        fans += [(centre, a, b) for a, b in loop]
    return np.array(triangles + fans, np.int32)


def inner_lips() -> list[int]:
    """Return the landmarks of the inner lip ring, in ascending order."""
    return points_of(_inner_lip_edges())


def lid_loop(right: bool) -> list[int]:
    """Return the landmarks around the right or the left eye's lids, in order."""
    following: dict[int, list[int]] = defaultdict(list)
    for a, b in _eye_edges(right):
        following[a].append(b)
        following[b].append(a)
    loop = [min(following)]
    while len(loop) < len(following):
        loop.append(next(point for point in following[loop[-1]] if point not in loop))
    return loop


def points_of(edges: Iterable[tuple[int, int]]) -> list[int]:
    """Return the landmarks that edges connect, in ascending order."""
    return sorted({point for edge in edges for point in edge})


def mirror_pairs(mean: np.ndarray) -> np.ndarray:
    """Return the index (C,) of each control point's mirror image.

    mean: (C, 3) a roughly symmetric face in model axes.
    """
    from scipy.optimize import linear_sum_assignment

    mirrored = mean * [-1, 1, 1]
    distance = np.linalg.norm(mean[:, None] - mirrored[None], axis=-1)
    _, pairs = linear_sum_assignment(distance**2)
    return np.where(pairs[pairs] == np.arange(len(pairs)), pairs, np.arange(len(pairs)))


def _tessellation_edges() -> set[tuple[int, int]]:
    from mediapipe.python.solutions import face_mesh_connections

    return {(min(e), max(e)) for e in face_mesh_connections.FACEMESH_TESSELATION}


def _eye_edges(right: bool) -> list[tuple[int, int]]:
    from mediapipe.python.solutions import face_mesh_connections as connections

    return sorted(connections.FACEMESH_RIGHT_EYE if right else connections.FACEMESH_LEFT_EYE)


def _inner_lip_edges() -> list[tuple[int, int]]:
    return list(zip(INNER_LIPS, [*INNER_LIPS[1:], INNER_LIPS[0]]))


def _width(points: np.ndarray, corners: tuple[int, int]) -> np.ndarray:
    """Return the distance (...) between two landmarks."""
    return np.linalg.norm(points[..., corners[0], :] - points[..., corners[1], :], axis=-1)


def _behind(points: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Move points (..., 3) back by depths (...)."""
    return points - np.stack([0 * depth, 0 * depth, depth], -1)
