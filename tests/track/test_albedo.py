"""Appearance is recovered from pictures whose light and albedo are known."""

import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.face.camera import Crop
from headroom.face.light import AMBIENT
from headroom.face.raster import Rasterizer
from headroom.face.texture import unwrap
from headroom.track.appearance.appearance import estimate_appearance, require_albedo
from headroom.track.solve.fit import Fit


@pytest.mark.parametrize("kind,decibels", [("clip", 30), ("frame", 28), ("low", 22)])
def test_the_appearance_renders_the_pictures_it_was_estimated_from(person, kind, decibels):
    model = person.model
    rng = np.random.default_rng(5)
    texture, covered = unwrap(model, model.albedo(np.zeros(80)), 512)
    blotches = np.kron(rng.normal(0, 0.05, (32, 32, 1)), np.ones((16, 16, 1)))
    texture = np.rint(np.clip(texture + blotches, 0, 1) * 255).astype(np.uint8)
    texture[~covered] = 128
    light = AMBIENT * 0.9
    light[2], light[3] = 0.25, 0.3
    raster = Rasterizer(model, person.camera, Crop(80, 0, 480), 480)
    raster.set_appearance(texture, light)
    renders = [raster.render(person.vertices(frame)) for frame in range(0, 40, 2)]
    frames = [np.full((480, 640, 3), 90, np.uint8) for _ in renders]
    for frame, render in zip(frames, renders):
        covered = render[..., 3] > 127
        frame[:, 80:560][covered] = render[..., :3][covered]
    step = slice(0, 40, 2)
    fit = Fit(person.camera, person.identity, person.expression[step], person.rotation[step],
              person.translation[step], np.full(20, 0.01))
    appearance = estimate_appearance(model, fit, frames, kind)
    assert appearance.light.shape == (9, 3) and appearance.texture.shape == (80,)
    raster.set_appearance(appearance.albedo, appearance.light)
    again = raster.render(person.vertices(10))
    both = (again[..., 3] == 255) & (renders[5][..., 3] == 255)
    error = again[..., :3][both].astype(float) - renders[5][..., :3][both]
    assert 10 * np.log10(255**2 / (error**2).mean()) > decibels
    assert appearance.light[3].mean() > 0.1, "the light comes from the wrong side"


def test_an_unknown_albedo_is_refused_in_one_sentence():
    with pytest.raises(InputError, match="choose one of low, frame, clip"):
        require_albedo("best")
