"""Early features of ImageNet: the first blocks of MobileNetV2 (Sandler et al., CVPR 2018), and the perceptual distance.

The distance is that of LPIPS (Zhang et al., CVPR 2018) without its learned weights: features of each pixel are scaled
to unit length and compared. It is differentiable, so it serves as a measure and as a training loss.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
STEM_WIDTH = 32
BLOCKS = ((1, 16, 1), (6, 24, 2), (6, 24, 1), (6, 32, 2), (6, 32, 1), (6, 32, 1))
"""Expansion, output channels and stride of the blocks, the first six of MobileNetV2's seventeen."""
LEVELS = (2, 5)
"""Blocks whose outputs are the features: the last ones at a quarter and at an eighth of the picture's size.

Those at half the size punish grain of another frame more than a blur of two pixels (0.55 and 0.46 for noise of three
levels; 0.29 and 0.51 at a quarter), and people see it the other way round.
"""

_SMALL = 1e-8  # squared length below which a feature counts as zero; keeps the gradient finite


class InvertedResidual(nn.Module):
    """MobileNetV2's block: 1x1 expansion, 3x3 convolution per channel, linear 1x1 projection.

    Batch norm is folded into the convolutions.

    Shape: input (B, inputs, H, W), output (B, outputs, ⌈H/stride⌉, ⌈W/stride⌉).
    """

    def __init__(self, inputs: int, expansion: int, outputs: int, stride: int):
        super().__init__()
        width = inputs * expansion
        self.expand = nn.Conv2d(inputs, width, 1) if expansion > 1 else None
        self.depthwise = nn.Conv2d(width, width, 3, stride, padding=1, groups=width)
        self.project = nn.Conv2d(width, outputs, 1)
        self.has_shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block to features (B, inputs, H, W)."""
        expanded = x if self.expand is None else functional.relu6(self.expand(x))
        projected: Tensor = self.project(functional.relu6(self.depthwise(expanded)))
        return x + projected if self.has_shortcut else projected


class ImageFeatures(nn.Module):
    """Pictures to features at a quarter and an eighth of their size.

    Shape: input (B, 3, H, W), output (B, 24, ⌈H/4⌉, ⌈W/4⌉) and (B, 32, ⌈H/8⌉, ⌈W/8⌉).
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        """Build the network with random weights."""
        super().__init__()
        self.stem = nn.Conv2d(3, STEM_WIDTH, 3, stride=2, padding=1)
        inputs = (STEM_WIDTH, *(outputs for _, outputs, _ in BLOCKS))
        self.blocks = nn.ModuleList(InvertedResidual(width, *block) for width, block in zip(inputs, BLOCKS))
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(3, 1, 1))

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Return the features of pictures (B, 3, H, W) RGB, 0..1."""
        x = functional.relu6(self.stem((pictures - self.mean) / self.std))
        features = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in LEVELS:
                features.append(x)
        return features


def feature_distance(truth: Sequence[Tensor], made: Sequence[Tensor], weight: Tensor | None = None) -> Tensor:
    """Return the perceptual distance (B,) of pictures, 0 for identical ones and at most 4.

    Features are scaled to unit length over their channels. Their squared difference is summed over the channels,
    averaged over the picture with `weight`, and averaged over the levels.

    truth, made: what `ImageFeatures` returns for pictures (B, 3, H, W).
    weight: (B, 1, H, W) >= 0, how much each pixel of the pictures counts; all count alike if None. A picture whose
    weights are all zero has the distance 0.
    """
    distances = []
    for true_level, made_level in zip(truth, made, strict=True):
        difference = (_unit_length(true_level) - _unit_length(made_level)).square().sum(1, keepdim=True)
        if weight is None:
            distances.append(difference.mean((1, 2, 3)))
            continue
        level_weight = functional.interpolate(weight, size=difference.shape[2:], mode="area")
        total = level_weight.sum((1, 2, 3)).clamp(min=torch.finfo(level_weight.dtype).tiny)
        distances.append((difference * level_weight).sum((1, 2, 3)) / total)
    return torch.stack(distances).mean(0)


def _unit_length(features: Tensor) -> Tensor:
    return features * (features.square().sum(1, keepdim=True) + _SMALL).rsqrt()
