"""Frames of a head with a known surface that turns, warped from one picture."""

from collections.abc import Sequence

import cv2
import numpy as np

from headroom.face.camera import Camera
from headroom.plate.head_surface import HeadSurface
from headroom.plate.head_views import HeadViews
from headroom.plate.warp import Background, HeadMotion, warp_plate

CAMERA = Camera(1200.0, 480, 480)
FRONTAL = (np.zeros(3), np.array([0.0, 0.0, -1000.0]))
PERSON, NOBODY = np.full((48, 48), 255, np.uint8), np.zeros((48, 48), np.uint8)


def skin(sigma: float) -> np.ndarray:
    """Return a picture (480, 480, 3) of noise, blurred by `sigma` pixels."""
    noise = np.random.default_rng(0).normal(0, 1, (480, 480, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), sigma)
    return (128 + 40 * smooth / smooth.std()).clip(0, 255).astype(np.uint8)


def turning(
    surface: HeadSurface, turns: Sequence[Sequence[float]], picture: np.ndarray, matte: np.ndarray = PERSON
) -> HeadViews:
    """Return frames in which a picture (480, 480, 3) of the head turns; turns: T of pitch, yaw and roll, degrees."""
    rotations, count = np.radians(np.array(turns, float)), len(turns)
    frames = [warp_plate(picture, Background(PERSON, picture), CAMERA, HeadMotion(FRONTAL, (each, FRONTAL[1])), surface)
              for each in rotations]
    return HeadViews(frames, np.stack([matte] * count), CAMERA, rotations, np.tile(FRONTAL[1], (count, 1)),
                     np.ones(count, bool))
