"""A synthetic person, and pictures of that person."""

import cv2
import numpy as np
import pytest
from synthetic_person import SyntheticPerson, smooth_noise

from headroom.face.camera import Camera, Crop
from headroom.face.light import AMBIENT
from headroom.face.model import bundled_model
from headroom.face.raster import Rasterizer
from headroom.face.texture import albedo_texture


@pytest.fixture(scope="session")
def person():
    rng = np.random.default_rng(7)
    frames = 40
    expression = smooth_noise(rng, frames, 64, 0.15) * 0.7
    rotation = smooth_noise(rng, frames, 3, 0.8) * [0.12, 0.3, 0.1]
    translation = [10, -5, -900] + smooth_noise(rng, frames, 3, 0.8) * [15, 10, 20]
    camera, identity = Camera(1.6 * 640, 640, 480), rng.normal(size=80) * 0.6
    return SyntheticPerson(bundled_model(), camera, identity, expression, rotation, translation)


@pytest.fixture(scope="session")
def pictures(person):
    """The person in front of a grey background, lit from the left and above."""
    light = AMBIENT * 0.85
    light[1:4] += np.array([[0.3], [0.1], [0.4]])
    texture = np.random.default_rng(2).normal(0, 0.4, 80)
    raster = Rasterizer(person.model, person.camera, Crop(80, 0, 480), 480)
    raster.set_appearance(albedo_texture(person.model, person.model.albedo(texture), 512), light)
    frames = []
    for frame in range(len(person.expression)):
        render = raster.render(person.vertices(frame))
        alpha = render[..., 3:] / 255
        picture = np.full((480, 640, 3), 120, np.uint8)
        picture[:, 80:560] = np.rint(render[..., :3] * alpha + 120 * (1 - alpha))
        frames.append(cv2.GaussianBlur(picture, (0, 0), 0.7))
    return frames
