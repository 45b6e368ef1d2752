"""The generator: a U-Net whose every block is told whose face it paints (paper §3.4, Eq. 3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

PICTURE = 3  # colour channels of one picture
WINDOW = 3  # pictures the generator sees: t-2, t-1 and t (paper §3.4)
MASKS = 2  # the render's alpha and the erased area, of frame t
INPUTS = WINDOW * PICTURE + MASKS
ATTENTION_BIAS = 1.5  # the attention head's first bias: training starts from the render, A = 0.8, not from grey


@dataclass(frozen=True)
class GeneratorConfig:
    """What the generator is built from."""

    width: int = 32  # channels of the outermost block; the paper's `ngf` is 64
    levels: int = 6  # halvings of the picture; the paper's 256 picture is halved 8 times
    identity: int = 160  # length of the identity feature
    hidden: int = 128  # width of the network that turns identity into AdaIN parameters
    sub_pixel: bool = True  # paint each 2 x 2 pixels from one place of the picture of half size, see `SubPixelHeads`
    attention: bool = True  # o = A r + (1 - A) C; otherwise o = C (paper, Fig. 4)
    window: bool = True  # see r_t-2 and r_t-1; otherwise r_t three times (paper, Fig. 4)

    def channels(self) -> list[int]:
        """Channels after each halving: doubling up to eight times the width, as in the paper."""
        return [self.width * min(2**level, 8) for level in range(self.levels)]


class AdaIN(nn.Module):
    """Adaptive instance normalisation: each channel gets its spread and mean from the identity."""

    def __init__(self, channels: int):
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x (B, C, H, W); style (B, 2C): gain - 1, then offset."""
        gain, offset = style.float().chunk(2, dim=1)
        batch, channels, height, width = x.shape
        # Batch normalisation of B * C planes is instance normalisation with its own gain for each: one pass, not two.
        planes = x.reshape(1, batch * channels, height, width)
        normal = functional.batch_norm(
            planes, None, None, (1 + gain).flatten(), offset.flatten(), training=True, eps=1e-4
        )
        return normal.view_as(x)


class StyleNetwork(nn.Module):
    """Identity feature to the AdaIN parameters of all blocks; two layers where the authors use 204 M weights."""

    def __init__(self, identity: int, hidden: int, channels: list[int]):
        super().__init__()
        self.sizes = [2 * count for count in channels]
        self.hidden = nn.Linear(identity, hidden)
        self.out = nn.Linear(hidden, sum(self.sizes))
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, identity: Tensor) -> list[Tensor]:
        """identity (B, D) to one (B, 2C) per block; zeros at first, which is plain instance normalisation."""
        hidden = functional.leaky_relu(self.hidden(identity), 0.2)
        # The mean, not the sum: an Adam step then moves a gain no faster than it moves a kernel.
        return list(self.out(hidden / hidden.shape[1]).split(self.sizes, dim=1))


class Down(nn.Module):
    """Halve the picture."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)
        self.norm = AdaIN(outputs)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x (B, C, H, W) to (B, C', H/2, W/2)."""
        return self.norm(self.conv(functional.leaky_relu(x, 0.2)), style)


class Up(nn.Module):
    """Double the picture."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)
        self.norm = AdaIN(outputs)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x (B, C, H, W) to (B, C', 2H, 2W)."""
        return self.norm(self.conv(functional.relu(x)), style)


class PaperHeads(nn.Module):
    """Double the picture once more, then paint colour and attention from 7 x 7 pixels."""

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.up = Up(inputs, width)
        self.styled = width
        self.paint = nn.Conv2d(width, PICTURE + 1, 7, padding=3)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x (B, C, H/2, W/2) to (B, 4, H, W)."""
        return self.paint(functional.relu(self.up(x, style)))


class SubPixelHeads(nn.Module):
    """Colour and attention of 2 x 2 pixels as channels of one place: no layer but the last has a full-size picture.

    1.7 times as fast as the paper's, and in equal time of learning one person better (27.75, 27.4 dB; 150 s, one core).
    """

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.styled = width * 3 // 2
        self.gather = nn.Conv2d(inputs, self.styled, 3, padding=1)
        self.norm = AdaIN(self.styled)
        self.paint = nn.Conv2d(self.styled, (PICTURE + 1) * 4, 3, padding=1)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x (B, C, H/2, W/2) to (B, 4, H, W)."""
        gathered = self.norm(self.gather(functional.relu(x)), style)
        return functional.pixel_shuffle(self.paint(functional.relu(gathered)), 2)


