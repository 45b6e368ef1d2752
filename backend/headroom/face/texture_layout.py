"""Texture coordinates for an imported face: unrolled from a cylinder, with its folds flattened."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

from headroom.face.mesh import vertex_adjacency

MIN_RADIUS_MM, MAX_RADIUS_MM = 85.0, 115.0
"""Limits of the cylinder's radius, which is the face's depth from the tip of the nose."""

_MARGIN = 1.04


def texture_coordinates(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return uv (V, 2) float32, origin bottom left, of a face with its mouth open.

    The face is unrolled from a cylinder about its vertical axis. Parts that overlap in the unrolled surface (nostrils,
    ears, a cavity behind the lips) are spread between their neighbours, so that no two parts share texels.

    points: (V, 3) mm, model axes.
    faces: (F, 3).
    """
    flat = _spread_folds(_unrolled(points), faces)
    low, high = flat.min(0), flat.max(0)
    return ((flat - (low + high) / 2) / ((high - low) * _MARGIN) + 0.5).astype(np.float32)


def depth_inside(uv: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """Return (V,) float32: 0 outside of the polygon through the vertices `ring`, rising to 1 at its deepest vertex."""
    outline = uv[ring].astype(np.float32)
    low, high = outline.min(0), outline.max(0)
    depth = np.zeros(len(uv))
    for vertex in np.flatnonzero(((uv >= low) & (uv <= high)).all(1)):
        depth[vertex] = max(0.0, cv2.pointPolygonTest(outline, tuple(map(float, uv[vertex])), True))
    depth[ring] = 0
    return (depth / max(depth.max(), 1e-9)).astype(np.float32)


def _unrolled(points: np.ndarray) -> np.ndarray:
    """Return (V, 2) mm: position along the cylinder's circumference, and height."""
    front = points[:, 2].max()
    radius = float(np.clip(front - points[:, 2].min(), MIN_RADIUS_MM, MAX_RADIUS_MM))
    angle = np.arctan2(points[:, 0], points[:, 2] - (front - radius))
    return np.stack([angle * radius, points[:, 1]], 1).astype(np.float64)


def _spread_folds(flat: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return positions (V, 2) with every folded vertex at the mean of its neighbours (a Laplace equation)."""
    free = _folded(flat, faces)
    if not free.any() or free.all():
        return flat
    adjacency = vertex_adjacency(faces, len(flat))
    degree = sparse.diags(np.asarray(adjacency.sum(1)).ravel())
    laplacian = (degree - adjacency).tocsr()[free]
    flat = flat.copy()
    flat[free] = spsolve(laplacian[:, free].tocsc(), -laplacian[:, ~free] @ flat[~free])
    return flat


def _folded(flat: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return (V,) bool: vertices that belong to the largest unfolded sheet's component, but not to its plain part."""
    a, b, c = (flat[faces[:, i]] for i in range(3))
    upright = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]) > 0
    _, sheet = connected_components(vertex_adjacency(faces[upright], len(flat)), directed=False)
    _, component = connected_components(vertex_adjacency(faces, len(flat)), directed=False)
    largest = np.bincount(sheet).argmax()
    folded = sheet != largest
    folded[faces[~upright]] = True
    return folded & (component == component[sheet == largest][0])
