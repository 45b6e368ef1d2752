"""The surface of the bundled face model: MediaPipe's 468 points, eyes and mouth closed, subdivided smoothly.

Control points are the values that the model stores; `SubdivisionSurface.refine` turns them into the vertices that are drawn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

MESH_POINTS = 468
RIGHT_IRIS, LEFT_IRIS = 468, 473
"""MediaPipe's iris centres; right and left are the subject's."""

CONTROLS = MESH_POINTS + 5
"""Control points: the mesh, the right iris, the left iris, the bottom of the mouth cavity and those of the right and
the left eye's socket.
"""
IRISES = (MESH_POINTS, MESH_POINTS + 1)
MOUTH_CAVITY = MESH_POINTS + 2
SOCKETS = (MESH_POINTS + 3, MESH_POINTS + 4)
CAVITY_DEPTH, CAVITY_SHADE = 0.35, 0.45
"""How far behind the lips the mouth's fan ends, in mouth widths, and its colour, as a share of the lips' own."""
SOCKET_DEPTH, SOCKET_SHADE = 0.4, 0.8
"""How far behind the lids the fan of an eye's opening ends, in widths of the eye, and its colour, as a share of the
lids' own.
"""

UPPER_INNER_LIP, LOWER_INNER_LIP = 13, 14
INNER_LIPS = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
"""Landmarks once around the mouth's opening, from its right corner."""
EYE_LIDS = ((159, 145), (386, 374))
"""Upper and lower lid of the right and the left eye."""
EYE_CORNERS = ((33, 133), (362, 263))
"""Corners of the right and the left eye."""


def eye_distance(points: np.ndarray) -> np.ndarray:
    """(...) between the irises of landmarks (..., 478, 3), in their unit."""
    return np.linalg.norm(points[..., RIGHT_IRIS, :] - points[..., LEFT_IRIS, :], axis=-1)


def landmarks_to_controls(points: np.ndarray) -> np.ndarray:
    """Control points (..., 473, 3) of landmarks (..., 478, 3) in model axes: the cavity lies behind the inner lips, the
    sockets behind the lids, the irises as deep as these, for the landmark network's depth of an iris is a guess.
    """
    cavity = _behind(points[..., inner_lips(), :].mean(-2), CAVITY_DEPTH * _width(points, (78, 308)))
    irises, sockets = [], []
    for iris, corners, right in zip((RIGHT_IRIS, LEFT_IRIS), EYE_CORNERS, (True, False)):
        lids, width = points[..., points_of(_eye(right)), :].mean(-2), _width(points, corners)
        irises.append(np.concatenate([points[..., iris, :2], lids[..., 2:]], axis=-1))
        sockets.append(_behind(lids, SOCKET_DEPTH * width))
    return np.concatenate([points[..., :MESH_POINTS, :], np.stack([*irises, cavity, *sockets], -2)], axis=-2)


def control_landmarks() -> np.ndarray:
    """(470,) MediaPipe's number of each control point but cavity and sockets, which have none."""
    return np.concatenate([np.arange(MESH_POINTS), [RIGHT_IRIS, LEFT_IRIS]])


def control_triangles() -> np.ndarray:
    """Triangles (F, 3) over the control points, not yet turned face_outwards; eyes and mouth are fans to what lies behind
    them. The irises are in none.
    """
    edges = _tessellation_edges()
    neighbours = defaultdict(set)
    for a, b in edges:
        neighbours[a].add(b)
        neighbours[b].add(a)
    triangles: list[tuple[int, ...]] = [
        (a, b, c) for a, b in sorted(edges) for c in sorted(neighbours[a] & neighbours[b]) if c > b
    ]
    use = _edge_use(triangles)
    # two rings of three edges around a point look like triangles and are none: each of their edges is used three times
    triangles = [t for t in triangles if any(len(use[e]) < 3 for e in _edges_of(t))]
    fans = []
    loops = (_eye(right=True), _eye(right=False), _lips())
    for centre, loop in zip((*SOCKETS, MOUTH_CAVITY), loops):
        fans += [(centre, a, b) for a, b in loop]
    return np.array(triangles + fans, np.int32)


