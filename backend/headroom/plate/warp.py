"""Warping a plate to another head pose: the person moves with the head, less towards the shoulders.

Every pixel of the new picture casts a ray at the head's surface in the new pose, and takes its colour from where that
point of the surface was in the plate (paper, section 3.3, face profiling). Over neck and shoulders the displacement
falls off. The subject's background picture fills what the displacement uncovers behind the person; the rest of the
background is the plate's own and does not move.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.common.smoothstep import smoothstep
from headroom.face.camera import Camera, pose_vertices, rotation_matrix
from headroom.plate.head_surface import MARGIN_MM, HeadSurface, Pose
from headroom.plate.matte import PersonMatte
from headroom.plate.reprojection import Rect, SurroundingMotion

Floats = NDArray[np.floating]

GRID_SPACING = 8  # pixels between points of the displacement grid in a frame of 720 rows
FALLOFF_MM = 130.0  # beyond the head, over which neck and shoulders follow it less and less
MIN_FALLOFF_RATIO = 3.0  # of the falloff's length to the displacement; a steeper falloff would fold the picture over
HAIR_MM = 6.0  # beyond the matte's outline that move with the head: what a coarse matte leaves out
FEATHER_MM = 14.0  # beyond those, over which small displacements fade out
LAYER_MOTION = 3.0  # pixels; displacements this large show the background layer, smaller ones stretch the plate
MIN_MOTION = 0.01  # pixels; smaller displacements count as none


@dataclass(frozen=True)
class HeadMotion:
    """From the pose in a plate to the wanted one.

    surrounding: what the expression displaces around the face besides; None for nothing.
    """

    from_pose: Pose
    to_pose: Pose
    surrounding: SurroundingMotion | None = None


@dataclass(frozen=True)
class Background:
    """The background of one plate.

    matte: (h, w) uint8, coarse, 255 where the plate shows the person.
    picture: (H, W, 3) uint8, the background without the person.
    """

    matte: NDArray[np.uint8]
    picture: NDArray[np.uint8]


def warp_plate(
    plate: NDArray[np.uint8], background: Background, camera: Camera, motion: HeadMotion, surface: HeadSurface,
    hidden: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint8]:
    """Return a copy of `plate` (H, W, 3) uint8 with its head moved from the pose that it shows to the wanted one.

    Pixels away from the head keep their value, and all of them where the poses are equal and nothing moves around the
    face.

    hidden: (H, W) pixels that do not matter, because something is painted over them; they may keep their value too.
    """
    from headroom.plate.plate_kernels import Cells, Layers, warp_cells  # loads numba

    length = _max_displacement(camera, motion, surface)
    out = plate.copy()
    if length < MIN_MOTION:
        return out
    px_per_mm = camera.focal_px / -float(motion.to_pose[1][2])
    falloff_mm = min(max(FALLOFF_MM, MIN_FALLOFF_RATIO * length / px_per_mm), MARGIN_MM)
    rect = _affected_rect(camera, motion.to_pose, surface, falloff_mm)
    if rect is None:
        return out
    matte = PersonMatte.of(background.matte, plate.shape, HAIR_MM * px_per_mm)
    spacing = _grid_spacing(plate)
    points = _grid_points(rect, spacing)
    displacement, distance = head_displacement(points, camera, motion, surface)
    displacement *= _falloff(distance / falloff_mm)[..., None]
    if motion.surrounding is not None:
        displacement += motion.surrounding.at(points)
    source, kinds = _source_and_kinds(points, displacement, matte, FEATHER_MM * px_per_mm)
    if hidden is None:
        hidden = np.zeros(plate.shape[:2], bool)
    layers = Layers(np.ascontiguousarray(plate), np.ascontiguousarray(background.picture),
                    np.stack([matte.alpha, matte.occlusion]), matte.scale)
    warp_cells(layers, Cells(source, kinds, rect, spacing), hidden, out)
    return out


def _max_displacement(camera: Camera, motion: HeadMotion, surface: HeadSurface) -> float:
    """Return the largest displacement of a point of the head, pixels."""
    before, after = (camera.project(pose_vertices(surface.head_points, *map(np.asarray, pose)))
                     for pose in (motion.from_pose, motion.to_pose))
    length = float(np.linalg.norm(after - before, axis=1).max())
    if motion.surrounding is None:
        return length
    return length + float(np.abs(motion.surrounding.displacement).max())


def _affected_rect(camera: Camera, pose: Pose, surface: HeadSurface, distance_mm: float) -> Rect | None:
    """Return the part of the frame that shows what is less than `distance_mm` off the head; None when there is none."""
    corners = camera.project(pose_vertices(surface.bounding_corners(distance_mm), *map(np.asarray, pose)))
    low, high = np.floor(corners.min(axis=0)).astype(int), np.ceil(corners.max(axis=0)).astype(int) + 1
    left, top = max(int(low[0]), 0), max(int(low[1]), 0)
    right, bottom = min(int(high[0]), camera.width), min(int(high[1]), camera.height)
    return (left, top, right, bottom) if right > left and bottom > top else None


def _grid_spacing(plate: NDArray[np.uint8]) -> int:
    """Return the distance of two grid points in a frame, pixels."""
    return max(round(GRID_SPACING * min(plate.shape[:2]) / 720), 2)


def _grid_points(rect: Rect, spacing: int) -> NDArray[np.float32]:
    """Return the centres (h, w, 2), frame pixels, of cells of `spacing` pixels over `rect` and one cell around it."""
    left, top, right, bottom = rect
    axes = (np.arange(start - spacing / 2, end + 3 * spacing / 2, spacing, dtype=np.float32)
            for start, end in ((left, right), (top, bottom)))
    return np.stack(np.meshgrid(*axes), axis=-1)


def head_displacement(
    points: Floats, camera: Camera, motion: HeadMotion, surface: HeadSurface
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the displacement (h, w, 2), pixels, from points (h, w, 2) in the new picture to the plate.

    It is that of the head's pose alone. The second value is the distance (h, w) of what the points show from the head,
    millimetres.
    """
    x, y = (points[..., 0] - camera.width / 2) / camera.focal_px, (camera.height / 2 - points[..., 1]) / camera.focal_px
    directions = np.dstack([x, y, np.full_like(x, -1)])
    surface_points, distance = surface.intersect(directions, motion.to_pose)
    rotation, translation = rotation_matrix(np.asarray(motion.from_pose[0])), np.asarray(motion.from_pose[1])
    in_camera = surface_points @ rotation.T.astype(np.float32) + translation.astype(np.float32)
    return camera.project(in_camera).astype(np.float32) - points, distance


