"""Compiled loops of `headroom.face.surface_map`; importing them loads numba.

Software OpenGL takes three times as long for the thousands of triangles of two pixels each, mostly to set them up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headroom.common.compiled import compiled

Floats = NDArray[np.float32]


@compiled
def find_triangles(
    points: Floats, triangles: NDArray[np.int32], shown: NDArray[np.int32], nearness: Floats
) -> None:
    """Write which triangle each pixel's centre shows into `shown` (R, R), where there is one.

    points: (V, 3) column and row in pixels, and the reciprocal of the depth, which is linear in the picture. Triangles
        with a vertex whose reciprocal is 0 or less are not drawn, nor are those seen from behind.
    triangles: (F, 3), counter-clockwise from outside.
    nearness: (R, R) zeros, which become the reciprocal depth of what is shown.
    """
    side = shown.shape[0]
    for number in range(len(triangles)):
        a, b, c = triangles[number]
        ax, ay, az = points[a]
        bx, by, bz = points[b]
        cx, cy, cz = points[c]
        area = (cx - ax) * (by - ay) - (bx - ax) * (cy - ay)  # rows run downwards
        if not area > 0 or not min(az, bz, cz) > 0:
            continue
        first_column = max(np.ceil(min(ax, bx, cx) - 0.5), 0.0)
        last_column = min(np.floor(max(ax, bx, cx) - 0.5), side - 1.0)
        first_row = max(np.ceil(min(ay, by, cy) - 0.5), 0.0)
        last_row = min(np.floor(max(ay, by, cy) - 0.5), side - 1.0)
        for row in range(int(first_row), int(last_row) + 1):
            for column in range(int(first_column), int(last_column) + 1):
                x, y = column + np.float32(0.5), row + np.float32(0.5)
                of_a = ((cx - x) * (by - y) - (bx - x) * (cy - y)) / area
                of_b = ((ax - x) * (cy - y) - (cx - x) * (ay - y)) / area
                of_c = 1 - of_a - of_b
                if of_a >= 0 and of_b >= 0 and of_c >= 0:
                    near = of_a * az + of_b * bz + of_c * cz
                    if near > nearness[row, column]:
                        nearness[row, column] = near
                        shown[row, column] = number


@compiled
def interpolate(
    points: Floats, triangles: NDArray[np.int32], shown: NDArray[np.int32], values: Floats, maps: Floats
) -> None:
    """Write the values (N, V, C) of the surface at each pixel's centre into `maps` (N, R, R, C).

    points, triangles: as for `find_triangles`. shown: (R, R) what it found; pixels with a negative number are left out.
    """
    for row in range(shown.shape[0]):
        for column in range(shown.shape[1]):
            if shown[row, column] < 0:
                continue
            a, b, c = triangles[shown[row, column]]
            x, y = column + np.float32(0.5), row + np.float32(0.5)
            ax, ay, bx, by = points[a, 0] - x, points[a, 1] - y, points[b, 0] - x, points[b, 1] - y
            cx, cy = points[c, 0] - x, points[c, 1] - y
            # in space the weights are those in the picture times the reciprocal depths
            of_a, of_b, of_c = (points[a, 2] * (cx * by - bx * cy), points[b, 2] * (ax * cy - cx * ay),
                                points[c, 2] * (bx * ay - ax * by))
            total = of_a + of_b + of_c
            of_a, of_b, of_c = of_a / total, of_b / total, of_c / total
            for number in range(values.shape[0]):
                for channel in range(values.shape[2]):
                    maps[number, row, column, channel] = (
                        of_a * values[number, a, channel] + of_b * values[number, b, channel]
                        + of_c * values[number, c, channel])
