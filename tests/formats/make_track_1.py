"""Write the small files of the first formats of tracks, face models and regressors.

    PYTHONPATH=backend python make_track_1.py FOLDER      with the code of commit 6bed92b
"""

import sys
from pathlib import Path

import numpy as np
import torch

from headroom.face.camera import Camera, Crop
from headroom.face.model import FaceModel
from headroom.track.regressor.crop import Deep3DCrop
from headroom.track.regressor.network import Regressor, RegressorConfig
from headroom.track.track import Track

FOLDER = Path(sys.argv[1])
rng = np.random.default_rng(0)


def random(*shape):
    return rng.normal(size=shape).astype(np.float32)


def write_track():
    track = Track(25.0, Camera(900.5, 640, 480), Crop(-3, 40, 260), random(80), random(80), random(9, 3),
                  random(3, 64), random(3, 3), random(3, 3), np.float32([1, 0.5, 0]))
    track.save(FOLDER / "track_1.npz")


def write_surface():
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    model = FaceModel(random(4, 3), random(4, 3, 2), random(4, 3, 3), random(4, 3), random(4, 3, 2), faces,
                      random(4, 2), np.array([1, 3]), np.array([13, 14]), ("Mouth 01", "Eyes 01", "Gaze Left"),
                      ("Mouth", "Eyes", "Gaze"), random(4), random(4), "Test face")
    model.save(FOLDER / "face_surface_1.npz")


def write_regressor():
    torch.manual_seed(0)
    network = Regressor(RegressorConfig(blocks=(1, 1, 1, 1), width=4, resolution=32)).eval()
    torch.nn.init.normal_(network.head.weight)
    network.middle.copy_(torch.randn(257))
    network.spread.copy_(torch.rand(257) + 0.5)
    path, model = FOLDER / "regressor_1.safetensors", type("Model", (), {"digest": "0123456789abcdef"})
    network.save(path, model)
    picture = rng.integers(0, 255, (60, 50, 3), np.uint8)
    prediction = Regressor.load(path, model).read(picture, Deep3DCrop(5.5, 3.2, 40.0)).coefficients
    np.savez_compressed(FOLDER / "regressor_1_prediction.npz", picture=picture, coefficients=prediction)


write_track()
write_surface()
write_regressor()