def inner_lips() -> list[int]:
    """The landmarks of the inner lip ring, in no particular order."""
    return points_of(_lips())


def lid_loop(right: bool) -> list[int]:
    """The landmarks of the right or the left eye's lids, once around."""
    following: dict[int, list[int]] = defaultdict(list)
    for a, b in _eye(right):
        following[a].append(b)
        following[b].append(a)
    loop = [min(following)]
    while len(loop) < len(following):
        loop.append(next(point for point in following[loop[-1]] if point not in loop))
    return loop


def points_of(edges: Iterable[tuple[int, int]]) -> list[int]:
    """The landmarks that edges join, in ascending order."""
    return sorted({point for edge in edges for point in edge})


def mirror_pairs(mean: np.ndarray) -> np.ndarray:
    """(C,) the control point on the other side of each; mean (C, 3) of a roughly symmetric face."""
    from scipy.optimize import linear_sum_assignment

    mirrored = mean * [-1, 1, 1]
    distance = np.linalg.norm(mean[:, None] - mirrored[None], axis=-1)
    _, pairs = linear_sum_assignment(distance**2)
    return np.where(pairs[pairs] == np.arange(len(pairs)), pairs, np.arange(len(pairs)))


@dataclass(frozen=True)
class SubdivisionSurface:
    """triangles: (F0, 3) over the control points, counter-clockwise from outside; levels: how often each is split."""

    triangles: np.ndarray
    levels: int = 2

    @cached_property
    def faces(self) -> np.ndarray:
        """(F, 3) int32 triangles of the drawn surface."""
        return self._subdivided[0]

    @cached_property
    def refine(self) -> np.ndarray:
        """(V, C) float32: drawn vertices = refine @ control values; the first C meet their controls exactly."""
        smooth = self._subdivided[1].toarray()
        # Loop's scheme pulls vertices inwards; solving for the controls that end on the landmarks makes it interpolate
        return (smooth @ np.linalg.inv(smooth[:CONTROLS])).astype(np.float32)

    @cached_property
    def refine_flat(self) -> np.ndarray:
        """(V, C) the same vertices by plain edge midpoints: for texture coordinates, which must not overshoot."""
        return self._subdivided[2].toarray().astype(np.float32)

    @cached_property
    def _subdivided(self) -> tuple[np.ndarray, sparse.csr_matrix, sparse.csr_matrix]:
        faces, smooth = self.triangles, sparse.identity(CONTROLS, format="csr")
        flat = smooth
        for _ in range(self.levels):
            faces, once_smooth, once_flat = _loop_step(faces, smooth.shape[0])
            smooth, flat = once_smooth @ smooth, once_flat @ flat
        return faces, smooth, flat


