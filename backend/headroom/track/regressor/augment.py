"""Augmentation of the regressor's examples: moved, mirrored, tinted, blurred, compressed, partly covered."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from headroom.face import topology as top
from headroom.face.model import FaceModel
from headroom.track.regressor.crop import FOCAL, convert_pose
from headroom.track.regressor.estimate import SIZES
from headroom.track.regressor.examples import MARGIN, Examples

_STARTS = np.cumsum((0, *SIZES))
_PERSONAL = slice(0, int(_STARTS[3]))
"""Identity, expression and texture, whose mirror images are not known."""
_ROTATION, _LIGHT, _TRANSLATION = (slice(int(_STARTS[i]), int(_STARTS[i + 1])) for i in (3, 4, 5))
_LIGHT_MIRRORED = np.repeat([1, 1, 1, -1, -1, 1, 1, -1, 1], 3)


@dataclass(frozen=True)
class RegressorAugment:
    """Strength of the augmentations; probabilities are per example.

    The published training moves the crop by 0.045 and scales it by 0.1. Smaller values make the crop tell more about
    the face's position: 4.0 instead of 4.7 % of the eye distance after 600 steps.
    """

    shift: float = 0.02
    """Largest shift of the crop, sides."""
    scale: float = 0.05
    """Largest relative change of the crop's size."""
    roll: float = 10.0
    """Largest rotation of the crop, degrees."""
    mirrored: float = 0.5
    """Probability of mirroring."""
    tint: float = 0.12
    """Standard deviation of the brightness's logarithm; that of each channel is half of it."""
    softened: float = 0.35
    """Probability of blur and compression."""
    covered: float = 0.15
    """Probability of something in front of the face."""
    grey: float = 0.05
    """Probability of a picture without colour."""


@dataclass(frozen=True)
class RegressorBatch:
    """B augmented examples.

    pictures: (B, 3, R, R) 0..1, degraded, for the network. clear: (B, 3, R, R) before degradation, for the losses.
    landmarks: (B, L, 2). coefficients: (B, 257), NaN where unknown. photographed: (B,) bool.
    """

    pictures: Tensor
    clear: Tensor
    landmarks: Tensor
    coefficients: Tensor
    photographed: Tensor


@dataclass(frozen=True)
class CropChange:
    """Another crop of the same picture: moved by shift (2,) sides, `scale` times as large, rotated by roll radians."""

    shift: np.ndarray
    scale: float
    roll: float

    @property
    def matrix(self) -> np.ndarray:
        """(2, 2) from offsets from the new crop's middle to offsets in the old crop."""
        return self.scale * _rotation(self.roll)


class Augmenter:
    """Makes random batches of one face model's examples at one resolution."""

    def __init__(self, model: FaceModel, examples: Examples, resolution: int, config: RegressorAugment,
                 rng: np.random.Generator):
        self.examples, self.resolution, self.config, self.rng = examples, resolution, config, rng
        self.pairs = top.mirror_pairs(model.mean[model.landmark_vertices])

    def batch(self, indices: np.ndarray) -> RegressorBatch:
        """Return the examples (B,), each augmented at random."""
        augmented = [self._augment(int(index)) for index in indices]
        pictures, clear, landmarks, coefficients = (np.stack(values) for values in zip(*augmented))
        return RegressorBatch(
            _to_tensor(pictures), _to_tensor(clear), torch.from_numpy(landmarks.astype(np.float32)),
            torch.from_numpy(coefficients.astype(np.float32)), torch.from_numpy(self.examples.photographed[indices]),
        )

    def _augment(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        examples, rng, config = self.examples, self.rng, self.config
        picture, landmarks = examples.pictures[index], examples.landmarks[index]
        coefficients = examples.coefficients[index].astype(np.float64)
        if rng.random() < config.mirrored:
            picture, landmarks = picture[:, ::-1], landmarks[self.pairs] * [-1, 1]
            coefficients = mirror_coefficients(coefficients)
        change = self._random_change()
        picture = change_picture(picture, self.resolution, change)
        landmarks, coefficients = change_points(landmarks, change), change_pose(coefficients, change)
        gain = np.exp(rng.normal(0, config.tint) + rng.normal(0, config.tint / 2, 3))
        coefficients[_LIGHT] *= np.tile(gain, 9)
        clear = np.clip(picture * gain, 0, 255).astype(np.uint8)
        return self._degraded(clear), clear, landmarks, coefficients

    def _random_change(self) -> CropChange:
        rng, config = self.rng, self.config
        return CropChange(
            shift=rng.uniform(-1, 1, 2) * config.shift,
            scale=1 + rng.uniform(-1, 1) * config.scale,
            roll=np.radians(rng.uniform(-1, 1) * config.roll),
        )

    def _degraded(self, picture: np.ndarray) -> np.ndarray:
        """Return a picture (R, R, 3) uint8 with the flaws of poor cameras, codecs, and hands in front of the face."""
        rng, config = self.rng, self.config
        if rng.random() < config.grey:
            picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        if rng.random() < config.covered:
            picture = self._covered(picture)
        if rng.random() < config.softened:
            picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 2.5))
            encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 90))])[1]
            picture = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
        noise = rng.standard_normal(picture.shape, np.float32) * np.float32(rng.uniform(0, 6))
        return np.clip(picture + noise, 0, 255).astype(np.uint8)

    def _covered(self, picture: np.ndarray) -> np.ndarray:
        """Return the picture with a rotated rectangle of another picture over part of the face."""
        rng, side = self.rng, self.resolution
        mask = np.zeros((side, side), np.uint8)
        centre, size = rng.uniform(0.2, 0.8, 2) * side, rng.uniform(0.15, 0.5, 2) * side
        box = cv2.boxPoints((tuple(centre), tuple(size), float(rng.uniform(0, 180))))
        cv2.fillPoly(mask, [np.rint(box).astype(np.int32)], (1,))
        other = self.examples.pictures[rng.integers(len(self.examples))][:side, :side]
        return np.where(mask[..., None] > 0, other, picture)


