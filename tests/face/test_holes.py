"""Holes are found and closed, and unrolled surfaces do not overlap."""

import numpy as np
import pytest

from headroom.face.basel import LinearFace
from headroom.face.holes import boundary_loops, close_holes, mouth_hole
from headroom.face.texture_layout import depth_inside, texture_coordinates


def sheet(holes=(), size=12, depth=None):
    """A square sheet of size x size points, 10 mm apart, slightly bent about y, without the squares in `holes`."""
    y, x = np.mgrid[:size, :size].reshape(2, -1) * 10.0
    x, y = x - x.mean(), y.mean() - y
    z = -(x**2) / 300 if depth is None else depth(x, y)
    faces = []
    for row in range(size - 1):
        for column in range(size - 1):
            a = row * size + column
            if (row, column) not in holes:
                faces += [(a, a + size, a + 1), (a + 1, a + size, a + size + 1)]
    rng = np.random.default_rng(0)
    count = len(x)
    return LinearFace("sheet", np.stack([x, y, z], 1).astype(np.float32), rng.normal(size=(count, 3, 2)),
                      rng.normal(size=(count, 3, 2)), rng.uniform(size=(count, 3)), rng.normal(size=(count, 3, 2)),
                      np.array(faces, np.int32))


def test_there_is_one_loop_around_the_outline_and_each_hole():
    face = sheet(holes=[(2, 2), (7, 5), (7, 6)])
    assert sorted(len(loop) for loop in boundary_loops(face.faces)) == [4, 6, 44]


def test_holes_that_share_a_vertex_are_closed_too():
    closed, _ = close_holes(sheet(holes=[(2, 2), (3, 3)]))
    assert len(boundary_loops(closed.faces)) == 1


def test_closing_keeps_the_outline_open_and_the_winding():
    face = sheet(holes=[(2, 2), (7, 5), (7, 6)])
    closed, holes = close_holes(face)
    assert len(holes) == 2 and len(boundary_loops(closed.faces)) == 1
    a, b, c = (closed.mean[closed.faces[:, i]] for i in range(3))
    assert (np.cross(b - a, c - a)[:, 2] > 0).all()
    for index, hole in enumerate(holes):
        centre = len(face.mean) + index
        np.testing.assert_allclose(closed.mean[centre], face.mean[hole].mean(0), atol=1e-4)
        np.testing.assert_allclose(closed.expression_basis[centre], face.expression_basis[hole].mean(0), atol=1e-5)


def test_the_mouth_is_the_hole_near_its_centre():
    closed, holes = close_holes(sheet(holes=[(2, 2), (7, 5), (7, 6)]))
    mouth = mouth_hole(closed.mean, holes, np.array([5.0, -20.0, 0.0]), 40.0)
    assert mouth is not None and len(holes[mouth]) == 6
    assert mouth_hole(closed.mean, holes, np.array([50.0, 50.0, 0.0]), 10.0) is None
    assert mouth_hole(closed.mean, [], np.zeros(3), 10.0) is None


@pytest.mark.parametrize("depth", [
    lambda x, y: -(x**2) / 300,
    lambda x, y: -(x**2) / 300 - 60 * np.exp(-(x**2 + (y + 20) ** 2) / 400),  # a cavity behind the surface
])
def test_no_two_parts_share_texels(depth):
    face = sheet(size=24, depth=depth)
    # the cavity is wider than its opening, like the one behind the lips
    x, y, z = face.mean.T
    inside = np.exp(-(x**2 + (y + 20) ** 2) / 400)
    points = np.stack([x * (1 + 3 * np.clip(inside - 0.3, 0, 0.3)), y, z], 1)
    uv = texture_coordinates(points, face.faces)
    a, b, c = (uv[face.faces[:, i]] for i in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    assert (area > 0).mean() > 0.99
    assert uv.min() >= 0 and uv.max() <= 1
    (right, bottom, _), (left, top, _) = points.argmin(0), points.argmax(0)
    assert uv[top, 1] > uv[bottom, 1] and uv[left, 0] > uv[right, 0]


def test_depth_is_zero_outside_of_the_ring_and_one_in_its_middle():
    uv = np.stack(np.meshgrid(np.linspace(0, 1, 11), np.linspace(0, 1, 11)), -1).reshape(-1, 2).astype(np.float32)
    ring = np.array([3 * 11 + 3, 3 * 11 + 7, 7 * 11 + 7, 7 * 11 + 3])
    depth = depth_inside(uv, ring).reshape(11, 11)
    assert depth[5, 5] == 1 and np.isclose(depth[4, 5], 0.5, atol=1e-5)
    assert depth[3, 3] == 0 and depth[:3].max() == 0 and depth[:, 8:].max() == 0
