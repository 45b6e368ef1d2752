"""The compiled loop of `headroom.plate.head_surface`: rays meet a height field."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headroom.common.compiled import compiled, single
from headroom.face.head_depth import CELL_MM
from headroom.plate.sampling_kernels import sample_linear

Floats = NDArray[np.float32]


@compiled
def first_points(
    height: Floats, origin: tuple[float, float], eye: Floats, rays: Floats, refinements: int, steps: Floats
) -> Floats:
    """Return where (N, 3) rays from `eye` (3,) first meet a surface, model axes, millimetres.

    Where the surface is steep, a ray meets it several times, and iterating from any depth may find none of them. So the
    first of some depths behind the surface is found, the surface is taken as straight before it, and this is refined.

    height: (h, w), the z of the surface over x and y, cells of `CELL_MM` from `origin` on.
    rays: (N, 3) directions.
    steps: depths, model z, at equal distances from the highest to the lowest.
    """
    points = np.empty((len(rays), 3), np.float32)
    cell, left, low = single(1 / CELL_MM), single(origin[0]), single(origin[1])
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
