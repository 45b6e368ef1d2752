"""The spatial feature of a render (paper §3.4): what a residual network makes of it, by which memories are found."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from headroom.common.errors import InputError
from headroom.common.networks.regressor_weights import read_trunk
from headroom.common.networks.resnet import RESNET_18, BasicBlock, ResNet, load_resnet18
from headroom.common.paths import REGRESSOR_WEIGHTS

_SIDE = 224  # pixels at which the face is cut out, before the network's own resolution
_WINDOW = 1.5  # side of the window over the root of the drawn area: forehead to chin, as the trunk was taught
_GREY = 0.5  # around the face; who it is does not depend on the plate


@dataclass(frozen=True)
class SpatialConfig:
    """What a spatial network is built from."""

    blocks: tuple[int, ...] = RESNET_18
    width: int = 64  # channels of the first stage
    resolution: int = 224  # pixels
    stages: int = 1  # how many of the last stages are read; 1 is the paper's `pool5`
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)  # of ImageNet's pictures, RGB
    spread: tuple[float, ...] = (0.229, 0.224, 0.225)
    digest: str = ""  # of the bundled trunk; "" when the weights are the user's

    @property
    def features(self) -> int:
        """Length of the feature."""
        return sum(self.width * 2**stage for stage in range(4 - self.stages, 4))


class SpatialNetwork(nn.Module):
    """Frozen: renders to features."""

    mean: Tensor
    spread: Tensor

    def __init__(self, config: SpatialConfig, trunk: ResNet):
        super().__init__()
        self.config = config
        self.trunk = trunk.eval().requires_grad_(False)
        self.register_buffer("mean", torch.tensor(config.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("spread", torch.tensor(config.spread).view(3, 1, 1), persistent=False)

    @torch.no_grad()
    def forward(self, renders: Tensor) -> Tensor:
        """(B, D) of renders (B, 4, R, R): colours and alpha, 0..1. The colour where alpha is 0 does not matter."""
        faces = face_windows(renders.float())
        faces = functional.interpolate(faces, size=(self.config.resolution, self.config.resolution), mode="area")
        stages = self.trunk.stages((faces - self.mean) / self.spread)[-self.config.stages :]
        return torch.cat([_evened(stage.mean((2, 3))) for stage in stages], 1)

    def train(self, mode: bool = True) -> "SpatialNetwork":
        """Stays as it is: its statistics are those it was published with."""
        return super().train(False)


def face_windows(renders: Tensor) -> Tensor:
    """The drawn faces (B, 3, 224, 224) over grey, all of one size and place, of renders (B, 4, R, R).

    Place and size follow from the first moments of alpha, which move smoothly with the head.
    """
    batch, _, side, _ = renders.shape
    alpha = renders[:, 3:]
    area = alpha.sum((1, 2, 3)).clamp(min=1)
    places = (torch.arange(side, device=renders.device) + 0.5) * (2 / side) - 1  # of pixel centres, -1..1
    x = (alpha.sum((1, 2)) * places).sum(1) / area
    y = (alpha.sum((1, 3)) * places).sum(1) / area
    reach = _WINDOW * area.sqrt() / side
    zero = torch.zeros_like(x)
    moves = torch.stack([reach, zero, x, zero, reach, y], 1).view(batch, 2, 3)
    grid = functional.affine_grid(moves, [batch, 3, _SIDE, _SIDE], align_corners=False)
    over_grey = _GREY + alpha * (renders[:, :3] - _GREY)
    return functional.grid_sample(over_grey, grid, padding_mode="border", align_corners=False)


def _evened(features: Tensor) -> Tensor:
    """Features (B, C) of one stage without their mean and spread, so that no stage drowns another."""
    return functional.layer_norm(features, features.shape[1:])


def bundled_spatial() -> SpatialNetwork:
    """The trunk of the regressor that comes with Headroom: 480 numbers from 112 pixels.

    All four stages are read, for the last was taught to bear other light and colours, by which people differ too.
    """
    try:
        size, weights = read_trunk(REGRESSOR_WEIGHTS)
        half = (0.5, 0.5, 0.5)
        config = SpatialConfig(size.blocks, size.width, size.resolution, 4, half, half, _digest(weights))
        trunk = ResNet(BasicBlock, config.blocks, config.width)
        trunk.load_state_dict(weights)
    except (InputError, KeyError, RuntimeError, ValueError) as error:
        raise InputError(f"{REGRESSOR_WEIGHTS} cannot be read; install Headroom again.") from error
    return SpatialNetwork(config, trunk)


def imagenet_spatial(path: Path) -> SpatialNetwork:
    """The paper's: ResNet-18's `pool5`, 512 numbers, from a file as published."""
    return SpatialNetwork(SpatialConfig(), load_resnet18(path))


def kept_tensors(network: SpatialNetwork) -> dict[str, Tensor]:
    """What a file has to hold beside the config: nothing for the bundled trunk; kernels as half floats."""
    if network.config.digest:
        return {}
    return {name: value.half() if value.ndim > 1 else value for name, value in network.trunk.state_dict().items()}


def restored(config: SpatialConfig, tensors: dict[str, Tensor]) -> SpatialNetwork:
    """The network that `kept_tensors` and its config stand for."""
    if config.digest:
        network = bundled_spatial()
        if network.config != config:
            raise ValueError("the bundled trunk is another one now")
        return network
    trunk = ResNet(BasicBlock, config.blocks, config.width)
    trunk.load_state_dict(tensors)
    return SpatialNetwork(config, trunk)


def _digest(weights: dict[str, Tensor]) -> str:
    """What tells one trunk from another."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode() + weights[name].numpy().tobytes())
    return digest.hexdigest()[:16]