def mirror_coefficients(coefficients: np.ndarray) -> np.ndarray:
    """Return pose and light of the mirrored picture (257,); identity, expression and texture are NaN."""
    result = coefficients.copy()
    result[_PERSONAL] = np.nan
    result[_ROTATION] *= [1, -1, -1]
    result[_TRANSLATION] *= [-1, 1, 1]
    result[_LIGHT] *= _LIGHT_MIRRORED
    return result


def change_picture(picture: np.ndarray, resolution: int, change: CropChange) -> np.ndarray:
    """Return the changed crop (resolution, resolution, 3) of a stored picture, which is `MARGIN` crops wide."""
    unit = len(picture) / MARGIN
    linear = unit / resolution * change.matrix
    offset = change.shift * unit + len(picture) / 2 - 0.5 - linear @ np.full(2, resolution / 2 - 0.5)
    matrix = np.concatenate([linear, offset[:, None]], 1)
    return cv2.warpAffine(picture, matrix, (resolution, resolution), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                          borderMode=cv2.BORDER_REPLICATE)


def change_points(points: np.ndarray, change: CropChange) -> np.ndarray:
    """Return the positions in the changed crop of points (..., 2), in sides of the crop from its middle."""
    return (points - change.shift) @ np.linalg.inv(change.matrix).T


def change_pose(coefficients: np.ndarray, change: CropChange) -> np.ndarray:
    """Return the coefficients (257,) in the camera of the changed crop."""
    result = coefficients.copy()
    source, target = np.array([FOCAL, 0, 0]), np.array([FOCAL * change.scale, *change.shift])
    rotation, translation = convert_pose(result[_ROTATION], result[_TRANSLATION], source, target)
    # a rotation of the camera about its own axis adds to the roll, which is applied last
    result[_ROTATION] = rotation + np.array([0, 0, change.roll])
    result[_TRANSLATION] = [*(_rotation(change.roll) @ translation[:2]), translation[2]]
    result[_LIGHT] = _rotated_light(result[_LIGHT].reshape(9, 3), change.roll).ravel()
    return result


def _rotated_light(light: np.ndarray, roll: float) -> np.ndarray:
    """Return γ (9, 3) rotated about the optical axis: (x, y) and (xz, yz) by roll, (x²-y², xy) by twice the roll."""
    result = light.copy()
    for pair, angle in (((3, 1), roll), ((7, 5), roll), ((8, 4), 2 * roll)):
        result[list(pair)] = _rotation(angle) @ light[list(pair)]
    return result


def _rotation(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _to_tensor(pictures: np.ndarray) -> Tensor:
    """Return pictures (B, R, R, 3) uint8 as (B, 3, R, R) in 0..1, in channels-last memory order."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
