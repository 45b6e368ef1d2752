"""ArcFace (Deng et al., CVPR 2019): identity embeddings of faces, with the PyTorch weights that users bring."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from headroom.common.errors import InputError
from headroom.common.networks.published import read_weights

RESOLUTION, EMBEDDING_SIZE = 112, 512

STANDARD_POINTS = np.array([
    [38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041],
])
"""(5, 2) pixels of the aligned image, whole numbers at pixel centres: the eyes (left in the image first), the tip of
the nose, the corners of the mouth. Source: InsightFace's alignment template."""

_WIDTHS = (64, 128, 256, 512)


class Block(nn.Module):
    """ArcFace's residual block ("IR"): batch norm before and after the convolutions, no activation after the sum.

    Shape: input (B, inputs, H, W), output (B, width, H/stride, W/stride).
    """

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
        """Apply the block to features (B, inputs, H, W)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        return self.bn3(self.conv2(x)) + shortcut


class ArcFace(nn.Module):
    """A residual network from an aligned face to its identity embedding.

    The state dict has the names of InsightFace's `arcface_torch` backbones.

    Shape: input (B, 3, 112, 112), output (B, 512).
    """

    def __init__(self, blocks: Sequence[int]):
        """Build the network with random weights.

        blocks: number of blocks in each of the four stages: (2, 2, 2, 2) is r18, (3, 4, 14, 3) r50,
            (3, 13, 30, 3) r100.
        """
        super().__init__()
        self.conv1 = nn.Conv2d(3, _WIDTHS[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(_WIDTHS[0])
        self.prelu = nn.PReLU(_WIDTHS[0])
        inputs = (_WIDTHS[0], *_WIDTHS[:-1])
        self.layer1, self.layer2, self.layer3, self.layer4 = map(_stage, inputs, _WIDTHS, blocks)
        self.bn2 = nn.BatchNorm2d(_WIDTHS[-1])
        self.fc = nn.Linear(_WIDTHS[-1] * (RESOLUTION // 16) ** 2, EMBEDDING_SIZE)
        self.features = nn.BatchNorm1d(EMBEDDING_SIZE)

    def forward(self, faces: Tensor) -> Tensor:
        """Return embeddings (B, 512) of unit length.

        faces: (B, 3, 112, 112) RGB in 0..1, aligned as `align_face` does.
        """
        x = self.prelu(self.bn1(self.conv1(2 * faces - 1)))
        x = self.bn2(self.layer4(self.layer3(self.layer2(self.layer1(x)))))
        return functional.normalize(self.features(self.fc(x.flatten(1))), dim=1)

    @torch.inference_mode()
    def embed(self, picture: NDArray[np.uint8], points: NDArray[Any]) -> NDArray[np.float32]:
        """Return the embedding (512,) of one face in a picture.

        picture: (H, W, 3) uint8 RGB.
        points: (5, 2) pixels of the face's five points, in the order of `STANDARD_POINTS`.
        """
        face = torch.from_numpy(align_face(picture, points)).permute(2, 0, 1).float() / 255
        return self(face[None])[0].numpy()


def load_arcface(path: Path) -> ArcFace:
    """Load a network from a file of InsightFace's `arcface_torch`; its depth follows from the parameter names.

    Raises InputError when the file holds another network.
    """
    weights = read_weights(path)
    blocks = [sum(name.startswith(f"layer{stage}.") and name.endswith(".conv1.weight") for name in weights)
              for stage in range(1, 5)]
    network = ArcFace(blocks)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise InputError(f"{path} is not an ArcFace network; choose one published for PyTorch (r50, say).") from error
    return network.eval()


def align_face(picture: NDArray[np.uint8], points: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the aligned face (112, 112, 3) uint8 of a picture (H, W, 3) uint8.

    points: (5, 2) pixels; the centre of the picture's first pixel is (0.5, 0.5).
    """
    matrix = similarity_transform(np.asarray(points, np.float64) - 0.5, STANDARD_POINTS)
    return np.asarray(cv2.warpAffine(picture, matrix, (RESOLUTION, RESOLUTION), flags=cv2.INTER_LINEAR), np.uint8)


def similarity_transform(source: NDArray[Any], target: NDArray[Any]) -> NDArray[np.float64]:
    """Return the similarity (2, 3) that maps source (N, 2) to target (N, 2) with the least squared error.

    Hand-written, because OpenCV's `estimateAffinePartial2D` rejects outliers by random sampling, and no point here is
    one.
    """
    (x, y), (u, v) = np.transpose(source), np.transpose(target)
    one, zero = np.ones_like(x), np.zeros_like(x)
    rows = np.concatenate([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])
    a, b, shift_x, shift_y = np.linalg.lstsq(rows, np.concatenate([u, v]), rcond=None)[0]
    return np.array([[a, -b, shift_x], [b, a, shift_y]])


def _stage(inputs: int, width: int, count: int) -> nn.Sequential:
    return nn.Sequential(Block(inputs, width, 2), *(Block(width, width, 1) for _ in range(count - 1)))
