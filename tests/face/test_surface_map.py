"""Maps of a surface's values: against a loop written by hand, against the rasteriser, and from two threads."""

import threading
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from headroom.face.camera import Camera, Crop, pose_vertices
from headroom.face.light import AMBIENT
from headroom.face.model import bundled_model
from headroom.face.raster import Rasterizer
from headroom.face.surface_map import SurfaceMap

CAMERA, CROP, SIZE = Camera(1000, 640, 480), Crop(150, 70, 340), 64
CORNERS = np.array([[-90, -60, -300], [110, -70, -900], [0, 120, -500],  # steep in depth
                    [-40, -40, -420], [60, -30, -430], [10, 50, -400],  # partly in front of the first
                    [-100, 60, -350], [100, 60, -350], [0, -40, -350]], float)
TRIANGLES = np.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]], np.int32)  # the last one is seen from behind


@pytest.fixture(scope="module")
def model():
    return bundled_model()


def looked_up(values, column, row):
    """Return the values (C,) that the centre of a pixel shows of the triangles, by ray and plane; None where none."""
    x, y = (start + (place + 0.5) * CROP.size / SIZE for start, place in ((CROP.x, column), (CROP.y, row)))
    ray = np.array([(x - CAMERA.width / 2) / CAMERA.focal_px, (CAMERA.height / 2 - y) / CAMERA.focal_px, -1])
    nearest, found = np.inf, None
    for triangle in TRIANGLES:
        a, b, c = CORNERS[triangle]
        if np.cross(b - a, c - a) @ ray >= 0:
            continue
        weights = np.linalg.solve(np.column_stack([a, b, c]), ray)  # ray = weights of the corners, up to a factor
        if weights.min() < 0 or 1 / weights.sum() >= nearest:
            continue
        nearest, found = 1 / weights.sum(), weights / weights.sum() @ values[triangle]
    return found


@pytest.mark.parametrize("count", [1, 4])
def test_values_are_those_of_the_nearest_surface_point_on_each_pixels_ray(count):
    values = np.random.default_rng(0).normal(0, 10, (count, len(CORNERS), 4)).astype(np.float32)
    surface = SurfaceMap(SimpleNamespace(faces=TRIANGLES), CAMERA, CROP, SIZE)
    maps = surface.draw(CORNERS, values)
    assert len(maps) == count and all(each.shape == (SIZE, SIZE, 4) and each.dtype == np.float32 for each in maps)
    found = 0
    for row, column in np.random.default_rng(1).integers(0, SIZE, (300, 2)):
        for drawn, given in zip(maps, values):
            expected = looked_up(given, column, row)
            assert np.allclose(drawn[row, column], 0 if expected is None else expected, atol=0.02)
        found += expected is not None
    assert 50 < found < 280


def test_pixels_without_surface_are_0_and_nothing_is_left_of_the_maps_before():
    surface = SurfaceMap(SimpleNamespace(faces=TRIANGLES), CAMERA, CROP, SIZE)
    (shown,) = surface.draw(CORNERS, np.full((1, len(CORNERS), 4), 7, np.float32))
    covered = shown[..., 0] > 0
    assert 0.1 < covered.mean() < 0.9 and not shown[~covered].any() and np.allclose(shown[covered], 7)
    (elsewhere,) = surface.draw(CORNERS + np.array([5000, 0, 0]), np.ones((1, len(CORNERS), 4)))
    assert not elsewhere.any()


def test_the_coverage_is_the_alpha_of_the_rasteriser(model):
    raster = Rasterizer(model, CAMERA, CROP, SIZE)  # with two samples along each side of a pixel
    raster.set_appearance(np.full((8, 8, 3), 200, np.uint8), AMBIENT)
    surface = SurfaceMap(model, CAMERA, CROP, 2 * SIZE)
    for rotation in ([0, 0, 0], [0.2, -0.5, 0.1]):
        vertices = pose_vertices(model.mean, np.array(rotation), np.array([5.0, -8, -700]))
        coverage = surface.draw(vertices, np.ones((1, len(vertices), 4)))[0][..., 3]
        alpha = cv2.resize(coverage, (SIZE, SIZE), interpolation=cv2.INTER_AREA) * 255
        assert 0.1 < coverage.mean() < 0.9
        assert np.abs(alpha - raster.render(vertices)[..., 3]).max() <= 1


def test_threads_that_draw_at_once_get_their_own_maps(model):
    rng, results, errors = np.random.default_rng(1), {}, []
    surfaces = [SurfaceMap(model, CAMERA, CROP, side) for side in (64, 96)]
    jobs = [[(pose_vertices(model.mean, rng.normal(0, 0.2, 3), np.array([0, 0, -700.0])),
              rng.normal(size=(2, len(model.mean), 4))) for _ in range(8)] for surface in surfaces]
    expected = [[surface.draw(*each) for each in work] for surface, work in zip(surfaces, jobs)]
    start = threading.Barrier(2)

    def draw(number):
        try:
            start.wait()
            results[number] = [surfaces[number].draw(*each) for each in jobs[number]]
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=draw, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    for number in range(2):
        assert all(np.array_equal(a, b) for a, b in zip(results[number], expected[number], strict=True))