def _falloff(x: Floats) -> NDArray[np.float32]:
    """Return 1 where `x` is 0 or less, 0 where it is 1 or more, and a smooth transition between."""
    return smoothstep(1 - x)


def _source_and_kinds(
    points: Floats, displacement: NDArray[np.float32], matte: PersonMatte, feather: float
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return `source` and `kinds` of `plate_kernels.Cells` for points and displacement (h, w, 2), frame pixels."""
    target, (x, y) = ([places[..., k] - np.float32(0.5) for k in range(2)]
                      for places in (points, points + displacement))
    length = np.hypot(displacement[..., 0], displacement[..., 1])
    stretch = _falloff(matte.sample(matte.distance, x, y) / feather) * _falloff(length / LAYER_MOTION)
    alpha, occlusion = matte.sample(matte.alpha, x, y), matte.sample(matte.occlusion, *target)
    mixed = alpha < 1
    moving = (length > MIN_MOTION) & ((stretch > 0) | (occlusion > 0) | (alpha > 0))
    moves, is_mixed, uncovers = (_dilated(cells) for cells in (moving, mixed, mixed & (occlusion > 0)))
    kinds = (moves * (1 + is_mixed + (is_mixed & uncovers))).astype(np.uint8)
    return np.stack([x, y, stretch]), kinds


def _dilated(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the cells (h, w) and those that touch them, because interpolation carries values to adjacent points."""
    return cv2.dilate(cells.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
