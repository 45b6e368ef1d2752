"""Headroom's regressor: a small residual network from a picture to the coefficients of the bundled face model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from headroom.common.errors import InputError
from headroom.common.networks.regressor_weights import (
    RegressorConfig,
    RegressorMetadata,
    read_metadata,
    read_regressor,
    write_regressor,
)
from headroom.common.networks.resnet import BasicBlock, ResNet
from headroom.common.paths import REGRESSOR_WEIGHTS
from headroom.face.model import FaceModel
from headroom.track.regressor.crop import RegressorCrop
from headroom.track.regressor.estimate import COEFFICIENTS, FaceEstimate


class Regressor(nn.Module):
    """A residual network and one linear layer.

    target_mean, target_std: (257,) of the training targets, which the linear layer predicts normalised.

    Shape: input (B, 3, R, R), output (B, 257).
    """

    target_mean: Tensor
    target_std: Tensor

    def __init__(self, config: RegressorConfig):
        super().__init__()
        self.config = config
        self.backbone = ResNet(BasicBlock, config.blocks, config.width)
        self.head = nn.Linear(self.backbone.channels, COEFFICIENTS)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.register_buffer("target_mean", torch.zeros(COEFFICIENTS))
        self.register_buffer("target_std", torch.ones(COEFFICIENTS))

    def forward(self, pictures: Tensor) -> Tensor:
        """Return coefficients (B, 257) for crops (B, 3, R, R), RGB in 0..1."""
        features = self.backbone(2 * pictures - 1).flatten(1)
        return self.target_mean + self.target_std * self.head(features).float()

    @torch.inference_mode()
    def predict(self, picture: np.ndarray, crop: RegressorCrop) -> FaceEstimate:
        """Return the estimate for a crop of a picture (H, W, 3) uint8."""
        pixels = torch.from_numpy(crop.cut(picture, self.config.resolution)).permute(2, 0, 1).float() / 255
        return FaceEstimate.of(self(pixels[None])[0].numpy(), crop)

    def save(self, path: Path, model: FaceModel) -> None:
        """Write the weights for use with the face model that the network was trained with."""
        write_regressor(path, RegressorMetadata(self.config, model.digest), self.state_dict())

    @staticmethod
    def load(path: Path, model: FaceModel) -> Regressor:
        """Load a regressor; InputError when the file is not one, or was trained with another face model."""
        metadata, tensors = read_regressor(path)
        if metadata.face_model != model.digest:
            raise InputError(f"{path} belongs to another face model; train it with `headroom train regressor`.")
        network = Regressor(metadata.config)
        network.load_state_dict(tensors)
        return network.eval()


def bundled_regressor(model: FaceModel) -> Regressor | None:
    """Return the regressor that comes with Headroom; None for a face model that it was not trained with."""
    if not REGRESSOR_WEIGHTS.is_file() or read_metadata(REGRESSOR_WEIGHTS).face_model != model.digest:
        return None
    return Regressor.load(REGRESSOR_WEIGHTS, model)
