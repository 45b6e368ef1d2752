"""A made-up person whose coefficients are known."""

import numpy as np
import pytest
from known_person import Known, smooth_noise

from headroom.face.camera import Camera
from headroom.face.model import bundled_model


@pytest.fixture(scope="session")
def known():
    rng = np.random.default_rng(7)
    frames = 40
    expression = smooth_noise(rng, frames, 64, 0.15) * 0.7
    rotation = smooth_noise(rng, frames, 3, 0.8) * [0.12, 0.3, 0.1]
    translation = [10, -5, -900] + smooth_noise(rng, frames, 3, 0.8) * [15, 10, 20]
    camera, identity = Camera(1.6 * 640, 640, 480), rng.normal(size=80) * 0.6
    return Known(bundled_model(), camera, identity, expression, rotation, translation)
