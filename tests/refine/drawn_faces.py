"""Drawn faces and small networks for the refiner's tests."""

import cv2
import numpy as np

from headroom.refine.augment import RefinerAugmentConfig
from headroom.refine.dataset import TrainingPairs, normalised_identity
from headroom.refine.generator import GeneratorConfig
from headroom.refine.inputs import CropPlate
from headroom.refine.train_config import RefinerTrainConfig

SIZE = 64
NO_AUGMENTATION = RefinerAugmentConfig(transform_probability=0.0, brightness=0.0, margin=0.0,
                                       other_plate_probability=0.0)
QUICK = RefinerTrainConfig(
    GeneratorConfig(width=8, levels=4, style_hidden=8),
    augment=NO_AUGMENTATION,
    seconds=None,
    steps=2,
    batch_size=1,
    gan=0.0,
    discriminator_width=4,
    device="cpu",
)
IDENTITY = normalised_identity(np.linspace(-1, 1, 12))


def drawn_clip(frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Return true crops (T, R, R, 3) and renders (T, R, R, 4) of an oval face with a mouth that opens."""
    crops, renders = [], []
    for t in range(frames):
        x, opening = 32 + 2 * (t % 3), 1 + t % 4
        crop = np.full((SIZE, SIZE, 3), (90, 120, 160), np.uint8)
        cv2.ellipse(crop, (x, 30), (15, 19), 0, 0, 360, (200, 150, 120), -1)
        cv2.ellipse(crop, (x, 38), (6, opening), 0, 0, 360, (90, 20, 30), -1)
        render = np.zeros((SIZE, SIZE, 4), np.uint8)
        cv2.ellipse(render, (x, 30), (13, 17), 0, 0, 360, (180, 140, 130, 255), -1)
        cv2.ellipse(render, (x, 38), (6, opening), 0, 0, 360, (60, 60, 60, 255), -1)
        crops.append(crop)
        renders.append(render)
    return np.stack(crops), np.stack(renders)


def over_plates(renders, plates):
    """Yield a render and its plate for each frame, as a refiner takes them; the plates are of another moment."""
    return ((render, CropPlate(plate)) for render, plate in zip(renders, plates))


def pairs_of(frames, renders, weight=64, identity=IDENTITY):
    """Return training pairs with one weight for all pixels."""
    identities = np.broadcast_to(identity, (len(frames), identity.shape[-1]))
    weights = np.full(frames.shape[:3], weight, np.uint8)
    return TrainingPairs(frames, renders, weights, identities, "a test's feature")


def two_people(clip):
    """Return frames, renders and identity features of two people, whose renders differ in colour."""
    frames, renders = clip
    other = renders.copy()
    other[..., :3] = 255 - other[..., :3]
    features = np.repeat([IDENTITY, IDENTITY[::-1]], len(frames), axis=0)
    return np.concatenate([frames, frames]), np.concatenate([renders, other]), features
