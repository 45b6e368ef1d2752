"""The R-Net as published (Deng et al., CVPRW 2019): ResNet-50 to 257 coefficients of the Basel Face Model 2009.

Its checkpoint loads unchanged. What it says means something only to a Basel Face Model 2009 in the published layout.
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
from headroom.track.regressor.crop import DISTANCE_MM, Deep3DCrop
from headroom.track.regressor.estimate import SIZES, FaceEstimate

HEADS = (80, 64, 80, 3, 27, 2, 1)
"""Outputs of the seven heads; the last two are the translation across and in depth."""
_MM = 100.0  # per decimetre, the unit of the network
_SOURCE, _VERTICES = "Basel Face Model 2009", 35_709
"""The face model it speaks of, as imported, and how many vertices that has before its holes are closed."""
_AMBIENT = 0.8
"""Added to the first light coefficient of each channel."""
_COSINE_LOBE = np.array([np.pi] + [2 * np.pi / 3**0.5] * 3 + [2 * np.pi / 8**0.5] * 5)
_HARMONIC_SIGNS = np.array([1, -1, 1, -1, 1, -1, 1, -1, 1])  # Condon-Shortley phase; the constants are ours
_LIGHT = (_COSINE_LOBE * _HARMONIC_SIGNS)[:, None]
"""(9, 1) what each of the network's light coefficients is worth in ours."""


class Deep3DNet(nn.Module):
    """Pictures of the window at 224 x 224 to the published 257 values."""

    resolution = 224

    def __init__(self, origin: np.ndarray):
        """origin: (3,) mm, where in the face model's axes the network's model has its zero."""
        super().__init__()
        self.origin = origin
        self.backbone = ResNet(Bottleneck, (3, 4, 6, 3))
        self.final_layers = nn.ModuleList(nn.Conv2d(self.backbone.channels, size, 1) for size in HEADS)
        for parameter in self.final_layers.parameters():
            nn.init.zeros_(parameter)

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, 257) in decimetres and radians, of pictures (B, 3, 224, 224) in 0..1, RGB."""
        features = self.backbone(pictures)
        return torch.cat([layer(features) for layer in self.final_layers], 1).flatten(1)

    @torch.inference_mode()
    def read(self, picture: np.ndarray, crop: Deep3DCrop) -> FaceEstimate:
        """What the network sees in a window of a picture (H, W, 3) uint8."""
        window = torch.from_numpy(crop.cut(picture, self.resolution)).permute(2, 0, 1).float() / 255
        return to_estimate(self(window[None])[0].numpy(), crop, self.origin)

    @staticmethod
    def load(path: Path, model: FaceModel) -> "Deep3DNet":
        """The network of a published checkpoint (`epoch_20.pth`), for use with the face model it speaks of."""
        network = Deep3DNet(origin=model.mean[:_VERTICES].mean(0))
        try:
            network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["net_recon"])
        except (OSError, KeyError, TypeError, EOFError, RuntimeError, pickle.UnpicklingError) as error:
            raise InputError(f"{path} is not a checkpoint of the published R-Net; choose its epoch_20.pth.") from error
        if model.source != _SOURCE:
            raise InputError(f"{path} speaks of the {_SOURCE}; import that face model to use it.")
        return network.eval()


def to_estimate(values: np.ndarray, crop: Deep3DCrop, origin: np.ndarray) -> FaceEstimate:
    """The network's 257 values in this project's units and axes.

    Its pose turns as ours does, about the mean of its vertices; its camera stands at z = 10 dm where ours stands at the
    origin; its γ comes by channel.
    """
    identity, expression, texture, rotation, light, translation = np.split(values, np.cumsum(SIZES)[:-1])
    ambient = np.zeros((9, 3))
    ambient[0] = _AMBIENT
    ours = ((light.reshape(3, 9).T + ambient) * _LIGHT).astype(np.float32)
    translation = translation * _MM - [0, 0, DISTANCE_MM] - rotation_matrix(rotation) @ origin
    return FaceEstimate(crop, identity, expression, texture, rotation, ours, translation)
