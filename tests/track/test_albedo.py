"""Light and albedo are found from pictures whose own are known."""

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
def test_the_look_draws_the_picture_it_was_taken_from(known, kind, decibels):
    model = known.model
    rng = np.random.default_rng(5)
    texture, covered = unwrap(model, model.albedo(np.zeros(80)), 512)
    blotches = np.kron(rng.normal(0, 0.05, (32, 32, 1)), np.ones((16, 16, 1)))
    texture = np.rint(np.clip(texture + blotches, 0, 1) * 255).astype(np.uint8)
    texture[~covered] = 128
    light = AMBIENT * 0.9
    light[2], light[3] = 0.25, 0.3
    whole = Crop(80, 0, 480)
    raster = Rasterizer(model, known.camera, whole, 480)
    raster.set_look(texture, light)
    renders = [raster.render(known.vertices(frame)) for frame in range(0, 40, 2)]
    frames = [np.full((480, 640, 3), 90, np.uint8) for _ in renders]
    for frame, render in zip(frames, renders):
        drawn = render[..., 3] > 127
        frame[:, 80:560][drawn] = render[..., :3][drawn]
    step = slice(0, 40, 2)
    fit = Fit(known.camera, known.identity, known.expression[step], known.rotation[step], known.translation[step],
              np.full(20, 0.01))
    look = estimate_appearance(model, fit, frames, kind)
    assert look.light.shape == (9, 3) and look.texture.shape == (80,)
    raster.set_look(look.albedo, look.light)
    again = raster.render(known.vertices(10))
    both = (again[..., 3] == 255) & (renders[5][..., 3] == 255)
    error = again[..., :3][both].astype(float) - renders[5][..., :3][both]
    assert 10 * np.log10(255**2 / (error**2).mean()) > decibels
    # brighter on the left of the picture's face than on the right, as lit
    assert look.light[3].mean() > 0.1


def test_an_unknown_albedo_is_one_sentence():
    with pytest.raises(InputError, match="choose one of low, frame, clip"):
        require_albedo("best")
