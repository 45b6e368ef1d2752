"""The rasteriser agrees with the camera, the light and the texture."""

import numpy as np
import pytest

from headroom.face.camera import Camera, Crop, pose_vertices
from headroom.face.light import AMBIENT, shade
from headroom.face.model import bundled_model
from headroom.face.raster import Rasterizer
from headroom.face.texture import unwrap

CAMERA, CROP, SIZE = Camera(1000, 640, 480), Crop(110, 30, 420), 210


@pytest.fixture(scope="module")
def model():
    return bundled_model()


@pytest.fixture(scope="module")
def raster(model):
    return Rasterizer(model, CAMERA, CROP, SIZE)


def test_ambient_light_leaves_the_albedo_unchanged(model, raster):
    raster.set_appearance(np.full((8, 8, 3), (200, 120, 40), np.uint8), AMBIENT)
    picture = raster.render(pose_vertices(model.mean, np.zeros(3), np.array([0, 0, -600.0])))
    opaque = picture[..., 3] == 255
    assert 0.1 < opaque.mean() < 0.9
    assert np.abs(picture[opaque][:, :3].astype(int) - [200, 120, 40]).max() <= 1


def test_the_outline_is_where_the_camera_projects_it(model, raster):
    raster.set_appearance(np.full((8, 8, 3), 255, np.uint8), AMBIENT)
    for rotation in ([0, 0, 0], [0.1, -0.3, 0.2]):
        vertices = pose_vertices(model.mean, np.array(rotation), np.array([5.0, -8, -600]))
        opaque = raster.render(vertices)[..., 3] > 127
        pixels = (CAMERA.project(vertices) - [CROP.x, CROP.y]) * SIZE / CROP.size
        rows, columns = np.flatnonzero(opaque.any(1)), np.flatnonzero(opaque.any(0))
        box = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        assert np.allclose(box, [*pixels.min(0), *pixels.max(0)], atol=1.2)


def test_shading_is_the_light_model_at_the_normal(model, raster):
    light = AMBIENT + np.random.default_rng(0).normal(0, 0.25, (9, 3)).astype(np.float32)
    raster.set_appearance(np.full((8, 8, 3), 128, np.uint8), light)
    vertices = pose_vertices(model.mean, np.array([0.1, 0.2, 0]), np.array([0, 0, -600.0]))
    picture = raster.render(vertices)
    forehead = [model.vertex_of(landmark) for landmark in (9, 151, 108, 337)]
    pixels = ((CAMERA.project(vertices[forehead]) - [CROP.x, CROP.y]) * SIZE / CROP.size).astype(int)
    expected = 128 * shade(model.normals(vertices)[forehead], light)
    for (column, row), colour in zip(pixels, expected):
        assert np.abs(picture[row, column, :3] - np.clip(colour, 0, 255)).max() < 5


def test_edges_have_straight_alpha(model, raster):
    raster.set_appearance(np.full((8, 8, 3), (200, 120, 40), np.uint8), AMBIENT)
    picture = raster.render(pose_vertices(model.mean, np.zeros(3), np.array([0, 0, -600.0])))
    edge = (picture[..., 3] > 60) & (picture[..., 3] < 200)
    assert edge.any()
    assert np.abs(picture[edge][:, :3].astype(int) - [200, 120, 40]).max() <= 4


def test_a_texture_made_from_vertex_colours_shows_them(model, raster):
    rng = np.random.default_rng(3)
    colours = np.clip(0.5 + model.mean @ rng.normal(0, 0.004, (3, 3)), 0, 1)
    texture, covered = unwrap(model, colours, 512)
    assert 0.3 < covered.mean() < 1
    raster.set_appearance(np.rint(texture * 255).astype(np.uint8), AMBIENT)
    vertices = pose_vertices(model.mean, np.zeros(3), np.array([0, 0, -600.0]))
    picture = raster.render(vertices)
    for landmark in (4, 50, 280, 151):
        vertex = model.vertex_of(landmark)
        column, row = ((CAMERA.project(vertices[vertex]) - [CROP.x, CROP.y]) * SIZE / CROP.size).astype(int)
        assert np.abs(picture[row, column, :3] / 255 - colours[vertex]).max() < 0.02
