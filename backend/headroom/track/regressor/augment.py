"""Examples as a careless camera would have taken them: moved, mirrored, tinted, blurred, covered in part."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from headroom.face import topology as top
from headroom.face.model import FaceModel
from headroom.track.regressor.crop import FOCAL, transfer
from headroom.track.regressor.estimate import SIZES
from headroom.track.regressor.examples import MARGIN, Examples

_STARTS = np.cumsum((0, *SIZES))
_PERSONAL = slice(0, int(_STARTS[3]))
"""Identity, expression and texture: their mirror images are not known."""
_ROTATION, _LIGHT, _TRANSLATION = (slice(int(_STARTS[i]), int(_STARTS[i + 1])) for i in (3, 4, 5))
_LIGHT_MIRRORED = np.repeat([1, 1, 1, -1, -1, 1, 1, -1, 1], 3)


@dataclass(frozen=True)
class RegressorAugment:
    # The published training moves the window by 0.045 and 0.1. Moved less, it says more about where the face is:
    # 4.0 instead of 4.7 % of the eye distance after 600 steps.
    shift: float = 0.02  # of the window, sides
    scale: float = 0.05
    roll: float = 10.0  # degrees
    mirrored: float = 0.5  # share of examples
    tint: float = 0.12  # deviation of the brightness, and half of it of each channel
    softened: float = 0.35  # share of examples that are blurred or compressed
    covered: float = 0.15  # share of examples with something before the face
    grey: float = 0.05  # share of examples without colour


@dataclass(frozen=True)
class RegressorBatch:
    """pictures (B, 3, R, R) as the network sees them, clear (B, 3, R, R) as they were; landmarks (B, L, 2);
    coefficients (B, 257), NaN where unknown; photographed (B,) bool.
    """

    pictures: Tensor
    clear: Tensor
    landmarks: Tensor
    coefficients: Tensor
    photographed: Tensor


@dataclass(frozen=True)
class Move:
    """Another window of the same picture: moved by shift (2,) sides, `scale` as wide, turned by roll radians."""

    shift: np.ndarray
    scale: float
    roll: float

    @property
    def matrix(self) -> np.ndarray:
        """(2, 2): a place in this window, from its middle, to one in the old window, from this one's middle."""
        return self.scale * _turn(self.roll)


class Augmenter:
    """Draws batches of one face model's examples at one resolution."""

    def __init__(self, model: FaceModel, examples: Examples, resolution: int, config: RegressorAugment,
                 rng: np.random.Generator):
        self.examples, self.resolution, self.config, self.rng = examples, resolution, config, rng
        self.pairs = top.mirror_pairs(model.mean[model.landmark_vertices])

    def batch(self, indices: np.ndarray) -> RegressorBatch:
        """The examples (B,), each changed at random."""
        changed = [self._changed(int(index)) for index in indices]
        pictures, clear, landmarks, coefficients = (np.stack(values) for values in zip(*changed))
        return RegressorBatch(_to_tensor(pictures), _to_tensor(clear), torch.from_numpy(landmarks.astype(np.float32)),
                     torch.from_numpy(coefficients.astype(np.float32)),
                     torch.from_numpy(self.examples.photographed[indices]))

    def _changed(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        examples, rng, config = self.examples, self.rng, self.config
        picture, landmarks = examples.pictures[index], examples.landmarks[index]
        coefficients = examples.coefficients[index].astype(np.float64)
        if rng.random() < config.mirrored:
            picture, landmarks = picture[:, ::-1], landmarks[self.pairs] * [-1, 1]
            coefficients = mirrored(coefficients)
        move = self._move()
        picture = moved_picture(picture, self.resolution, move)
        landmarks, coefficients = moved_points(landmarks, move), moved_pose(coefficients, move)
        gain = np.exp(rng.normal(0, config.tint) + rng.normal(0, config.tint / 2, 3))
        coefficients[_LIGHT] *= np.tile(gain, 9)
        clear = np.clip(picture * gain, 0, 255).astype(np.uint8)
        return self._worse(clear), clear, landmarks, coefficients

    def _move(self) -> "Move":
        rng, config = self.rng, self.config
        return Move(
            shift=rng.uniform(-1, 1, 2) * config.shift,
            scale=1 + rng.uniform(-1, 1) * config.scale,
            roll=np.radians(rng.uniform(-1, 1) * config.roll),
        )

    def _worse(self, picture: np.ndarray) -> np.ndarray:
        """The picture (R, R, 3) uint8 as a poor camera, a codec or a hand before the face would leave it."""
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
        """A turned rectangle of another picture over part of the face."""
        rng, side = self.rng, self.resolution
        mask = np.zeros((side, side), np.uint8)
        centre, size = rng.uniform(0.2, 0.8, 2) * side, rng.uniform(0.15, 0.5, 2) * side
        box = cv2.boxPoints((tuple(centre), tuple(size), float(rng.uniform(0, 180))))
        cv2.fillPoly(mask, [np.rint(box).astype(np.int32)], (1,))
        other = self.examples.pictures[rng.integers(len(self.examples))][:side, :side]
        return np.where(mask[..., None] > 0, other, picture)


def mirrored(coefficients: np.ndarray) -> np.ndarray:
    """Coefficients (257,) of the picture seen in a mirror: pose and light; the person's own are NaN."""
    result = coefficients.copy()
    result[_PERSONAL] = np.nan
    result[_ROTATION] *= [1, -1, -1]
    result[_TRANSLATION] *= [-1, 1, 1]
    result[_LIGHT] *= _LIGHT_MIRRORED
    return result


def moved_picture(picture: np.ndarray, resolution: int, move: Move) -> np.ndarray:
    """What the moved window sees of a stored picture."""
    unit = len(picture) / MARGIN
    turn = unit / resolution * move.matrix
    offset = move.shift * unit + len(picture) / 2 - 0.5 - turn @ np.full(2, resolution / 2 - 0.5)
    matrix = np.concatenate([turn, offset[:, None]], 1)
    return cv2.warpAffine(picture, matrix, (resolution, resolution), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                          borderMode=cv2.BORDER_REPLICATE)


def moved_points(points: np.ndarray, move: Move) -> np.ndarray:
    """Where points (..., 2) of the window are in the moved one."""
    return (points - move.shift) @ np.linalg.inv(move.matrix).T


def moved_pose(coefficients: np.ndarray, move: Move) -> np.ndarray:
    """The coefficients (257,) before the moved window's camera."""
    result = coefficients.copy()
    lens, other = np.array([FOCAL, 0, 0]), np.array([FOCAL * move.scale, *move.shift])
    rotation, translation = transfer(result[_ROTATION], result[_TRANSLATION], lens, other)
    # turning the camera about its own axis adds to the roll, which is applied last
    result[_ROTATION] = rotation + np.array([0, 0, move.roll])
    result[_TRANSLATION] = [*(_turn(move.roll) @ translation[:2]), translation[2]]
    result[_LIGHT] = _turned_light(result[_LIGHT].reshape(9, 3), move.roll).ravel()
    return result


def _turned_light(light: np.ndarray, roll: float) -> np.ndarray:
    """γ (9, 3) turned about the line of sight: the pairs (x, y) and (xz, yz) turn once, (x²-y², xy) twice."""
    result = light.copy()
    for pair, angle in (((3, 1), roll), ((7, 5), roll), ((8, 4), 2 * roll)):
        result[list(pair)] = _turn(angle) @ light[list(pair)]
    return result


def _turn(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _to_tensor(pictures: np.ndarray) -> Tensor:
    """(B, 3, R, R) in 0..1, laid out as (B, R, R, 3) uint8 is."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
