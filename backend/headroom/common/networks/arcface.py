"""ArcFace (Deng et al., CVPR 2019): who is in a picture, as published for PyTorch; the user brings the weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from headroom.common.errors import InputError
from headroom.common.networks.published import read_weights

SIDE, FEATURE = 112, 512

POINTS = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])
"""(5, 2) pixels, whole numbers at pixel centres: where eyes (the picture's left one first), tip of the nose and corners
of the mouth belong."""

_WIDTHS = (64, 128, 256, 512)


class Block(nn.Module):
    """Normalised before and after; nothing follows the sum."""

    def __init__(self, inputs: int, width: int, stride: int):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.prelu = nn.PReLU(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.downsample = None
        if stride > 1:
            shortcut = nn.Conv2d(inputs, width, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        """x (B, inputs, H, W) to (B, width, H/stride, W/stride)."""
        around = x if self.downsample is None else self.downsample(x)
        x = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        return self.bn3(self.conv2(x)) + around


class ArcFace(nn.Module):
    """A residual network over an upright face; the state dict has the published names."""

    def __init__(self, blocks: Sequence[int]):
        """blocks: how many in each of the four stages; (2, 2, 2, 2) is r18, (3, 4, 14, 3) r50, (3, 13, 30, 3) r100."""
        super().__init__()
        self.conv1 = nn.Conv2d(3, _WIDTHS[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(_WIDTHS[0])
        self.prelu = nn.PReLU(_WIDTHS[0])
        inputs = (_WIDTHS[0], *_WIDTHS[:-1])
        self.layer1, self.layer2, self.layer3, self.layer4 = map(_stage, inputs, _WIDTHS, blocks)
        self.bn2 = nn.BatchNorm2d(_WIDTHS[-1])
        self.fc = nn.Linear(_WIDTHS[-1] * (SIDE // 16) ** 2, FEATURE)
        self.features = nn.BatchNorm1d(FEATURE)

    def forward(self, faces: Tensor) -> Tensor:
        """Unit vectors (B, 512) of faces (B, 3, 112, 112), RGB, 0..1, placed as `aligned` does."""
        x = self.prelu(self.bn1(self.conv1(2 * faces - 1)))
        x = self.bn2(self.layer4(self.layer3(self.layer2(self.layer1(x)))))
        return functional.normalize(self.features(self.fc(x.flatten(1))), dim=1)

    @torch.inference_mode()
    def read(self, picture: NDArray[np.uint8], points: NDArray[np.floating]) -> NDArray[np.float32]:
        """The feature (512,) of the face whose five points (5, 2) px lie in a picture (H, W, 3) uint8."""
        face = torch.from_numpy(aligned(picture, points)).permute(2, 0, 1).float() / 255
        return self(face[None])[0].numpy()


def load_arcface(path: Path) -> ArcFace:
    """The network in a file as published; its depth follows from the names in it."""
    weights = read_weights(path)
    blocks = [sum(name.startswith(f"layer{stage}.") and name.endswith(".conv1.weight") for name in weights)
              for stage in range(1, 5)]
    network = ArcFace(blocks)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise InputError(f"{path} is not an ArcFace network; choose one published for PyTorch (r50, say).") from error
    return network.eval()


def _stage(inputs: int, width: int, count: int) -> nn.Sequential:
    return nn.Sequential(Block(inputs, width, 2), *(Block(width, width, 1) for _ in range(count - 1)))


def aligned(picture: NDArray[np.uint8], points: NDArray[np.floating]) -> NDArray[np.uint8]:
    """The face (112, 112, 3) uint8 of a picture (H, W, 3), turned, scaled and moved so that its points (5, 2) come
    nearest to the standard ones. The centre of the first pixel of the picture is (0.5, 0.5).
    """
    matrix = similarity(np.asarray(points, np.float64) - 0.5, POINTS)
    return np.asarray(cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR), np.uint8)


def similarity(points: NDArray[np.floating], wanted: NDArray[np.floating]) -> NDArray[np.float64]:
    """(2, 3): the turn, scale and shift that bring points (N, 2) nearest to the wanted ones, by least squares."""
    (x, y), (u, v) = np.transpose(points), np.transpose(wanted)
    one, zero = np.ones_like(x), np.zeros_like(x)
    rows = np.concatenate([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])
    a, b, shift_x, shift_y = np.linalg.lstsq(rows, np.concatenate([u, v]), rcond=None)[0]
    return np.array([[a, -b, shift_x], [b, a, shift_y]])
