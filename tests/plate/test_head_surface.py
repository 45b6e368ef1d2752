"""Rays meet the head's surface where a march in small steps does, also where it is steep."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from smooth_face import smooth_face

from headroom.face.camera import rotation_matrix
from headroom.face.head_depth import CELL_MM
from headroom.plate.head_surface import HeadSurface

DISTANCE = 900.0


def steep() -> HeadSurface:
    """Return a surface that falls by 90 mm beside the face, over 25 mm."""
    surface = HeadSurface.of(smooth_face())
    distance = cv2.distanceTransform((~surface.in_face).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return replace(surface, height=(surface.height - 90 * np.clip(distance * CELL_MM / 25, 0, 1)).astype(np.float32))


@pytest.mark.parametrize("angles", [(0, 0, 0), (5, 10, 0), (-8, -20, 3), (0, 25, 0)])
def test_a_ray_meets_the_surface_first_where_a_fine_march_does(angles):
    surface, rotation = steep(), np.radians(np.array(angles, float))
    x, y = np.meshgrid(np.linspace(-0.12, 0.12, 61), np.linspace(-0.12, 0.12, 61))
    directions = np.dstack([x, y, np.full_like(x, -1)]).astype(np.float32)
    points, _ = surface.intersect(directions, (rotation, np.array([0, 0, -DISTANCE])))

    matrix = rotation_matrix(rotation)
    eye, rays = np.array([0, 0, DISTANCE]) @ matrix, directions @ matrix
    first = np.full(x.shape, np.nan)
    for depth in np.arange(surface.height.max(), surface.height.min() - 1, -0.25):
        at = eye + rays * ((depth - eye[2]) / rays[..., 2])[..., None]
        columns, rows = ((at[..., k] - surface.origin[k]) / CELL_MM for k in range(2))
        height = cv2.remap(surface.height, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR,
                           borderMode=cv2.BORDER_REPLICATE)
        first = np.where(np.isnan(first) & (height >= depth), depth, first)
    error = np.abs(points[..., 2] - first)
    assert np.isfinite(first).all() and np.percentile(error, 95) < 3 and error.mean() < 1
