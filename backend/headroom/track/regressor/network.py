"""Headroom's own small R-Net: one picture of a face to the coefficients of the bundled face model."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from headroom.common.errors import InputError
from headroom.common.files import atomic_write
from headroom.common.networks.resnet import BasicBlock, ResNet
from headroom.common.paths import REGRESSOR_WEIGHTS
from headroom.face.model import FaceModel
from headroom.track.regressor.crop import Deep3DCrop
from headroom.track.regressor.estimate import COEFFICIENTS, FaceEstimate

FORMAT = "headroom regressor 1"


@dataclass(frozen=True)
class RegressorConfig:
    blocks: tuple[int, ...] = (2, 2, 2, 2)  # residual blocks of each stage; these are ResNet-18's
    width: int = 32  # channels of the first stage; ResNet-18 has 64
    resolution: int = 112  # side of the window, pixels


class Regressor(nn.Module):
    """A residual network and one linear layer; `middle` and `spread` (257,) undo the normalisation of the targets."""

    middle: Tensor
    spread: Tensor

    def __init__(self, config: RegressorConfig):
        super().__init__()
        self.config = config
        self.backbone = ResNet(BasicBlock, config.blocks, config.width)
        self.head = nn.Linear(self.backbone.channels, COEFFICIENTS)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.register_buffer("middle", torch.zeros(COEFFICIENTS))
        self.register_buffer("spread", torch.ones(COEFFICIENTS))

    def forward(self, pictures: Tensor) -> Tensor:
        """Coefficients (B, 257) of windows (B, 3, R, R) in 0..1, RGB."""
        features = self.backbone(2 * pictures - 1).flatten(1)
        return self.middle + self.spread * self.head(features).float()

    @torch.inference_mode()
    def read(self, picture: np.ndarray, crop: Deep3DCrop) -> FaceEstimate:
        """What the network sees in a window of a picture (H, W, 3) uint8."""
        window = torch.from_numpy(crop.cut(picture, self.config.resolution)).permute(2, 0, 1).float() / 255
        return FaceEstimate.of(self(window[None])[0].numpy(), crop)

    def save(self, path: Path, model: FaceModel) -> None:
        """Kernels as half floats, the few other values as they are; bound to the face model it was trained with."""
        tensors = {name: (value.half() if value.ndim > 1 else value).detach().cpu().contiguous()
                   for name, value in self.state_dict().items()}
        facts = {"config": asdict(self.config), "face_model": model.digest}
        with atomic_write(Path(path)) as temporary:
            save_file(tensors, str(temporary), {"format": FORMAT, "facts": json.dumps(facts)})

    @staticmethod
    def load(path: Path, model: FaceModel) -> "Regressor":
        """The regressor in a file; InputError when it is none of this face model's."""
        facts = _facts(path)
        if facts["face_model"] != model.digest:
            raise InputError(f"{path} belongs to another face model; train it with `headroom train regressor`.")
        config = RegressorConfig(**{**facts["config"], "blocks": tuple(facts["config"]["blocks"])})
        network = Regressor(config)
        network.load_state_dict(load_file(path))
        return network.eval()


def regressor_for(model: FaceModel) -> Regressor | None:
    """The regressor that comes with Headroom; None for a face model that it was not trained with."""
    if not REGRESSOR_WEIGHTS.is_file() or _facts(REGRESSOR_WEIGHTS)["face_model"] != model.digest:
        return None
    return Regressor.load(REGRESSOR_WEIGHTS, model)


def _facts(path: Path) -> dict[str, Any]:
    """What a regressor's file says of itself."""
    try:
        with safe_open(str(path), "pt") as file:
            header = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} is not a regressor; train it with `headroom train regressor`.") from error
    if header.get("format") != FORMAT:
        raise InputError(f"{path} is no regressor of this version; train it with `headroom train regressor`.")
    return json.loads(header["facts"])
