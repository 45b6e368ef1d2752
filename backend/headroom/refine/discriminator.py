"""The discriminator: decides whether a frame is a photo, given the generator's input (paper, section 3.4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from headroom.refine.generator import COLOURS


class Discriminator(nn.Module):
    """A PatchGAN: one logit for every patch of 70 x 70 pixels, eight pixels apart.

    It uses InstanceNorm where the authors use BatchNorm, because batches have one to four frames.
    """

    def __init__(self, width: int, input_channels: int):
        """Build the layers.

        width: number of channels of the first one (the authors' `ndf` of 64).
        input_channels: of the generator's input.
        """
        super().__init__()
        self.layers = nn.Sequential(
            _conv(input_channels + COLOURS, width, 2),
            nn.LeakyReLU(0.2),
            _conv(width, 2 * width, 2),
            nn.InstanceNorm2d(2 * width),
            nn.LeakyReLU(0.2),
            _conv(2 * width, 4 * width, 2),
            nn.InstanceNorm2d(4 * width),
            nn.LeakyReLU(0.2),
            _conv(4 * width, 8 * width, 1),
            nn.InstanceNorm2d(8 * width),
            nn.LeakyReLU(0.2),
            _conv(8 * width, 1, 1),
        )

    def forward(self, inputs: Tensor, frame: Tensor) -> Tensor:
        """Return logits (B, 1, H/8 - 2, W/8 - 2), positive for a photo.

        inputs: (B, C, H, W), the generator's input.
        frame: (B, 3, H, W), 0..1, a refined or a true frame.
        """
        return self.layers(torch.cat([inputs, frame], dim=1)).float()


def _conv(inputs: int, outputs: int, stride: int) -> nn.Conv2d:
    """Return a 4 x 4 convolution with small normal weights."""
    conv = nn.Conv2d(inputs, outputs, 4, stride=stride, padding=1)
    nn.init.normal_(conv.weight, 0.0, 0.02)
    return conv
