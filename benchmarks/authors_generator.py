"""The layers of the paper authors' generator, with random weights, for timing beside ours.

Written from their list of layers: 259 M weights, of which 205 M turn the identity feature into AdaIN parameters.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 64
CHANNELS = [WIDTH * min(2**level, 8) for level in range(8)]
IDENTITY_SIZE = 512


class AuthorsGenerator(nn.Module):
    """A U-Net of eight levels whose inner layers the identity conditions by AdaIN."""

    def __init__(self):
        super().__init__()
        inputs, outputs = [9, *CHANNELS[:-1]], CHANNELS
        self.down = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in zip(inputs, outputs))
        up_outputs = [*reversed(CHANNELS[:-1]), WIDTH]
        up_inputs = [CHANNELS[-1], *(2 * channels for channels in reversed(CHANNELS[:-1]))]
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, 2, 1) for a, b in zip(up_inputs, up_outputs))
        self.sizes = [2 * channels for channels in (*CHANNELS[1:-1], *up_outputs)]
        total = sum(self.sizes)
        self.style = nn.Sequential(nn.Linear(IDENTITY_SIZE, total), nn.ReLU(), nn.Linear(total, total), nn.ReLU(),
                                   nn.Linear(total, total))
        self.colour = nn.Conv2d(WIDTH, 3, 7, padding=3)
        self.attention = nn.Conv2d(WIDTH, 1, 7, padding=3)

    def forward(self, renders: Tensor, identity: Tensor) -> Tensor:
        """Return refined pictures (B, 3, 256, 256) of three renders (B, 9, 256, 256) and identity (B, 512)."""
        styles = iter(self.style(identity).split(self.sizes, dim=1))
        skips = [self.down[0](renders)]
        for layer in self.down[1:-1]:
            skips.append(adain(layer(functional.leaky_relu(skips[-1], 0.2)), next(styles)))
        x = self.down[-1](functional.leaky_relu(skips[-1], 0.2))
        for layer, skip in zip(self.up, [*reversed(skips), None]):
            x = adain(layer(functional.relu(x)), next(styles))
            x = x if skip is None else torch.cat([x, skip], dim=1)
        x = functional.relu(x)
        attention = torch.sigmoid(self.attention(x))
        return attention * renders[:, -3:] + (1 - attention) * torch.tanh(self.colour(x))


def adain(x: Tensor, style: Tensor) -> Tensor:
    """Normalise each channel of x (B, C, H, W), then apply gain and offset of style (B, 2C)."""
    gain, offset = style[..., None, None].chunk(2, dim=1)
    return functional.instance_norm(x) * (1 + gain) + offset
