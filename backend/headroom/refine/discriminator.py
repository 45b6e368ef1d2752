"""The discriminator: is this frame, given its rendered window, a photo? (paper §3.4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from headroom.refine.generator import INPUTS, PICTURE


class Discriminator(nn.Module):
    """A PatchGAN: one verdict for every 70 x 70 patch, eight pixels apart.

    InstanceNorm instead of the authors' BatchNorm: batches hold one to four frames.
    """

    def __init__(self, width: int = 64):
        """width: channels of the first layer (the authors' `ndf`, 64)."""
        super().__init__()
        self.layers = nn.Sequential(
            _conv(INPUTS + PICTURE, width, 2),
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

    def forward(self, window: Tensor, frame: Tensor) -> Tensor:
        """Logits (B, 1, H/8 - 2, W/8 - 2), positive for a photo.

        window (B, 11, H, W): what the generator saw; frame (B, 3, H, W): a refined or a true frame, 0..1.
        """
        return self.layers(torch.cat([window, frame], dim=1)).float()


def _conv(inputs: int, outputs: int, stride: int) -> nn.Conv2d:
    conv = nn.Conv2d(inputs, outputs, 4, stride=stride, padding=1)
    nn.init.normal_(conv.weight, 0.0, 0.02)
    return conv