def _loop_step(faces: np.ndarray, count: int) -> tuple[np.ndarray, sparse.csr_matrix, sparse.csr_matrix]:
    """One step of Loop subdivision: new faces, the smoothing matrix and the plain midpoint matrix."""
    use = _edge_use([tuple(t) for t in faces])
    index = {edge: count + i for i, edge in enumerate(sorted(use))}
    rows, columns, values = [], [], []

    def put(row: int, terms: dict[int, float]) -> None:
        for column, value in terms.items():
            rows.append(row)
            columns.append(column)
            values.append(value)

    neighbours, border = defaultdict(set), defaultdict(list)
    for (a, b), owners in use.items():
        neighbours[a].add(b)
        neighbours[b].add(a)
        if len(owners) == 1:
            border[a].append(b)
            border[b].append(a)
            put(index[a, b], {a: 0.5, b: 0.5})
        else:
            terms = {a: 0.375, b: 0.375}
            for owner in owners:
                opposite = next(v for v in faces[owner] if v not in (a, b))
                terms[opposite] = terms.get(opposite, 0) + 0.125
            put(index[a, b], terms)
    for vertex in range(count):
        if vertex in border:
            put(vertex, {vertex: 0.75, **{n: 0.125 for n in border[vertex]}})
        elif n := len(neighbours[vertex]):
            beta = 3 / 16 if n == 3 else 3 / (8 * n)
            put(vertex, {vertex: 1 - n * beta, **{m: beta for m in neighbours[vertex]}})
        else:
            put(vertex, {vertex: 1.0})  # an iris, which is no part of the skin
    shape = (count + len(index), count)
    smooth = sparse.csr_matrix((values, (rows, columns)), shape)
    pairs = np.array(sorted(index))
    middle = np.arange(len(pairs)) + count
    flat = sparse.csr_matrix(
        (
            np.concatenate([np.ones(count), np.full(2 * len(pairs), 0.5)]),
            (
                np.concatenate([np.arange(count), middle, middle]),
                np.concatenate([np.arange(count), pairs[:, 0], pairs[:, 1]]),
            ),
        ),
        shape,
    )
    finer = []
    for a, b, c in faces:
        ab, bc, ca = (index[tuple(sorted(edge))] for edge in ((a, b), (b, c), (c, a)))
        finer += [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return np.array(finer, np.int32), smooth, flat


def orient_triangles(triangles: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The triangles wound the same way, counter-clockwise seen from outside (+z), by walking over shared edges."""
    triangles = triangles.copy()
    use = _edge_use([tuple(t) for t in triangles])
    done, stack = {0}, [0]
    while stack:
        current = stack.pop()
        a, b, c = triangles[current]
        for edge in ((a, b), (b, c), (c, a)):
            for other in use[tuple(sorted(edge))]:
                if other not in done:
                    p, q, r = triangles[other]
                    if edge in ((p, q), (q, r), (r, p)):
                        triangles[other] = (p, r, q)
                    done.add(other)
                    stack.append(other)
    return face_outwards(triangles, points)


def face_outwards(triangles: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Triangles (F, 3) that are wound alike, all turned over if that makes them counter-clockwise from outside (+z)."""
    a, b, c = (points[triangles[:, i]] for i in range(3))
    outward = np.cross(b - a, c - a)[:, 2].sum()
    return triangles if outward > 0 else triangles[:, [0, 2, 1]]


def _tessellation_edges() -> set[tuple[int, int]]:
    from mediapipe.python.solutions import face_mesh_connections

    return {(min(e), max(e)) for e in face_mesh_connections.FACEMESH_TESSELATION}


def _eye(right: bool) -> list[tuple[int, int]]:
    from mediapipe.python.solutions import face_mesh_connections as connections

    return sorted(connections.FACEMESH_RIGHT_EYE if right else connections.FACEMESH_LEFT_EYE)


def _lips() -> list[tuple[int, int]]:
    """Edges of the inner lip ring: those lip edges that only one triangle of the tessellation uses."""
    return list(zip(INNER_LIPS, [*INNER_LIPS[1:], INNER_LIPS[0]]))


def _width(points: np.ndarray, corners: tuple[int, int]) -> np.ndarray:
    """(...) from one landmark to the other."""
    return np.linalg.norm(points[..., corners[0], :] - points[..., corners[1], :], axis=-1)


def _behind(points: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Points (..., 3) moved back by depths (...)."""
    return points - np.stack([0 * depth, 0 * depth, depth], -1)


def _edges_of(triangle: tuple[int, ...]) -> list[tuple[int, int]]:
    a, b, c = triangle
    return [(min(a, b), max(a, b)), (min(b, c), max(b, c)), (min(a, c), max(a, c))]


def _edge_use(triangles: list[tuple[int, ...]]) -> dict[tuple[int, int], list[int]]:
    use: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, triangle in enumerate(triangles):
        for edge in _edges_of(triangle):
            use[edge].append(index)
    return use
