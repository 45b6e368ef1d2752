"""Move the head of a plate to another pose: the person moves, shoulders hold, the background stands still.

Every pixel of the new picture looks along its line of sight at the head's surface in the new pose, and takes its colour
from where that point of the surface was in the plate (paper §3.3, face profiling). Over neck and shoulders this motion
fades. What it uncovers behind the person is the subject's background picture; the rest of the background stays the
plate's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.face.camera import Camera, pose_vertices, rotation_matrix
from headroom.plate.head_surface import AROUND, HeadSurface, Pose
from headroom.plate.matte import Outline, outline

Floats = NDArray[np.floating]
Window = tuple[int, int, int, int]
"""Left, top, right, bottom, whole pixels."""

GRID = 8  # pixels of the frame between two points of the displacement grid, at 720 lines
BAND = 12  # rows of the grid's squares that are sampled at once
FALL_OFF = 130.0  # mm of neck and shoulders that follow
STEEPEST = 3.0  # the same, at least, in displacements, so that the picture never folds over
HAIR = 6.0  # mm beyond the outline that move with the head: what a coarse matte leaves out
SEAM = 14.0  # mm beyond them over which a slight motion ends
LAYERED = 3.0  # pixels of motion from which the background is a layer of its own; by less it may be stretched
STILL = 0.01  # pixels; less than this is no motion


@dataclass(frozen=True)
class Backdrop:
    """What is behind the person: matte (h, w) uint8, coarse, 255 where the plate shows the person; picture (H, W, 3)
    uint8 of the background, sure wherever it is seen beside a moved head.
    """

    matte: NDArray[np.uint8]
    picture: NDArray[np.uint8]


def warp_plate(
    plate: NDArray[np.uint8],
    backdrop: Backdrop,
    camera: Camera,
    from_pose: Pose,
    to_pose: Pose,
    surface: HeadSurface,
) -> NDArray[np.uint8]:
    """`plate` (H, W, 3) uint8 with its head moved from the pose it was filmed in to another one.

    Pixels away from the head keep their value; equal poses give the plate itself.
    """
    farthest = _farthest(camera, from_pose, to_pose, surface)
    if farthest < STILL:
        return plate
    scale = camera.focal_px / -float(to_pose[1][2])
    fall_off = min(max(FALL_OFF, STEEPEST * farthest / scale), AROUND)
    window = _window(camera, to_pose, surface, fall_off)
    if window is None:
        return plate
    person = outline(backdrop.matte, plate.shape, HAIR * scale)
    spacing = _spacing(plate)
    grid = _grid(window, spacing)
    shift, away = _head_shift(grid, camera, from_pose, to_pose, surface)
    shift *= _fading(away / fall_off)[..., None]
    motion = _Motion.of(grid, shift, person, SEAM * scale)
    out = plate.copy()
    for tile in motion.tiles(window, spacing):
        _paint(tile, plate, backdrop.picture, person, out)
    return out


def _farthest(camera: Camera, from_pose: Pose, to_pose: Pose, surface: HeadSurface) -> float:
    """How far the head moves in the picture, pixels."""
    here, wanted = (camera.project(pose_vertices(surface.head, *map(np.asarray, pose))) for pose in (from_pose, to_pose))
    return float(np.linalg.norm(wanted - here, axis=1).max())


def _window(camera: Camera, pose: Pose, surface: HeadSurface, reach: float) -> Window | None:
    """The part of the frame that may change; None when it is outside."""
    corners = camera.project(pose_vertices(surface.corners(reach), *map(np.asarray, pose)))
    low, high = np.floor(corners.min(axis=0)).astype(int), np.ceil(corners.max(axis=0)).astype(int) + 1
    left, top = max(int(low[0]), 0), max(int(low[1]), 0)
    right, bottom = min(int(high[0]), camera.width), min(int(high[1]), camera.height)
    return (left, top, right, bottom) if right > left and bottom > top else None


def _spacing(plate: NDArray[np.uint8]) -> int:
    return max(round(GRID * min(plate.shape[:2]) / 720), 2)


def _grid(window: Window, spacing: int) -> NDArray[np.float32]:
    """Middles (h, w, 2) of the squares of `spacing` pixels that cover a window and of one more all around it, frame
    coordinates."""
    left, top, right, bottom = window
    axes = (np.arange(start - spacing / 2, end + 3 * spacing / 2, spacing, dtype=np.float32)
            for start, end in ((left, right), (top, bottom)))
    return np.stack(np.meshgrid(*axes), axis=-1)


def _head_shift(
    grid: Floats, camera: Camera, from_pose: Pose, to_pose: Pose, surface: HeadSurface
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where each grid point (h, w, 2) of the moved head comes from, as a shift in pixels (h, w, 2), and how far away
    from the head it is (h, w), mm."""
    x, y = (grid[..., 0] - camera.width / 2) / camera.focal_px, (camera.height / 2 - grid[..., 1]) / camera.focal_px
    directions = np.dstack([x, y, np.full_like(x, -1)])
    points, away = surface.seen_at(directions, to_pose)
    turn, shift = rotation_matrix(np.asarray(from_pose[0])), np.asarray(from_pose[1])
    here = points @ turn.T.astype(np.float32) + shift.astype(np.float32)
    return camera.project(here).astype(np.float32) - grid, away


