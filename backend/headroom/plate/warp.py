"""Move the head of a plate to another pose: shoulders and background stay, what lies between follows smoothly."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.face.camera import Camera, place

Floats = NDArray[np.floating]
Pose = tuple[Floats, Floats]
"""rotation (3,) radians, translation (3,) millimetres."""

GRID = 16  # pixels of the frame between two points of the displacement grid, at 720 lines
FALL_OFF = 0.55  # width of the surroundings that follow, in head sizes
STEEPEST = 3.0  # the same, at least, in displacements, so that the picture never folds over
SOFTNESS = 0.03  # how far each head point's own displacement reaches, in head sizes
STILL = 1e-3  # pixels; less than this is no motion


def warp_plate(
    plate: NDArray[np.uint8], camera: Camera, from_pose: Pose, to_pose: Pose, head_points: Floats
) -> NDArray[np.uint8]:
    """`plate` (H, W, 3) uint8 with its head moved from the pose it was filmed in to another one.

    head_points (K, 3): millimetres, model axes, visible points of the person's head out to ears and hair. Pixels
    further than the surroundings of the head keep their value; equal poses give the plate itself.
    """
    here = camera.project(place(head_points, *map(np.asarray, from_pose)))
    wanted = camera.project(place(head_points, *map(np.asarray, to_pose)))
    farthest = float(np.linalg.norm(wanted - here, axis=1).max())
    if farthest < STILL:
        return plate
    hull = cv2.convexHull(np.concatenate([here, wanted]).astype(np.float32))[:, 0]
    size = float(np.ptp(wanted, axis=0).max())
    band = max(FALL_OFF * size, STEEPEST * farthest)
    window = _window(hull, band, plate.shape)
    if window is None:
        return plate
    left, top, right, bottom = window
    spacing = max(round(GRID * plate.shape[0] / 720), 2)
    columns, rows = _axis(left, right, spacing), _axis(top, bottom, spacing)
    grid = np.stack(np.meshgrid(columns, rows), axis=-1)
    follow = _following(grid, hull, band)
    shift = follow[..., None] * _head_shift(grid, wanted, here, SOFTNESS * size)
    source = _pixel_map(shift, window, columns, rows)
    out = plate.copy()
    out[top:bottom, left:right] = cv2.remap(
        plate, source[..., 0], source[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return out


def _window(hull: Floats, band: float, shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of the part of the frame that may change, whole pixels; None when it is outside."""
    low = np.floor(hull.min(axis=0) - band).astype(int)
    high = np.ceil(hull.max(axis=0) + band).astype(int) + 1
    left, top = max(int(low[0]), 0), max(int(low[1]), 0)
    right, bottom = min(int(high[0]), shape[1]), min(int(high[1]), shape[0])
    return (left, top, right, bottom) if right > left and bottom > top else None


def _axis(start: int, end: int, spacing: int) -> NDArray[np.float64]:
    """Evenly spaced grid positions over the pixels start..end, frame coordinates."""
    return np.linspace(start, end, max((end - start) // spacing, 1) + 1)


def _following(grid: Floats, hull: Floats, band: float) -> NDArray[np.float64]:
    """How much of the head's motion each grid point (h, w, 2) takes part in: 1 on the head, 0 beyond `band`."""
    distance = _distance_to_hull(grid, hull)
    part = np.clip(1 - distance / band, 0, 1)
    return part * part * (3 - 2 * part)


def _distance_to_hull(points: Floats, hull: Floats) -> NDArray[np.float64]:
    """Pixels (h, w) from points (h, w, 2) to a convex polygon (N, 2), zero inside."""
    nearest = np.full(points.shape[:2], np.inf)
    sides = []
    for a, b in zip(hull, np.roll(hull, -1, axis=0)):
        edge, offset = (b - a).astype(np.float64), points - a
        along = np.clip(offset @ edge / max(edge @ edge, 1e-9), 0, 1)
        nearest = np.minimum(nearest, np.linalg.norm(offset - along[..., None] * edge, axis=-1))
        sides.append(edge[0] * offset[..., 1] - edge[1] * offset[..., 0])
    turned = np.stack(sides)
    inside = (turned >= 0).all(axis=0) | (turned <= 0).all(axis=0)
    return np.where(inside, 0.0, nearest)


def _head_shift(grid: Floats, wanted: Floats, here: Floats, softness: float) -> NDArray[np.float64]:
    """Where each grid point (h, w, 2) of the moved head comes from, as a shift in pixels (h, w, 2).

    The affine motion that fits the projected head points (K, 2) best, and what it leaves over at each of them (the head
    is not flat), spread to its neighbours with inverse-distance weights.
    """
    centre = wanted.mean(axis=0)
    basis = np.column_stack([wanted - centre, np.ones(len(wanted))])
    motion, *_ = np.linalg.lstsq(basis, here - wanted, rcond=None)
    left_over = here - wanted - basis @ motion
    points = grid.reshape(-1, 2)
    squared = ((points[:, None] - wanted[None]) ** 2).sum(-1) + (0.25 * softness) ** 2
    weight = 1 / (squared * np.sqrt(squared))
    far = (3 * softness) ** -3.0  # beyond the points the affine motion rules
    spread = (weight @ left_over) / (weight.sum(axis=1, keepdims=True) + far)
    return ((points - centre) @ motion[:2] + motion[2] + spread).reshape(grid.shape)


def _pixel_map(shift: Floats, window: tuple[int, int, int, int], columns: Floats, rows: Floats) -> NDArray[np.float32]:
    """The grid's shift brought to every pixel of the window and added to its place: (h, w, 2) for cv2.remap."""
    left, top, right, bottom = window
    x, y = np.arange(left, right, dtype=np.float32), np.arange(top, bottom, dtype=np.float32)
    on_grid_x = ((x + 0.5 - columns[0]) / (columns[1] - columns[0])).astype(np.float32)
    on_grid_y = ((y + 0.5 - rows[0]) / (rows[1] - rows[0])).astype(np.float32)
    grid_x, grid_y = np.meshgrid(on_grid_x, on_grid_y)
    dense = np.asarray(cv2.remap(shift.astype(np.float32), grid_x, grid_y, cv2.INTER_LINEAR), np.float32)
    dense[..., 0] += x
    dense[..., 1] += y[:, None]
    return dense
