"""Holes of a face's surface: eyes and mouth are closed with a fan of triangles, the outline stays open."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np

from headroom.face.basel import LinearFace
from headroom.face.model import FaceModel
from headroom.face.topology import CAVITY_DEPTH, CAVITY_SHADE


def border_loops(faces: np.ndarray) -> list[np.ndarray]:
    """Vertices around each hole and around the outline, in the direction of the triangles' own edges (F, 3)."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    count = int(faces.max()) + 1
    lone = edges[~np.isin(edges @ [count, 1], edges @ [1, count])]
    following: dict[int, list[int]] = defaultdict(list)
    for start, end in lone.tolist():
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
    """The face with a fan to a new middle vertex in every hole but the outline, and the vertices around each hole.

    The middle of hole i is the vertex V + i; it moves and is coloured as the mean of the vertices around it.
    """
    loops = border_loops(face.faces)
    outline = max(range(len(loops)), key=lambda i: _length(face.mean[loops[i]]), default=-1)
    holes = [loop for i, loop in enumerate(loops) if i != outline]
    fans = [np.stack([np.roll(loop, -1), loop, np.full(len(loop), len(face.mean) + i)], 1)
            for i, loop in enumerate(holes)]

    def extended(values: np.ndarray) -> np.ndarray:
        middles = [values[loop].mean(0, keepdims=True) for loop in holes]
        return np.concatenate([values, *middles]).astype(np.float32)

    closed = replace(
        face, mean=extended(face.mean), identity_basis=extended(face.identity_basis),
        expression_basis=extended(face.expression_basis), albedo_mean=extended(face.albedo_mean),
        albedo_basis=extended(face.albedo_basis), faces=np.concatenate([face.faces, *fans]).astype(np.int32),
    )
    return closed, holes


def mouth_hole(mean: np.ndarray, holes: list[np.ndarray], centre: np.ndarray, width: float) -> int | None:
    """Which hole of a face (V, 3) is the mouth, whose centre (3,) and width are known, mm; None if it has none."""
    away = [float(np.linalg.norm(mean[hole].mean(0) - centre)) for hole in holes]
    nearest = int(np.argmin(away)) if away else None
    return nearest if nearest is not None and away[nearest] < width / 2 else None


def with_cavity(model: FaceModel, middle: int, width: float) -> FaceModel:
    """The model with vertex `middle` drawn back behind the lips and darkened; width: of the mouth, mm."""
    mean, colour, colours = model.mean.copy(), model.albedo_mean.copy(), model.albedo_basis.copy()
    mean[middle, 2] -= CAVITY_DEPTH * width
    colour[middle] *= CAVITY_SHADE
    colours[middle] *= CAVITY_SHADE
    return replace(model, mean=mean, albedo_mean=colour, albedo_basis=colours)


def _length(points: np.ndarray) -> float:
    """Once around points (N, 3), mm."""
    return float(np.linalg.norm(points - np.roll(points, 1, axis=0), axis=1).sum())