def _fading(share: Floats) -> NDArray[np.float32]:
    """1 up to a share of 0, 0 from 1 on, smoothly."""
    part = np.clip(1 - share, 0, 1)
    return part * part * (3 - 2 * part)


@dataclass(frozen=True)
class _Tile:
    """A part of the frame: its corner, and where its pixels come from, x and y (h, w) each.

    stretched (h, w), 0..1: how much of the stretched plate is kept beside the person; None where there is nothing but
    the person. uncovers: something is seen that the plate does not show.
    """

    left: int
    top: int
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    stretched: NDArray[np.float32] | None
    uncovers: bool


@dataclass(frozen=True)
class _Motion:
    """The grid's planes (h, w): x and y of where it comes from, whole at the middles of pixels; stretched as in
    `_Tile`; where anything moves, where more than the person is seen, and where the plate does not show it.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    stretched: NDArray[np.float32]
    moves: NDArray[np.bool_]
    mixed: NDArray[np.bool_]
    uncovers: NDArray[np.bool_]

    @staticmethod
    def of(grid: Floats, shift: NDArray[np.float32], person: Outline, seam: float) -> _Motion:
        here, (x, y) = ([places[..., k] - np.float32(0.5) for k in range(2)] for places in (grid, grid + shift))
        size = np.hypot(shift[..., 0], shift[..., 1])
        stretched = _fading(person.at("away", x, y) / seam) * _fading(size / LAYERED)
        shown, covered = person.at("shown", x, y), person.at("covered", *here)
        mixed = shown < 1
        moves = (size > STILL) & ((stretched > 0) | (covered > 0) | (shown > 0))
        kinds = (_and_beside(kind) for kind in (moves, mixed, mixed & (covered > 0)))
        return _Motion(x, y, stretched, *kinds)

    def tiles(self, window: Window, spacing: int) -> Iterator[_Tile]:
        """The parts of the window in which anything moves: runs of one kind, a band of the grid's rows at a time."""
        left, top, right, bottom = window
        high, wide = (cells - 1 for cells in self.moves.shape)  # without the squares around the window
        for first in range(1, high, BAND):
            band = np.s_[first : min(first + BAND, high), 1:wide]
            moves, mixed, uncovers = (kind[band].any(axis=0) for kind in (self.moves, self.mixed, self.uncovers))
            for begin, end in _runs(moves * (1 + mixed + uncovers)):
                rows = first + np.flatnonzero(self.moves[band][:, begin:end].any(axis=1))
                cells = np.s_[rows[0] : rows[-1] + 1, begin + 1 : end + 1]
                across, down = left + begin * spacing, top + (cells[0].start - 1) * spacing
                seen = np.s_[: bottom - down, : right - across]
                x, y = (_between(plane, cells, spacing)[seen] for plane in (self.x, self.y))
                stretched = _between(self.stretched, cells, spacing)[seen] if mixed[begin] else None
                yield _Tile(across, down, x, y, stretched, bool(uncovers[begin]))


def _and_beside(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The cells (h, w) and those that touch them: what is between two grid points is between their values."""
    return cv2.dilate(cells.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0


def _runs(kinds: NDArray[np.integer]) -> Iterator[tuple[int, int]]:
    """Begin and end of each stretch of equal numbers in a row (w,) of them, without those of zeros."""
    ends = [0, *(np.flatnonzero(np.diff(kinds)) + 1).tolist(), len(kinds)]
    return ((begin, end) for begin, end in pairwise(ends) if kinds[begin])


def _between(plane: NDArray[np.float32], cells: tuple[slice, slice], spacing: int) -> NDArray[np.float32]:
    """A plane of the grid at every pixel of some of its squares, which have others all around; linear in between."""
    rows, columns = cells
    around = plane[rows.start - 1 : rows.stop + 1, columns.start - 1 : columns.stop + 1]
    size = (around.shape[1] * spacing, around.shape[0] * spacing)
    return np.asarray(cv2.resize(around, size), np.float32)[spacing:-spacing, spacing:-spacing]


def _paint(
    tile: _Tile, plate: NDArray[np.uint8], background: NDArray[np.uint8], person: Outline, out: NDArray[np.uint8]
) -> None:
    """Fill one tile of `out`: the moved person over the background."""
    height, width = tile.x.shape
    here = np.s_[tile.top : tile.top + height, tile.left : tile.left + width]
    moved = np.asarray(cv2.remap(plate, tile.x, tile.y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    if tile.stretched is None:
        out[here] = moved
        return
    shown = np.maximum(person.at("shown", tile.x, tile.y), tile.stretched)
    behind = plate[here]
    if tile.uncovers:
        x, y = np.arange(width, dtype=np.float32) + tile.left, np.arange(height, dtype=np.float32) + tile.top
        behind = _mixed(behind, background[here], person.at("covered", *np.meshgrid(x, y)))
    out[here] = _mixed(behind, moved, shown)


def _mixed(under: NDArray[np.uint8], over: NDArray[np.uint8], share: NDArray[np.float32]) -> NDArray[np.uint8]:
    """`over` (h, w, 3) in the share (h, w), 0..1, that it has; `under`, bit for bit, where it has none."""
    return np.asarray(cv2.blendLinear(over, under, share, 1 - share), np.uint8)
