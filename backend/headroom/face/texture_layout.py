"""Texture coordinates for a face that came without: a cylinder unrolled, its folds spread out."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

LEAST_RADIUS_MM, MOST_RADIUS_MM = 85.0, 115.0
"""Of the cylinder: from the tip of the nose to the axis; a face that reaches further back gets the larger one."""

_MARGIN = 1.04


def texture_coordinates(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """uv (V, 2), origin bottom left, of a face (V, 3) with its mouth open, millimetres, model axes.

    Unrolled from a cylinder about the face's vertical axis. What the cylinder folds over - nostrils, ears, a bag
    behind the lips - is laid between what surrounds it, so that no two places share a piece of the texture.
    """
    flat = _spread_folds(_unrolled(points), faces)
    low, high = flat.min(0), flat.max(0)
    return ((flat - (low + high) / 2) / ((high - low) * _MARGIN) + 0.5).astype(np.float32)


def depth_inside(uv: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """(V,) 0 outside of the polygon through the vertices `ring`, rising to 1 at what lies deepest inside of it."""
    outline = uv[ring].astype(np.float32)
    low, high = outline.min(0), outline.max(0)
    depth = np.zeros(len(uv))
    for vertex in np.flatnonzero(((uv >= low) & (uv <= high)).all(1)):
        depth[vertex] = max(0.0, cv2.pointPolygonTest(outline, tuple(map(float, uv[vertex])), True))
    depth[ring] = 0
    return (depth / max(depth.max(), 1e-9)).astype(np.float32)


def _unrolled(points: np.ndarray) -> np.ndarray:
    """(V, 2) mm: along the cylinder's circumference, and up."""
    front = points[:, 2].max()
    radius = float(np.clip(front - points[:, 2].min(), LEAST_RADIUS_MM, MOST_RADIUS_MM))
    angle = np.arctan2(points[:, 0], points[:, 2] - (front - radius))
    return np.stack([angle * radius, points[:, 1]], 1).astype(np.float64)


def _spread_folds(flat: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Positions (V, 2) with every folded vertex moved to the mean of its neighbours; the others stay."""
    free = _folded(flat, faces)
    if not free.any() or free.all():
        return flat
    links = _neighbours(faces, len(flat))
    degree = sparse.diags(np.asarray(links.sum(1)).ravel())
    laplacian = (degree - links).tocsr()[free]
    flat = flat.copy()
    flat[free] = spsolve(laplacian[:, free].tocsc(), -laplacian[:, ~free] @ flat[~free])
    return flat


def _folded(flat: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(V,) vertices that are connected to the largest sheet of outward triangles but are not in its plain part."""
    a, b, c = (flat[faces[:, i]] for i in range(3))
    upright = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]) > 0
    _, sheet = connected_components(_neighbours(faces[upright], len(flat)), directed=False)
    _, piece = connected_components(_neighbours(faces, len(flat)), directed=False)
    largest = np.bincount(sheet).argmax()
    folded = sheet != largest
    folded[faces[~upright]] = True
    return folded & (piece == piece[sheet == largest][0])


def _neighbours(faces: np.ndarray, count: int) -> sparse.csr_matrix:
    """(V, V) 1 where two vertices share a triangle."""
    rows = np.concatenate([faces[:, [0, 1, 2]].ravel(), faces[:, [1, 2, 0]].ravel()])
    columns = np.concatenate([faces[:, [1, 2, 0]].ravel(), faces[:, [0, 1, 2]].ravel()])
    links = sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), (count, count)).tocsr()
    links.data[:] = 1
    return links
