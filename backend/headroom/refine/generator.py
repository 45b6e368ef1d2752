"""The generator: a U-Net that AdaIN conditions on the identity (paper, section 3.4, equation 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from types import EllipsisType

import torch
from torch import Tensor, nn
from torch.nn import functional

COLOURS = 3  # channels of a picture
INPUT_FRAMES = 3  # frames t-2, t-1 and t (paper, section 3.4); all but the last are context
MASKS = 2  # of frame t: alpha of the render, and the erased area, or with the plate term where the plate is valid
ATTENTION_BIAS = 1.5  # first bias of the attention: training starts at A = 0.8, near the render, not from grey
PLATE_BIAS = 2.0  # the same for the plate where there is a plate term: A_r, A_p = 0.1, 0.8

Area = tuple[EllipsisType, slice, slice]
"""An index of rows and columns of a picture, each from an even number to an even one."""
WHOLE: Area = (..., slice(None), slice(None))


@dataclass(frozen=True)
class GeneratorConfig:
    """Size and parts of the generator."""

    width: int = 32  # channels of the outermost block; the paper's `ngf` is 64
    levels: int = 6  # times that the resolution is halved; 8 in the paper, for 256 pixels
    identity_size: int = 160  # length of the identity feature, D
    style_hidden: int = 128  # width of the network that computes AdaIN parameters from the identity
    sub_pixel: bool = True  # output head: `SubPixelHead`, or the paper's
    attention: bool = True  # o = A r + (1 - A) C; otherwise o = C (paper, figure 4)
    use_context: bool = True  # the input has r_t-2 and r_t-1; otherwise r_t in their place (paper, figure 4)
    plate_term: bool = False  # o = A_r r + A_p p + (1 - A_r - A_p) C with the reprojected plate p; needs attention
    plate_preference: float = 1.0  # added to the logit of A_p in use, because a mean error in training prefers a blur

    def __post_init__(self) -> None:
        if self.plate_term and not self.attention:
            raise ValueError("a generator with a plate term needs attention")

    @property
    def input_channels(self) -> int:
        """Channels of the input: colours of three frames, two masks, and the plate where there is a plate term."""
        return INPUT_FRAMES * COLOURS + MASKS + COLOURS * self.plate_term

    @property
    def attentions(self) -> int:
        """Number of attention maps: one for each picture that the output is blended from, besides C."""
        return 1 + self.plate_term

    def channels(self) -> list[int]:
        """Return the channels after each halving: they double up to eight times the width, as in the paper."""
        return [self.width * min(2**level, 8) for level in range(self.levels)]


class AdaIN(nn.Module):
    """Adaptive instance normalisation: the identity sets mean and standard deviation of each channel."""

    def __init__(self, channels: int):
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Normalise x (B, C, H, W) with style (B, 2C): gain - 1, then offset."""
        gain, offset = style.float().chunk(2, dim=1)
        batch, channels, height, width = x.shape
        # Batch normalisation of B * C planes is instance normalisation with a gain for each: one pass instead of two.
        # One picture keeps its layout in memory, which a reshape would forget.
        planes = x if batch == 1 else x.reshape(1, batch * channels, height, width)
        normalised = functional.batch_norm(
            planes, None, None, (1 + gain).flatten(), offset.flatten(), training=True, eps=1e-4
        )
        return normalised if batch == 1 else normalised.view_as(x)


class StyleNetwork(nn.Module):
    """Identity feature to the AdaIN parameters of all blocks: two layers, where the authors use 204 M weights."""

    def __init__(self, identity_size: int, hidden: int, channels: list[int]):
        super().__init__()
        self.sizes = [2 * count for count in channels]
        self.hidden = nn.Linear(identity_size, hidden)
        self.out = nn.Linear(hidden, sum(self.sizes))
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, identity: Tensor) -> list[Tensor]:
        """Return parameters (B, 2C) for each block from identity (B, D); initially zeros: plain normalisation."""
        hidden = functional.leaky_relu(self.hidden(identity), 0.2)
        # The mean instead of the sum, so that an Adam step changes a gain no faster than a convolution's kernel.
        return list(self.out(hidden / hidden.shape[1]).split(self.sizes, dim=1))


class Down(nn.Module):
    """A block that halves the resolution."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)
        self.norm = AdaIN(outputs)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Return (B, C', H/2, W/2) of x (B, C, H, W)."""
        return self.norm(self.conv(functional.leaky_relu(x, 0.2)), style)


class Up(nn.Module):
    """A block that doubles the resolution."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)
        self.norm = AdaIN(outputs)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Return (B, C', 2H, 2W) of x (B, C, H, W)."""
        return self.norm(self.conv(functional.relu(x)), style)


