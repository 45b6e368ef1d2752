"""Loop subdivision of the control mesh, as matrices from control values to vertex values."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from headroom.face.mesh import Edge, triangles_at_edges
from headroom.face.topology import CONTROLS


@dataclass(frozen=True)
class SubdivisionSurface:
    """A control mesh and the surface that repeated Loop subdivision makes of it.

    Hand-written, because `trimesh.remesh.subdivide_loop` moves vertices and returns no matrix, and the model's bases
    and colours are subdivided too.

    triangles: (F0, 3) over the control points, counter-clockwise from outside.
    levels: number of subdivisions; each splits a triangle into four.
    """

    triangles: np.ndarray
    levels: int = 2

    @cached_property
    def faces(self) -> np.ndarray:
        """(F, 3) int32 triangles of the surface."""
        return self._subdivided[0]

    @cached_property
    def smooth_weights(self) -> np.ndarray:
        """(V, C) float32: vertex values are smooth_weights @ control values; the first C vertices interpolate them."""
        smooth = self._subdivided[1].toarray()
        # Loop's scheme pulls vertices inwards; solving for controls whose limits are the landmarks makes it interpolate
        return (smooth @ np.linalg.inv(smooth[:CONTROLS])).astype(np.float32)

    @cached_property
    def linear_weights(self) -> np.ndarray:
        """(V, C) float32: the same vertices by edge midpoints, for texture coordinates, which must not overshoot."""
        return self._subdivided[2].toarray().astype(np.float32)

    @cached_property
    def _subdivided(self) -> tuple[np.ndarray, sparse.csr_matrix, sparse.csr_matrix]:
        faces, smooth = self.triangles, sparse.identity(CONTROLS, format="csr")
        linear = smooth
        for _ in range(self.levels):
            step = _LoopStep(faces, smooth.shape[0])
            faces, smooth, linear = step.faces(), step.smooth_weights() @ smooth, step.linear_weights() @ linear
        return faces, smooth, linear


class _LoopStep:
    """One Loop subdivision of `faces` (F, 3) over `count` vertices; each edge gets a new vertex."""

    def __init__(self, faces: np.ndarray, count: int):
        self.triangles, self.count = faces, count
        self.owners = triangles_at_edges([tuple(t) for t in faces])
        self.edges = sorted(self.owners)
        self.vertex_of_edge: dict[Edge, int] = {edge: count + i for i, edge in enumerate(self.edges)}

    def faces(self) -> np.ndarray:
        """Return the triangles (4 F, 3) of the finer mesh."""
        finer = []
        for a, b, c in self.triangles:
            ab, bc, ca = (self.vertex_of_edge[min(e), max(e)] for e in ((a, b), (b, c), (c, a)))
            finer += [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
        return np.array(finer, np.int32)

    def smooth_weights(self) -> sparse.csr_matrix:
        """Return Loop's weights (count + edges, count)."""
        rows, columns, values = [], [], []

        def add_row(row: int, terms: dict[int, float]) -> None:
            for column, value in terms.items():
                rows.append(row)
                columns.append(column)
                values.append(value)

        neighbours, boundary = defaultdict(set), defaultdict(list)
        for (a, b), owners in self.owners.items():
            neighbours[a].add(b)
            neighbours[b].add(a)
            if len(owners) == 1:
                boundary[a].append(b)
                boundary[b].append(a)
                add_row(self.vertex_of_edge[a, b], {a: 0.5, b: 0.5})
            else:
                terms = {a: 0.375, b: 0.375}
                for owner in owners:
                    opposite = next(v for v in self.triangles[owner] if v not in (a, b))
                    terms[opposite] = terms.get(opposite, 0) + 0.125
                add_row(self.vertex_of_edge[a, b], terms)
        for vertex in range(self.count):
            if vertex in boundary:
                add_row(vertex, {vertex: 0.75, **{n: 0.125 for n in boundary[vertex]}})
            elif n := len(neighbours[vertex]):
                beta = 3 / 16 if n == 3 else 3 / (8 * n)
                add_row(vertex, {vertex: 1 - n * beta, **{m: beta for m in neighbours[vertex]}})
            else:
                add_row(vertex, {vertex: 1.0})  # an iris, which no triangle has
        return sparse.csr_matrix((values, (rows, columns)), (self.count + len(self.edges), self.count))

    def linear_weights(self) -> sparse.csr_matrix:
        """Return the weights (count + edges, count) that keep vertices and put new ones at edge midpoints."""
        ends = np.array(self.edges)
        old, new = np.arange(self.count), np.arange(len(ends)) + self.count
        values = np.concatenate([np.ones(self.count), np.full(2 * len(ends), 0.5)])
        rows, columns = np.concatenate([old, new, new]), np.concatenate([old, ends[:, 0], ends[:, 1]])
        return sparse.csr_matrix((values, (rows, columns)), (self.count + len(ends), self.count))
