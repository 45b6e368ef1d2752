"""Connectivity of triangle meshes: edges, boundaries, neighbours and winding."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from scipy import sparse

Edge = tuple[int, int]
"""Two vertices, the smaller number first."""


def edges_of(triangle: tuple[int, ...]) -> list[Edge]:
    """Return the three edges of a triangle."""
    a, b, c = triangle
    return [(min(a, b), max(a, b)), (min(b, c), max(b, c)), (min(a, c), max(a, c))]


def triangles_at_edges(triangles: list[tuple[int, ...]]) -> dict[Edge, list[int]]:
    """Return, for each edge, the indices of the triangles that have it."""
    owners: dict[Edge, list[int]] = defaultdict(list)
    for index, triangle in enumerate(triangles):
        for edge in edges_of(triangle):
            owners[edge].append(index)
    return owners


def boundary_edges(faces: np.ndarray) -> np.ndarray:
    """Return the edges (E, 2) that only one of the triangles (F, 3) has, in the direction of that triangle.

    Hand-written, because importing trimesh takes two seconds, and every tracked clip needs these edges.
    """
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    count = int(faces.max()) + 1
    return edges[~np.isin(edges @ [count, 1], edges @ [1, count])]


def vertex_adjacency(faces: np.ndarray, count: int) -> sparse.csr_matrix:
    """Return a matrix (count, count) that is 1 where two vertices share a triangle (F, 3)."""
    rows = np.concatenate([faces[:, [0, 1, 2]].ravel(), faces[:, [1, 2, 0]].ravel()])
    columns = np.concatenate([faces[:, [1, 2, 0]].ravel(), faces[:, [0, 1, 2]].ravel()])
    adjacency = sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), (count, count)).tocsr()
    adjacency.data[:] = 1
    return adjacency


def orient_triangles(triangles: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the connected triangles (F, 3), all wound counter-clockwise as seen from outside (+z).

    Hand-written, because `trimesh.repair.fix_winding` also changes which corner of a triangle comes first, and with it
    the order of the vertices in the bundled model.
    """
    triangles = triangles.copy()
    owners = triangles_at_edges([tuple(t) for t in triangles])
    done, stack = {0}, [0]
    while stack:
        current = stack.pop()
        a, b, c = triangles[current]
        for edge in ((a, b), (b, c), (c, a)):
            for other in owners[min(edge), max(edge)]:
                if other not in done:
                    p, q, r = triangles[other]
                    if edge in ((p, q), (q, r), (r, p)):
                        triangles[other] = (p, r, q)
                    done.add(other)
                    stack.append(other)
    return face_outwards(triangles, points)


def face_outwards(triangles: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return consistently wound triangles (F, 3), all flipped where that makes them counter-clockwise from +z.

    points: (V, 3), model axes.
    """
    a, b, c = (points[triangles[:, i]] for i in range(3))
    outward = np.cross(b - a, c - a)[:, 2].sum()
    return triangles if outward > 0 else triangles[:, [0, 2, 1]]
