"""The published R-Net (Deng et al., CVPRW 2019): ResNet-50 to 257 coefficients of the Basel Face Model 2009.

Its checkpoint loads unchanged. Its predictions are valid only for a Basel Face Model 2009 in the published layout.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from headroom.common.errors import InputError
from headroom.common.networks.resnet import Bottleneck, ResNet
from headroom.face.camera import rotation_matrix
from headroom.face.model import FaceModel
from headroom.track.regressor.crop import DISTANCE_MM, RegressorCrop
from headroom.track.regressor.estimate import SIZES, FaceEstimate

HEADS = (80, 64, 80, 3, 27, 2, 1)
"""Outputs of the seven heads; the last two are the translation across and in depth."""
_MM_PER_DECIMETRE = 100.0
_SOURCE, _VERTICES = "Basel Face Model 2009", 35_709
"""The network's face model, as imported, and its number of vertices before its holes are closed."""
_AMBIENT = 0.8
"""Added to the first light coefficient of each channel."""
_COSINE_LOBE = np.array([np.pi] + [2 * np.pi / 3**0.5] * 3 + [2 * np.pi / 8**0.5] * 5)
_HARMONIC_SIGNS = np.array([1, -1, 1, -1, 1, -1, 1, -1, 1])  # Condon-Shortley phase; the constants are the same
_LIGHT_SCALE = (_COSINE_LOBE * _HARMONIC_SIGNS)[:, None]
"""(9, 1) factors from the network's light coefficients to Headroom's."""


class Deep3DNet(nn.Module):
    """ResNet-50 with seven linear heads, with the published parameter names.

    Shape: input (B, 3, 224, 224), output (B, 257).
    """

    resolution = 224

    def __init__(self, origin: np.ndarray):
        """Build the network with random weights and heads of zeros.

        origin: (3,) mm, origin of the network's model in the axes of the imported face model.
        """
        super().__init__()
        self.origin = origin
        self.backbone = ResNet(Bottleneck, (3, 4, 6, 3))
        self.final_layers = nn.ModuleList(nn.Conv2d(self.backbone.channels, size, 1) for size in HEADS)
        for parameter in self.final_layers.parameters():
            nn.init.zeros_(parameter)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the published 257 values, decimetres and radians, for crops (B, 3, 224, 224), RGB in 0..1."""
        features = self.backbone(pictures)
        return torch.cat([layer(features) for layer in self.final_layers], 1).flatten(1)

    @torch.inference_mode()
    def predict(self, picture: np.ndarray, crop: RegressorCrop) -> FaceEstimate:
        """Return the estimate for a crop of a picture (H, W, 3) uint8."""
        pixels = torch.from_numpy(crop.cut(picture, self.resolution)).permute(2, 0, 1).float() / 255
        return to_estimate(self(pixels[None])[0].numpy(), crop, self.origin)

    @staticmethod
    def load(path: Path, model: FaceModel) -> Deep3DNet:
        """Load a published checkpoint (`epoch_20.pth`), for use with the imported Basel Face Model 2009.

        Raises InputError when the file is another one, or for another face model.
        """
        network = Deep3DNet(origin=model.mean[:_VERTICES].mean(0))
        try:
            network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["net_recon"])
        except (OSError, KeyError, TypeError, EOFError, RuntimeError, pickle.UnpicklingError) as error:
            raise InputError(f"{path} is not a checkpoint of the published R-Net; choose its epoch_20.pth.") from error
        if model.source != _SOURCE:
            raise InputError(f"{path} is for the {_SOURCE}; import that face model to use it.")
        return network.eval()


def to_estimate(values: np.ndarray, crop: RegressorCrop, origin: np.ndarray) -> FaceEstimate:
    """Convert the network's values (257,) to Headroom's units and axes.

    The network's head rotates about the mean of its vertices, its camera is at z = 10 dm instead of the origin, and its
    light is ordered by channel.

    origin: (3,) mm, as in `Deep3DNet`.
    """
    identity, expression, texture, rotation, light, translation = np.split(values, np.cumsum(SIZES)[:-1])
    ambient = np.zeros((9, 3))
    ambient[0] = _AMBIENT
    gamma = ((light.reshape(3, 9).T + ambient) * _LIGHT_SCALE).astype(np.float32)
    translation = translation * _MM_PER_DECIMETRE - [0, 0, DISTANCE_MM] - rotation_matrix(rotation) @ origin
    return FaceEstimate(crop, identity, expression, texture, rotation, gamma, translation)
