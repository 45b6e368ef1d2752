"""Residual networks (He et al., CVPR 2016), with the parameter names of torchvision's published weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from headroom.common.errors import InputError
from headroom.common.networks.published import read_weights

RESNET_18 = (2, 2, 2, 2)
"""Number of blocks in the four stages of ResNet-18."""


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut around them (He et al., figure 5 left).

    Shape: input (B, inputs, H, W), output (B, width, H/stride, W/stride).
    """

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block to features (B, inputs, H, W)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)) + shortcut)


class Bottleneck(nn.Module):
    """A 3x3 convolution between two 1x1 ones, with a shortcut around them (He et al., figure 5 right).

    The stride is in the 3x3 convolution, as in torchvision (ResNet v1.5).

    Shape: input (B, inputs, H, W), output (B, 4 * width, H/stride, W/stride).
    """

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(inputs, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block to features (B, inputs, H, W)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.relu(self.bn3(self.conv3(x)) + shortcut)


class ResNet(nn.Module):
    """A residual network up to its global average pooling, without the last linear layer.

    Each of the four stages halves the resolution and doubles the width of the one before.

    Shape: input (B, 3, H, W), output (B, channels, 1, 1).
    """

    def __init__(self, block: type[BasicBlock] | type[Bottleneck], blocks: Sequence[int], width: int = 64):
        """Build the network with random weights.

        blocks: number of blocks in each of the four stages.
        width: channels of the first stage.
        """
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        widths = [width * 2**stage for stage in range(4)]
        inputs = [width, *(w * block.expansion for w in widths[:-1])]
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            _stage(block, inputs[i], widths[i], blocks[i], stride=1 if i == 0 else 2) for i in range(4)
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.channels = widths[-1] * block.expansion
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Return the pooled features (B, channels, 1, 1) of images (B, 3, H, W)."""
        return self.avgpool(self.stages(x)[-1])

    def stages(self, x: Tensor) -> list[Tensor]:
        """Return the feature maps of the four stages for images (B, 3, H, W).

        Stage i, counted from 0, is (B, width * 2**i * block.expansion, H / 2**(i+2), W / 2**(i+2)).
        """
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        features = []
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            features.append(x)
        return features


def load_resnet18(path: Path) -> ResNet:
    """Load the trunk of ResNet-18 from torchvision's file (ImageNet weights); the classifier is left out.

    Source: https://download.pytorch.org/models/resnet18-f37072fd.pth

    Raises InputError when the file holds another network.
    """
    network, weights = ResNet(BasicBlock, RESNET_18), read_weights(path)
    trunk = {name: value for name, value in weights.items() if not name.startswith("fc.")}
    try:
        network.load_state_dict(trunk)
    except RuntimeError as error:
        raise InputError(f"{path} is not a ResNet-18; choose the weights that torchvision publishes for it.") from error
    return network.eval()


def _stage(block: type[BasicBlock | Bottleneck], inputs: int, width: int, count: int, stride: int) -> nn.Sequential:
    first = block(inputs, width, stride)
    return nn.Sequential(first, *(block(width * block.expansion, width, 1) for _ in range(count - 1)))


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    """Return the 1x1 projection of a shortcut, None where the block keeps the shape."""
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