class PaperHead(nn.Module):
    """Output head of the paper: one more doubling, then a 7 x 7 convolution to colour and attention."""

    def __init__(self, inputs: int, width: int, attentions: int):
        super().__init__()
        self.up = Up(inputs, width)
        self.style_channels = width
        self.out = nn.Conv2d(width, COLOURS + attentions, 7, padding=3)

    def forward(self, x: Tensor, style: Tensor, area: Area = WHOLE) -> Tensor:
        """Return C and the attention maps (B, 3 + N, h, w) of x (B, C, H/2, W/2) in an area of the picture."""
        return self.out(functional.relu(self.up(x, style)))[area]


class SubPixelHead(nn.Module):
    """Output head with sub-pixel convolution: each pixel of the half-size picture has the values of 2 x 2 pixels.

    Only the last layer has full resolution, so it is 1.7 times as fast as the paper's head, and learns one person
    better in equal time (27.75 instead of 27.4 dB after 150 s on one core).
    """

    def __init__(self, inputs: int, width: int, attentions: int):
        super().__init__()
        self.style_channels = width * 3 // 2
        self.conv = nn.Conv2d(inputs, self.style_channels, 3, padding=1)
        self.norm = AdaIN(self.style_channels)
        self.out = nn.Conv2d(self.style_channels, (COLOURS + attentions) * 4, 3, padding=1)

    def forward(self, x: Tensor, style: Tensor, area: Area = WHOLE) -> Tensor:
        """Return C and the attention maps (B, 3 + N, h, w) of x (B, C, H/2, W/2) in an area of the picture."""
        features = self.norm(self.conv(functional.relu(x)), style)
        around, inside = _halved(area, features.shape)
        return functional.pixel_shuffle(self.out(functional.relu(features[around]))[inside], 2)


