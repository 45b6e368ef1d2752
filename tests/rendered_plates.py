"""Plates that are known exactly: the rasteriser draws a face with a patterned skin before a grey background."""

from functools import lru_cache

import cv2
import numpy as np

from headroom.face.camera import Camera, Crop, pose_vertices
from headroom.face.light import AMBIENT
from headroom.face.model import bundled_model
from headroom.face.raster import Rasterizer
from headroom.plate.layers import BackgroundLayers
from headroom.plate.source_choice import WantedFace
from headroom.subject.track_plates import head_surface, plates_of_track
from headroom.track.track import Track

SIZE, BACKGROUND = 256, 128
CAMERA, CROP = Camera(900.0, SIZE, SIZE), Crop(0, 0, SIZE)
FRONTAL = np.array([0.0, 12.0, -900.0])
"""Translation of a head in the middle of the frame."""
OPEN, SMILING, LOOKING_LEFT, LOOKING_UP = 0, 1, 50, 51
"""Expression modes."""


def expression(modes=()) -> np.ndarray:
    """Return an expression (64,) from pairs of a mode and its value."""
    made = np.zeros(64)
    for mode, value in dict(modes).items():
        made[mode] = value
    return made


@lru_cache
def skin() -> np.ndarray:
    """Return an albedo texture (512, 512, 3) of smooth noise."""
    noise = np.random.default_rng(0).normal(0, 1, (512, 512, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 4)
    return (128 + 34 * smooth / smooth.std()).clip(30, 226).astype(np.uint8)


class Scene:
    """A head in some faces, each a pose of rotation in degrees and translation, and an expression; and their plates."""

    def __init__(self, faces, light=AMBIENT, camera=CAMERA, crop=CROP, albedo=None):
        """faces: (rotation, translation, expression) of each plate."""
        self.model, self.camera, self.crop, self.light = bundled_model(), camera, crop, light
        frame = Crop(0, 0, camera.width)  # square frames
        self.raster = Rasterizer(self.model, camera, frame, camera.width)
        self.raster.set_appearance(skin() if albedo is None else albedo, light)
        rotation, translation, expressions = (np.array(each, float) for each in zip(*faces))
        self.track = Track(25.0, camera, crop, np.zeros(80), np.zeros(80), light, expressions, np.radians(rotation),
                           translation, np.ones(len(faces)))
        self.frames = [self.picture(self.track.vertices(self.model, number)) for number in range(len(faces))]
        layers = BackgroundLayers(self.frames, camera, head_surface(self.model, self.track))
        self.plates = plates_of_track(self.model, self.track, layers, SIZE)

    def wanted(self, rotation, translation=FRONTAL, modes=()) -> WantedFace:
        """Return a face of this person; rotation in degrees."""
        pose = np.radians(np.array(rotation, float)), np.asarray(translation, float)
        return WantedFace(pose_vertices(self.model.shape(np.zeros(80), expression(modes)), *pose), pose)

    def picture(self, vertices) -> np.ndarray:
        """Return the frame (H, W, 3) with a face (V, 3) before the background."""
        drawn = self.raster.render(vertices).astype(np.float32)
        blended = BACKGROUND + drawn[..., 3:] / 255 * (drawn[..., :3] - BACKGROUND)
        return (blended + 0.5).astype(np.uint8)

    def face(self, vertices, inset=6) -> np.ndarray:
        """Return (H, W) bool, where a frame shows a face (V, 3), without a rim of `inset` pixels."""
        drawn = (self.raster.render(vertices)[..., 3] == 255).astype(np.uint8)
        return cv2.erode(drawn, np.ones((2 * inset + 1, 2 * inset + 1)), borderValue=0) > 0


def psnr(picture, truth, where) -> float:
    """Return the PSNR, dB, of the pixels in a mask (H, W)."""
    error = picture[where].astype(float) - truth[where]
    return float(10 * np.log10(255**2 / np.mean(error**2)))