class Generator(nn.Module):
    """A window of rendered pictures and an identity to a photo of frame t."""

    def __init__(self, config: GeneratorConfig):
        super().__init__()
        self.config = config
        channels = config.channels()
        self.stem = nn.Conv2d(INPUTS, channels[0], 4, stride=2, padding=1)
        self.down = nn.ModuleList(Down(a, b) for a, b in pairwise(channels[:-1]))
        self.bottom = nn.Conv2d(channels[-2], channels[-1], 4, stride=2, padding=1)  # no norm: 1 x 1 in the paper
        joined = [channels[-1]] + [2 * count for count in reversed(channels[1:-1])]
        self.up = nn.ModuleList(Up(a, b) for a, b in zip(joined, reversed(channels[:-1])))
        self.heads = (SubPixelHeads if config.sub_pixel else PaperHeads)(2 * channels[0], config.width)
        norms = [block.norm.channels for block in [*self.down, *self.up]] + [self.heads.styled]
        self.style = StyleNetwork(config.identity, config.hidden, norms)
        self.apply(_initialise)
        colours = PICTURE * self.heads.paint.out_channels // (PICTURE + 1)
        nn.init.constant_(self.heads.paint.get_parameter("bias").data[colours:], ATTENTION_BIAS)

    def forward(self, window: Tensor, identity: Tensor) -> tuple[Tensor, Tensor]:
        """Refined picture (B, 3, H, W) and attention A (B, 1, H, W), both 0..1.

        window: (B, 11, H, W), 0..1: pictures of t-2, t-1 and t, then alpha and erased area of t.
        identity: (B, D).
        """
        if not self.config.window:
            window = torch.cat([current_picture(window)] * WINDOW + [window[:, WINDOW * PICTURE :]], dim=1)
        styles = self.style(identity)
        skips = [self.stem(window)]
        for block, style in zip(self.down, styles):
            skips.append(block(skips[-1], style))
        x = self.bottom(functional.leaky_relu(skips[-1], 0.2))
        for block, style, skip in zip(self.up, styles[len(self.down) :], reversed(skips)):
            x = torch.cat([block(x, style), skip], dim=1)
        return self.blend(current_picture(window).float(), self.heads(x, styles[-1]).float())

    def with_new_identity(self, identity: int) -> Generator:
        """A copy to be told other identity features, of that length. Until it is taught what they mean it paints
        everybody as it paints a feature of zeros, which is nobody in particular.
        """
        other = Generator(replace(self.config, identity=identity))
        unread = torch.zeros_like(other.style.hidden.weight)
        other.load_state_dict({**self.state_dict(), "style.hidden.weight": unread})
        return other

    def blend(self, picture: Tensor, heads: Tensor) -> tuple[Tensor, Tensor]:
        """Eq. 3: o = A r + (1 - A) C. picture (B, 3, H, W), heads (B, 4, H, W) before their squashing."""
        colour = (torch.tanh(heads[:, :PICTURE]) + 1) / 2
        if not self.config.attention:
            return colour, torch.zeros_like(heads[:, PICTURE:])
        attention = torch.sigmoid(heads[:, PICTURE:])
        return attention * picture + (1 - attention) * colour, attention


def current_picture(window: Tensor) -> Tensor:
    """The picture of frame t (B, 3, H, W) inside a window (B, 11, H, W)."""
    return window[:, (WINDOW - 1) * PICTURE : WINDOW * PICTURE]


def current_render(window: Tensor) -> Tensor:
    """The colours and the alpha of frame t (B, 4, H, W) inside a window (B, 11, H, W)."""
    return window[:, (WINDOW - 1) * PICTURE : WINDOW * PICTURE + 1]


def _initialise(module: nn.Module) -> None:
    """Small normal weights, as image-to-image GANs start."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
