"""How a training pair is varied, so that the refiner bears other plates, places in the crop and cameras."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class AugmentConfig:
    """The largest changes, and how often the rarer ones are made."""

    scale: float = 0.05  # change of size, part
    shift: float = 0.04  # part of the crop
    moved: float = 0.7  # how often a pair is scaled and shifted at all
    mirrored: float = 0.0  # how often a pair is mirrored; never for one person, whose halves differ
    brightness: float = 0.05  # gain change
    tint: float = 0.0  # gain change of single colours
    margin: float = 0.25  # change of the erased margin, part of it
    other_plate: float = 0.3  # how often the surroundings come from another frame
    other_shift: float = 0.01  # how badly that plate may be placed, part of the crop


@dataclass(frozen=True)
class Change:
    """One draw of the changes that window and truth share."""

    move: NDArray[np.float64] | None  # affine map (2, 3), pixels
    gain: NDArray[np.float64]  # (3,) of each colour
    margin: float  # factor on the erased margin

    @staticmethod
    def draw(config: AugmentConfig, size: int, random: np.random.Generator) -> Change:
        """A change of pictures `size` pixels wide."""
        gain = (1 + config.brightness * random.uniform(-1, 1)) * (1 + config.tint * random.uniform(-1, 1, 3))
        return Change(random_move(config, size, random), gain, 1 + config.margin * random.uniform(-1, 1))

    def moved(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """`picture` (R, R[, C]) in its place."""
        return picture if self.move is None else moved(picture, self.move)

    def seen(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """`picture` (R, R, 3) in its place and colours."""
        gain = np.rint(np.clip(np.outer(np.arange(256), self.gain), 0, 255)).astype(np.uint8)
        return np.asarray(cv2.LUT(self.moved(picture), gain[:, None]), np.uint8)


def random_move(config: AugmentConfig, size: int, random: np.random.Generator) -> NDArray[np.float64] | None:
    """An affine map (2, 3) in pixels that scales, shifts and mirrors the crop, or None for none."""
    mirrored = random.random() < config.mirrored
    scale, shift = 1.0, np.zeros(2)
    if random.random() < config.moved:
        scale = 1 + config.scale * random.uniform(-1, 1)
        shift = config.shift * size * random.uniform(-1, 1, 2)
    elif not mirrored:
        return None
    sides = np.array([-scale if mirrored else scale, scale])
    middle = (size - 1) / 2
    return np.column_stack([np.diag(sides), middle * (1 - sides) + shift])


def moved(picture: NDArray[np.uint8], move: NDArray[np.float64]) -> NDArray[np.uint8]:
    """`picture` (R, R[, C]) resampled by the affine map `move` (2, 3) in pixels; edges are repeated."""
    size = picture.shape[1::-1]
    return np.asarray(
        cv2.warpAffine(picture, move, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )
