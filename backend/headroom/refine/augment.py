"""Augmentation of the refiner's training pairs: position, size, colour, erased area and plate."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.refine.inputs import PreparedFrame


@dataclass(frozen=True)
class RefinerAugmentConfig:
    """Ranges and probabilities of the augmentations."""

    scale: float = 0.05  # largest relative change of size
    shift: float = 0.04  # largest translation, as a fraction of the crop
    transform_probability: float = 0.7  # of scaling and translating a pair at all
    mirror_probability: float = 0.0  # 0 for one person, because the halves of a face differ
    brightness: float = 0.05  # largest relative change of all colours
    tint: float = 0.0  # largest relative change of single colours
    margin: float = 0.25  # largest relative change of the erased margin
    other_plate_probability: float = 0.3  # of surroundings from another frame
    other_plate_shift: float = 0.01  # largest misalignment of that frame, as a fraction of the crop
    hidden_face_probability: float = 0.08  # of a reprojected plate without the face
    hidden_part_probability: float = 0.25  # of a reprojected plate without a part of mouth or eyes


@dataclass(frozen=True)
class Augmentation:
    """One sampled augmentation, applied alike to the network's input and to the true frame.

    transform: affine matrix (2, 3), pixels; None for none.
    gain: (3,) factors of red, green and blue.
    margin_scale: factor of the erased margin.
    """

    transform: NDArray[np.float64] | None
    gain: NDArray[np.float64]
    margin_scale: float

    @staticmethod
    def sample(config: RefinerAugmentConfig, size: int, random: np.random.Generator) -> Augmentation:
        """Sample an augmentation of pictures of `size` pixels."""
        gain = (1 + config.brightness * random.uniform(-1, 1)) * (1 + config.tint * random.uniform(-1, 1, 3))
        return Augmentation(random_transform(config, size, random), gain, 1 + config.margin * random.uniform(-1, 1))

    def of_frame(self, frame: PreparedFrame) -> PreparedFrame:
        """Return a frame augmented."""
        mask = self.warp((frame.mask * 255).astype(np.uint8)).astype(np.float32) / 255
        return PreparedFrame(self.warp_and_grade(frame.colour), self.warp(frame.alpha),
                             self.warp_and_grade(frame.plate), self.warp(frame.valid), mask)

    def warp(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return `picture` (R, R[, C]) transformed."""
        return picture if self.transform is None else warp_affine(picture, self.transform)

    def warp_and_grade(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return `picture` (R, R, 3) transformed and with its colours changed."""
        levels = np.rint(np.clip(np.outer(np.arange(256), self.gain), 0, 255)).astype(np.uint8)
        return np.asarray(cv2.LUT(self.warp(picture), levels[:, None]), np.uint8)


def random_transform(
    config: RefinerAugmentConfig, size: int, random: np.random.Generator
) -> NDArray[np.float64] | None:
    """Sample an affine matrix (2, 3) that scales, translates and mirrors a crop of `size` pixels; None for identity."""
    mirrored = random.random() < config.mirror_probability
    scale, shift = 1.0, np.zeros(2)
    if random.random() < config.transform_probability:
        scale = 1 + config.scale * random.uniform(-1, 1)
        shift = config.shift * size * random.uniform(-1, 1, 2)
    elif not mirrored:
        return None
    factors = np.array([-scale if mirrored else scale, scale])
    centre = (size - 1) / 2
    return np.column_stack([np.diag(factors), centre * (1 - factors) + shift])


def warp_affine(picture: NDArray[np.uint8], transform: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return `picture` (R, R[, C]) under the affine matrix (2, 3) in pixels; beyond its edges, edge pixels repeat."""
    size = picture.shape[1::-1]
    return np.asarray(
        cv2.warpAffine(picture, transform, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )
