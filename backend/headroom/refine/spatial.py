"""The spatial feature of a render, computed by a residual network, by which memories are found (paper, section 3.4)."""

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

FACE_SIDE = 224  # pixels to which the face is resampled, before the network's own resolution
FACE_SCALE = 1.5  # side of the square around the face, over the root of the render's area: the trunk's training crops
GREY = 0.5  # of the surroundings, because the identity does not depend on the plate


@dataclass(frozen=True)
class SpatialConfig:
    """Size and input of a spatial network; the defaults are the paper's `pool5` of ResNet-18."""

    blocks: tuple[int, ...] = RESNET_18
    width: int = 64  # channels of the first stage
    resolution: int = 224  # pixels
    stages: int = 1  # number of stages, from the last one backwards, whose features are used
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)  # of ImageNet's pictures, RGB
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    digest: str = ""  # of the bundled trunk's weights; "" for the user's own, which the refiner's file stores

    @property
    def features(self) -> int:
        """Length of the feature."""
        return sum(self.width * 2**stage for stage in range(4 - self.stages, 4))


class SpatialNetwork(nn.Module):
    """Renders to features, with frozen weights."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: SpatialConfig, trunk: ResNet):
        super().__init__()
        self.config = config
        self.trunk = trunk.eval().requires_grad_(False)
        self.register_buffer("mean", torch.tensor(config.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(config.std).view(3, 1, 1), persistent=False)

    @torch.no_grad()
    def forward(self, renders: Tensor) -> Tensor:
        """Return features (B, S) of renders (B, 4, R, R), 0..1; colours where alpha is 0 do not matter."""
        faces = face_squares(renders.float())
        faces = functional.interpolate(faces, size=(self.config.resolution, self.config.resolution), mode="area")
        stages = self.trunk.stages((faces - self.mean) / self.std)[-self.config.stages :]
        return torch.cat([_standardised(stage.mean((2, 3))) for stage in stages], 1)

    def train(self, mode: bool = True) -> SpatialNetwork:
        """Stay in evaluation mode, because the normalisation uses the published statistics."""
        return super().train(False)


def face_squares(renders: Tensor) -> Tensor:
    """Return the faces (B, 3, 224, 224) of renders (B, 4, R, R) over grey, all at the same position and size.

    Position and size follow the moments of alpha, which change smoothly with the head's motion.
    """
    batch, _, side, _ = renders.shape
    alpha = renders[:, 3:]
    area = alpha.sum((1, 2, 3)).clamp(min=1)
    centres = (torch.arange(side, device=renders.device) + 0.5) * (2 / side) - 1  # of pixels, -1..1
    x = (alpha.sum((1, 2)) * centres).sum(1) / area
    y = (alpha.sum((1, 3)) * centres).sum(1) / area
    scale = FACE_SCALE * area.sqrt() / side
    zero = torch.zeros_like(x)
    transforms = torch.stack([scale, zero, x, zero, scale, y], 1).view(batch, 2, 3)
    grid = functional.affine_grid(transforms, [batch, 3, FACE_SIDE, FACE_SIDE], align_corners=False)
    over_grey = GREY + alpha * (renders[:, :3] - GREY)
    return functional.grid_sample(over_grey, grid, padding_mode="border", align_corners=False)


def _standardised(features: Tensor) -> Tensor:
    """Return features (B, C) of one stage with mean 0 and variance 1, so that all stages have equal weight."""
    return functional.layer_norm(features, features.shape[1:])


def bundled_spatial() -> SpatialNetwork:
    """Return the trunk of the bundled regressor as a spatial network: 480 numbers from 112 pixels.

    It uses all four stages, because the last one was trained to be invariant to light and colour, in which people
    differ too.
    """
    try:
        regressor, weights = read_trunk(REGRESSOR_WEIGHTS)
        half = (0.5, 0.5, 0.5)
        config = SpatialConfig(regressor.blocks, regressor.width, regressor.resolution, stages=4, mean=half, std=half,
                               digest=_digest(weights))
        trunk = ResNet(BasicBlock, config.blocks, config.width)
        trunk.load_state_dict(weights)
    except (InputError, KeyError, RuntimeError, ValueError) as error:
        raise InputError(f"{REGRESSOR_WEIGHTS} cannot be read; install Headroom again.") from error
    return SpatialNetwork(config, trunk)


def imagenet_spatial(path: Path) -> SpatialNetwork:
    """Return the paper's spatial network, 512 numbers of ResNet-18's `pool5`, from a file as published."""
    return SpatialNetwork(SpatialConfig(), load_resnet18(path))


def stored_tensors(network: SpatialNetwork) -> dict[str, Tensor]:
    """Return the tensors that a file must store: none for the bundled trunk; otherwise all, kernels as half floats."""
    if network.config.digest:
        return {}
    return {name: value.half() if value.ndim > 1 else value for name, value in network.trunk.state_dict().items()}


def restored_spatial(config: SpatialConfig, tensors: dict[str, Tensor]) -> SpatialNetwork:
    """Return the network of a config and `stored_tensors`; ValueError when the bundled trunk is a different one."""
    if config.digest:
        network = bundled_spatial()
        if network.config != config:
            raise ValueError("the bundled trunk differs from the one that the memory was trained with")
        return network
    trunk = ResNet(BasicBlock, config.blocks, config.width)
    trunk.load_state_dict(tensors)
    return SpatialNetwork(config, trunk)


def _digest(weights: dict[str, Tensor]) -> str:
    """Return a digest of a trunk's weights."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode() + weights[name].numpy().tobytes())
    return digest.hexdigest()[:16]