class Generator(nn.Module):
    """Turns the renders of three frames and an identity into a photo of frame t."""

    def __init__(self, config: GeneratorConfig):
        super().__init__()
        self.config = config
        channels = config.channels()
        self.stem = nn.Conv2d(config.input_channels, channels[0], 4, stride=2, padding=1)
        self.down = nn.ModuleList(Down(a, b) for a, b in pairwise(channels[:-1]))
        self.bottom = nn.Conv2d(channels[-2], channels[-1], 4, stride=2, padding=1)  # no norm: 1 x 1 in the paper
        concatenated = [channels[-1]] + [2 * count for count in reversed(channels[1:-1])]
        self.up = nn.ModuleList(Up(a, b) for a, b in zip(concatenated, reversed(channels[:-1])))
        self.head = (SubPixelHead if config.sub_pixel else PaperHead)(
            2 * channels[0], config.width, config.attentions)
        style_channels = [block.norm.channels for block in [*self.down, *self.up]] + [self.head.style_channels]
        self.style = StyleNetwork(config.identity_size, config.style_hidden, style_channels)
        self.apply(_initialise)
        planes = self.head.out.out_channels // (COLOURS + config.attentions)
        biases = (0.0, PLATE_BIAS) if config.plate_term else (ATTENTION_BIAS,)
        for number, bias in enumerate(biases, COLOURS):
            nn.init.constant_(self.head.out.get_parameter("bias").data[planes * number : planes * (number + 1)], bias)

    def forward(self, inputs: Tensor, identity: Tensor) -> tuple[Tensor, Tensor]:
        """Return the refined picture (B, 3, H, W) and the attention (B, N, H, W), both 0..1.

        The attention is A; with a plate term, A_r and A_p.

        inputs: (B, C, H, W), 0..1: colours of frames t-2, t-1 and t, then alpha and erased area of t; with a plate
            term, alpha and validity of the plate, and the plate's colours.
        identity: (B, D).
        """
        return self.blend(inputs.float(), self.outputs(inputs, identity))

    def outputs(self, inputs: Tensor, identity: Tensor, area: Area = WHOLE) -> Tensor:
        """Return C before its tanh, and the logits of the attention, in an area: (B, 3 + N, h, w) float32.

        inputs, identity: as of `forward`.
        """
        if not self.config.use_context:
            inputs = torch.cat([current_colours(inputs)] * INPUT_FRAMES + [inputs[:, INPUT_FRAMES * COLOURS :]], dim=1)
        styles = self.style(identity)
        skips = [self.stem(inputs)]
        for block, style in zip(self.down, styles):
            skips.append(block(skips[-1], style))
        x = self.bottom(functional.leaky_relu(skips[-1], 0.2))
        for block, style, skip in zip(self.up, styles[len(self.down) :], reversed(skips)):
            x = torch.cat([block(x, style), skip], dim=1)
        return self.head(x, styles[-1], area).float().contiguous()

    def with_identity_size(self, size: int) -> Generator:
        """Return a copy for identity features of another kind, of length `size`.

        The copy ignores the identity until it is trained: it treats every feature as this network treats zeros.
        """
        other = Generator(replace(self.config, identity_size=size))
        zeros = torch.zeros_like(other.style.hidden.weight)
        other.load_state_dict({**self.state_dict(), "style.hidden.weight": zeros})
        return other

    def blend(self, inputs: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return o = A r + (1 - A) C and A (paper, equation 3).

        With a plate term, o = A_r r + A_p p + (1 - A_r - A_p) C.

        inputs: (B, C, H, W), the generator's.
        outputs: (B, 3 + N, H, W), C before its tanh, and the attention before its sigmoid or, with a plate term, the
            softmax over A_r, A_p and 1 - A_r - A_p, of which the last has the logit 0.
        """
        colour = (torch.tanh(outputs[:, :COLOURS]) + 1) / 2
        logits = outputs[:, COLOURS:]
        if not self.config.attention:
            return colour, torch.zeros_like(logits)
        if not self.config.plate_term:
            attention = torch.sigmoid(logits)
            return attention * current_colours(inputs) + (1 - attention) * colour, attention
        to_render, to_plate = logits.split(1, dim=1)
        if not self.training:
            to_plate = to_plate + self.config.plate_preference
        attention = torch.cat([to_render, to_plate, torch.zeros_like(to_plate)], dim=1).softmax(dim=1)
        pictures = (current_colours(inputs), plate_colours(inputs), colour)
        refined = sum(weight * picture for weight, picture in zip(attention.split(1, dim=1), pictures))
        return refined, attention[:, :2]

    def over_plate(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        """Return a picture with alpha (B, 4, H, W), 0..1, that composites to the refined one over the plate.

        With a plate term the refined picture is o = A_p p + (1 - A_p) c. The frame keeps the plate's pixels at their
        full resolution where it is the plate's own, and c = (A_r r + (1 - A_r - A_p) C) / (1 - A_p) weighs the render
        by the sigmoid of its logit. Without a plate term c is o, and alpha is 1.

        inputs: (B, C, H, W), the generator's. outputs: as of `blend`.
        """
        if not self.config.plate_term:
            refined, _ = self.blend(inputs, outputs)
            return torch.cat([refined, torch.ones_like(refined[:, :1])], dim=1)
        colour = (torch.tanh(outputs[:, :COLOURS]) + 1) / 2
        to_render, to_plate = outputs[:, COLOURS:].split(1, dim=1)
        picture = torch.lerp(colour, current_colours(inputs), torch.sigmoid(to_render))
        # 1 - A_p = 1 / (1 + exp(l_p) / (1 + exp(l_r)))
        alpha = torch.sigmoid(functional.softplus(to_render) - to_plate - self.config.plate_preference)
        return torch.cat([picture, alpha], dim=1)


def _halved(area: Area, shape: Sequence[int]) -> tuple[Area, Area]:
    """Return where a picture (..., H, W) of half the size shows an area and one pixel around it, and the area in that.

    shape: of the picture.
    """
    around, inside = [], []
    for part, length in zip(area[1:], shape[-2:]):
        start, end, _ = part.indices(2 * length)
        first = max(start // 2 - 1, 0)
        around.append(slice(first, end // 2 + 1))
        inside.append(slice(start // 2 - first, end // 2 - first))
    return (..., around[0], around[1]), (..., inside[0], inside[1])


def current_colours(inputs: Tensor) -> Tensor:
    """Return the colours of frame t (B, 3, H, W) in the generator's input (B, C, H, W)."""
    return inputs[:, (INPUT_FRAMES - 1) * COLOURS : INPUT_FRAMES * COLOURS]


def current_render(inputs: Tensor) -> Tensor:
    """Return colours and alpha of frame t (B, 4, H, W) in the generator's input (B, C, H, W)."""
    return inputs[:, (INPUT_FRAMES - 1) * COLOURS : INPUT_FRAMES * COLOURS + 1]


def plate_colours(inputs: Tensor) -> Tensor:
    """Return the colours of the reprojected plate (B, 3, H, W) in the input of a generator with a plate term."""
    return inputs[:, -COLOURS:]


def _initialise(module: nn.Module) -> None:
    """Set small normal weights, the usual initialisation of image-to-image GANs."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
