"""Compiled loops of `headroom.plate.warp`, `reprojection` and `head_surface`; importing them loads numba.

OpenCV's functions do the same for rectangles. Here only the pixels that are seen are computed, each in one go.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headroom.common.compiled import compiled, single

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]

STEPS = 256
"""Positions between two pixels for which there are weights of the cubic interpolation."""
SHARPNESS = -0.75
"""Slope of the cubic at the neighbouring pixel, as in OpenCV."""


def _cubic_weights() -> Floats:
    """Return the weights (STEPS + 1, 4) of four pixels in a row for positions between the second and the third."""
    t = np.arange(STEPS + 1) / STEPS
    outer, inner = (lambda d: SHARPNESS * (((d - 5) * d + 8) * d - 4),
                    lambda d: ((SHARPNESS + 2) * d - (SHARPNESS + 3)) * d * d + 1)
    return np.stack([outer(t + 1), inner(t), inner(1 - t), outer(2 - t)], axis=1).astype(np.float32)


_WEIGHTS = _cubic_weights()


@compiled
def limited(value: Any, low: Any, high: Any) -> Any:
    """Return the value within limits, and the lower one where it is no number: places must not lead out of a picture.

    A ray along the surface, or a vertex at the camera, has no place.
    """
    if not value > low:
        return low
    return high if value > high else value


@compiled
def sample_cubic(picture: Picture, x: Any, y: Any) -> tuple[Any, Any, Any]:
    """Return the colour, 0..255, of a picture (H, W, 3) at x and y; integers are pixel centres, the edge goes on."""
    height, width = picture.shape[:2]
    x, y = limited(x, single(-3), single(width + 2)), limited(y, single(-3), single(height + 2))
    left, top = int(np.floor(x)), int(np.floor(y))
    across = _WEIGHTS[int((x - single(left)) * single(STEPS) + single(0.5))]
    down = _WEIGHTS[int((y - single(top)) * single(STEPS) + single(0.5))]
    red = green = blue = single(0)
    if 1 <= left < width - 2 and 1 <= top < height - 2:
        for i in range(4):
            row = picture[top - 1 + i]
            weight = down[i]
            red += weight * (across[0] * row[left - 1, 0] + across[1] * row[left, 0]
                             + across[2] * row[left + 1, 0] + across[3] * row[left + 2, 0])
            green += weight * (across[0] * row[left - 1, 1] + across[1] * row[left, 1]
                               + across[2] * row[left + 1, 1] + across[3] * row[left + 2, 1])
            blue += weight * (across[0] * row[left - 1, 2] + across[1] * row[left, 2]
                              + across[2] * row[left + 1, 2] + across[3] * row[left + 2, 2])
    else:
        for i in range(4):
            row = picture[min(max(top - 1 + i, 0), height - 1)]
            for j in range(4):
                column = min(max(left - 1 + j, 0), width - 1)
                weight = down[i] * across[j]
                red += weight * row[column, 0]
                green += weight * row[column, 1]
                blue += weight * row[column, 2]
    low, high = single(0), single(255)
    return min(max(red, low), high), min(max(green, low), high), min(max(blue, low), high)


@compiled
def sample_linear(plane: Floats, x: Any, y: Any) -> Any:
    """Return the value of a map (h, w) at x and y; integers are cell centres, the edge goes on."""
    height, width = plane.shape
    x, y = limited(x, single(0), single(width - 1)), limited(y, single(0), single(height - 1))
    left, top = int(x), int(y)
    right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
    across, down = x - single(left), y - single(top)
    upper = plane[top, left] + across * (plane[top, right] - plane[top, left])
    lower = plane[bottom, left] + across * (plane[bottom, right] - plane[bottom, left])
    return upper + down * (lower - upper)


class Layers(NamedTuple):
    """What a warped plate is made from.

    plate: (H, W, 3), the person. background: (H, W, 3), what is behind.
    matte: (2, n, m), opacity of the person and of what hides the background.
    matte_scale: frame pixels per cell of the matte.
    """

    plate: Picture
    background: Picture
    matte: Floats
    matte_scale: float


class Cells(NamedTuple):
    """A grid of cells over a part of the frame, and one cell around it.

    source: (3, h, w) at their centres: where in the plate the point comes from, integers being pixel centres, and the
        weight of the stretched plate beside the person.
    kinds: (h, w), 0 for cells in which nothing moves, 1 for those with only the person in them, 2 for others, and 3 for
        those that show background that the person hides in the plate.
    rect: left, top, right and bottom of the part, frame pixels.
    spacing: side of a cell, frame pixels.
    """

    source: Floats
    kinds: NDArray[np.uint8]
    rect: tuple[int, int, int, int]
    spacing: int


@compiled
def warp_cells(layers: Layers, cells: Cells, hidden: NDArray[np.bool_], out: Picture) -> None:
    """Write the displaced person over the background into `out` (H, W, 3), a copy of the plate.

    hidden: (H, W) pixels that are left as they are.
    """
    plate, background, matte, matte_scale = layers
    source, kinds, (left, top, right, bottom), spacing = cells
    half, one = single(0.5), single(1)
    cell, centre = single(1 / matte_scale), single(0.5 / matte_scale - 0.5)
    line = np.empty((3, 3), np.float32)  # the source along a row of pixels: at the centres of three cells
    for row in range(1, kinds.shape[0] - 1):
        for column in range(1, kinds.shape[1] - 1):
            kind = kinds[row, column]
            if kind == 0:
                continue
            first_y, first_x = top + (row - 1) * spacing, left + (column - 1) * spacing
            for y in range(first_y, min(first_y + spacing, bottom)):
                # between the centres of this row of cells and the next, or the one before
                down = (single(y - first_y) + half) / single(spacing) - half
                other_row = row + 1 if down >= 0 else row - 1
                for k in range(3):
                    for j in range(3):
                        own = source[k, row, column - 1 + j]
                        line[k, j] = own + abs(down) * (source[k, other_row, column - 1 + j] - own)
                for x in range(first_x, min(first_x + spacing, right)):
                    if hidden[y, x]:
                        continue
                    across = (single(x - first_x) + half) / single(spacing) - half
                    side = 2 if across >= 0 else 0
                    across = abs(across)
                    from_x = line[0, 1] + across * (line[0, side] - line[0, 1])
                    from_y = line[1, 1] + across * (line[1, side] - line[1, 1])
                    opacity, uncovered = one, single(0)
                    if kind > 1:
                        opacity = max(sample_linear(matte[0], from_x * cell + centre, from_y * cell + centre),
                                      line[2, 1] + across * (line[2, side] - line[2, 1]))
                        if kind == 3:
                            uncovered = sample_linear(matte[1], single(x) * cell + centre,
                                                      single(y) * cell + centre)
                    colours = single(0), single(0), single(0)
                    if opacity > 0:
                        colours = sample_cubic(plate, from_x, from_y)
                    for channel in range(3):
                        below = single(plate[y, x, channel])
                        below += uncovered * (single(background[y, x, channel]) - below)
                        out[y, x, channel] = np.uint8(below + opacity * (colours[channel] - below) + half)


@compiled
def between(plane: Floats, place: tuple[int, int, Any, Any]) -> Any:
    """Return the value of a map (h, w) at a place: row and column of a cell, and parts of the way to the next ones."""
    row, column, across, down = place
    upper = plane[row, column] + across * (plane[row, column + 1] - plane[row, column])
    lower = plane[row + 1, column] + across * (plane[row + 1, column + 1] - plane[row + 1, column])
    return upper + down * (lower - upper)


@compiled
def between_channel(planes: Floats, place: tuple[int, int, Any, Any], channel: int) -> Any:
    """Return one channel of a map (h, w, C) at a place, as `between`."""
    row, column, across, down = place
    first, second = planes[row, column, channel], planes[row + 1, column, channel]
    upper = first + across * (planes[row, column + 1, channel] - first)
    lower = second + across * (planes[row + 1, column + 1, channel] - second)
    return upper + down * (lower - upper)


class SourceMaps(NamedTuple):
    """Maps of a face over a square of the frame.

    sources: (N, R, R, 4) displacement to the plate of each of N sources, ratio of shadings, coverage.
    shared: (R, R, 4), the weights of the sources after the first, in the channels of their numbers.
    alpha: (R, R) opacity of the face.
    left, top: of the square, frame pixels.
    step: map pixels per frame pixel.
    """

    sources: Floats
    shared: Floats
    alpha: Floats
    left: int
    top: int
    step: float


@compiled
def paint_face(
    plates: tuple[Picture, ...], face: SourceMaps, rect: tuple[int, int, int, int], picture: Picture
) -> None:
    """Paint a reprojected face into the pixels `rect` of a picture (H, W, 3).

    plates: (H, W, 3) of each of N sources.
    """
    maps, shared, alpha, face_left, face_top, step = face
    left, top, right, bottom = rect
    half, high, least = single(0.5), single(255), single(1e-3)
    side = alpha.shape[0]
    count = len(plates)
    for y in range(top, bottom):
        map_y = min(max(single((y + 0.5 - face_top) * step - 0.5), single(0)), single(side - 1))
        row = min(int(map_y), side - 2)
        down = map_y - single(row)
        for x in range(left, right):
            map_x = min(max(single((x + 0.5 - face_left) * step - 0.5), single(0)), single(side - 1))
            column = min(int(map_x), side - 2)
            across = map_x - single(column)
            place = (row, column, across, down)
            opacity = between(alpha, place)
            if opacity <= 0:
                continue
            covered = single(1) / max(between_channel(maps[0], place, 3), least)
            red = green = blue = single(0)
            first = 0
            for number in range(1, count):
                if between_channel(shared, place, number) * covered >= 1:
                    first = number
            for number in range(first, count):
                weight = single(1)
                if number > first:
                    weight = between_channel(shared, place, number) * covered
                    if weight <= 0:
                        continue
                own = maps[number]
                r, g, b = sample_cubic(plates[number], single(x) + covered * between_channel(own, place, 0),
                                       single(y) + covered * between_channel(own, place, 1))
                ratio = covered * between_channel(own, place, 2)
                red += weight * (r * ratio - red)
                green += weight * (g * ratio - green)
                blue += weight * (b * ratio - blue)
            for channel, colour in enumerate((red, green, blue)):
                below = single(picture[y, x, channel])
                value = below + opacity * (min(colour, high) - below)
                picture[y, x, channel] = np.uint8(value + half)


@compiled
def first_points(
    height: Floats, grid: tuple[float, float, float], eye: Floats, rays: Floats, refinements: int, steps: Floats
) -> Floats:
    """Return where (N, 3) rays from `eye` (3,) first meet a surface, model axes, millimetres.

    Where the surface is steep, a ray meets it several times, and iterating from any depth may find none of them. So the
    first of some depths behind the surface is found, the surface is taken as straight before it, and this is refined.

    height: (h, w), the z of the surface over x and y.
    grid: x and y of the first cell, and the cells' distance, millimetres.
    rays: (N, 3) directions.
    steps: depths, model z, at equal distances from the highest to the lowest.
    """
    points = np.empty((len(rays), 3), np.float32)
    left, low, cell = single(grid[0]), single(grid[1]), single(1 / grid[2])
    for number in range(len(rays)):
        slope_x, slope_y = rays[number, 0] / rays[number, 2], rays[number, 1] / rays[number, 2]
        start_x, start_y = (eye[0] - left) * cell, (eye[1] - low) * cell
        before = above = single(0)
        step = 0
        while step < len(steps):
            along = (steps[step] - eye[2]) * cell
            before = above
            above = steps[step] - sample_linear(height, start_x + along * slope_x, start_y + along * slope_y)
            if above <= 0 and step > 0:
                break
            step += 1
        step = min(step, len(steps) - 1)
        part = min(max(before / max(before - above, single(1e-3)), single(0)), single(1))
        depth = steps[step - 1] + part * (steps[step] - steps[step - 1])
        for _ in range(refinements):
            along = (depth - eye[2]) * cell
            met = sample_linear(height, start_x + along * slope_x, start_y + along * slope_y)
            depth = (depth + met) / single(2)
        points[number, 0] = eye[0] + (depth - eye[2]) * slope_x
        points[number, 1] = eye[1] + (depth - eye[2]) * slope_y
        points[number, 2] = depth
    return points
