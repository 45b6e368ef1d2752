"""Holes in a face's surface: eyes and mouth are closed with a fan of triangles, the outline stays open."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np

from headroom.face.basel import LinearFace
from headroom.face.mesh import boundary_edges
from headroom.face.model import FaceModel
from headroom.face.topology import CAVITY_DEPTH, CAVITY_SHADE


def boundary_loops(faces: np.ndarray) -> list[np.ndarray]:
    """Return the vertices around each hole and around the outline, in the direction of the triangles' edges.

    Hand-written, because the outlines of trimesh split where two holes share a vertex.
    """
    following: dict[int, list[int]] = defaultdict(list)
    for start, end in boundary_edges(faces).tolist():
        following[start].append(end)
    loops = []
    while following:
        first = current = next(iter(following))
        loop = []
        while current in following:
            loop.append(current)
            ends = following[current]
            onwards = ends.pop()
            if not ends:
                del following[current]
            current = onwards
            if current == first:
                break
        loops.append(np.array(loop))
    return loops


def close_holes(face: LinearFace) -> tuple[LinearFace, list[np.ndarray]]:
    """Close every hole except the outline; return the face and the vertices around each hole.

    Hole i is closed by a fan to a new vertex V + i, which has the mean values of the vertices around the hole.
    Hand-written, because `trimesh.repair.fill_holes` would close the outline too, and adds no vertex to its fans.
    """
    loops = boundary_loops(face.faces)
    outline = max(range(len(loops)), key=lambda i: _perimeter(face.mean[loops[i]]), default=-1)
    holes = [loop for i, loop in enumerate(loops) if i != outline]
    fans = [np.stack([np.roll(loop, -1), loop, np.full(len(loop), len(face.mean) + i)], 1)
            for i, loop in enumerate(holes)]

    def extended(values: np.ndarray) -> np.ndarray:
        centres = [values[loop].mean(0, keepdims=True) for loop in holes]
        return np.concatenate([values, *centres]).astype(np.float32)

    closed = replace(
        face, mean=extended(face.mean), identity_basis=extended(face.identity_basis),
        expression_basis=extended(face.expression_basis), albedo_mean=extended(face.albedo_mean),
        albedo_basis=extended(face.albedo_basis), faces=np.concatenate([face.faces, *fans]).astype(np.int32),
    )
    return closed, holes


def mouth_hole(mean: np.ndarray, holes: list[np.ndarray], centre: np.ndarray, width: float) -> int | None:
    """Return the index of the hole that is the mouth, None where no hole is near it.

    mean: (V, 3) face, mm.
    holes: vertices around each hole.
    centre: (3,) mm, centre of the mouth; width: of the mouth, mm.
    """
    distances = [float(np.linalg.norm(mean[hole].mean(0) - centre)) for hole in holes]
    nearest = int(np.argmin(distances)) if distances else None
    return nearest if nearest is not None and distances[nearest] < width / 2 else None


def add_cavity(model: FaceModel, vertex: int, width: float) -> FaceModel:
    """Return the model with the mouth's centre vertex moved back behind the lips and darkened.

    width: of the mouth, mm.
    """
    mean, colour, colours = model.mean.copy(), model.albedo_mean.copy(), model.albedo_basis.copy()
    mean[vertex, 2] -= CAVITY_DEPTH * width
    colour[vertex] *= CAVITY_SHADE
    colours[vertex] *= CAVITY_SHADE
    return replace(model, mean=mean, albedo_mean=colour, albedo_basis=colours)


def _perimeter(points: np.ndarray) -> float:
    """Return the length, mm, of the closed polygon through points (N, 3)."""
    return float(np.linalg.norm(points - np.roll(points, 1, axis=0), axis=1).sum())
