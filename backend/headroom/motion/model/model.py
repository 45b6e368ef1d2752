"""The motion model of one person: networks, ridge regression and speaker style."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from headroom.common.errors import InputError
from headroom.motion.audio.encoder_file import bundled_encoder_digest
from headroom.motion.audio.features import FeatureConfig
from headroom.motion.model.file_format import MotionFile, read_file, write_file
from headroom.motion.model.network import MotionNetwork, NetworkConfig
from headroom.motion.model.ridge import RidgeRegression
from headroom.motion.style.blinks import Blinks
from headroom.motion.style.speaker_style import SpeakerStyle


@dataclass(frozen=True)
class MotionModel:
    """An ensemble of networks, whose mean is blended with a ridge regression, and the speaker style.

    ridge_weight: of the regression's expression in the blend, 0..1.
    audio_offset_seconds: by how much the clip's sound was later than the lips.
    audio_offset_certain: whether that could be measured; otherwise it is 0.
    held_out: correlation of the lip opening on frames that were not trained on.
    """

    config: NetworkConfig
    networks: tuple[MotionNetwork, ...]
    style: SpeakerStyle
    ridge: RidgeRegression | None = None
    ridge_weight: float = 0.0
    audio_offset_seconds: float = 0.0
    audio_offset_certain: bool = True
    held_out: float = 0.0

    def save(self, path: Path) -> None:
        """Write the model (`headroom.motion.model.file_format`)."""
        tensors = {f"style.{name}": value for name, value in _style_tensors(self.style).items()}
        for index, network in enumerate(self.networks):
            tensors |= {f"networks.{index}.{name}": value.detach().cpu().contiguous()
                        for name, value in network.state_dict().items()}
        if self.ridge is not None:
            tensors |= {f"ridge.{name}": torch.from_numpy(np.ascontiguousarray(value))
                        for name, value in vars(self.ridge).items() if value is not None}
        metadata = {"config": asdict(self.config), "networks": len(self.networks), "ridge_weight": self.ridge_weight,
                    "audio_offset_seconds": self.audio_offset_seconds,
                    "audio_offset_certain": self.audio_offset_certain, "held_out": self.held_out}
        if self.config.features.kind == "encoder":
            metadata["speech_encoder"] = bundled_encoder_digest()
        write_file(path, MotionFile(tensors, metadata))

    @staticmethod
    def load(path: Path) -> MotionModel:
        """Read a model of this format or an older one; InputError for other files and for another speech encoder."""
        file = read_file(path)
        metadata = file.metadata
        if "speech_encoder" in metadata and metadata["speech_encoder"] != bundled_encoder_digest():
            raise InputError(f"{path} was learned with another speech encoder; learn the subject again.")
        config = NetworkConfig(**{**metadata["config"], "features": FeatureConfig(**metadata["config"]["features"])})
        networks = []
        for index in range(metadata["networks"]):
            network = MotionNetwork(config)
            network.load_state_dict(file.below(f"networks.{index}."))
            networks.append(network.eval())
        ridge = {name: value.numpy() for name, value in file.below("ridge.").items()}
        return MotionModel(config, tuple(networks), _style_from(file.below("style.")),
                           RidgeRegression(**ridge) if ridge else None, metadata["ridge_weight"],
                           metadata["audio_offset_seconds"], metadata["audio_offset_certain"], metadata["held_out"])


def _style_tensors(style: SpeakerStyle) -> dict[str, Tensor]:
    """Return the style's tensors by name: arrays as float32, scalars as float64, indices as int64."""
    values = dict(vars(style))
    blinks = values.pop("blinks")
    modes = {name: values.pop(name) for name in ("gaze_modes", "brow_modes")}
    arrays = values | {"blink_shape": blinks.shape}
    return {
        **{name: torch.from_numpy(np.array(value, np.float32)) for name, value in arrays.items()},
        "blink_rate": torch.tensor(blinks.rate, dtype=torch.float64),
        **{name: torch.tensor(value, dtype=torch.int64) for name, value in modes.items()},
    }


def _style_from(tensors: dict[str, Tensor]) -> SpeakerStyle:
    """Return the style that `_style_tensors` stored."""
    values = dict(tensors)
    return SpeakerStyle(
        gaze_modes=tuple(values.pop("gaze_modes").tolist()),
        brow_modes=tuple(values.pop("brow_modes").tolist()),
        blinks=Blinks(values.pop("blink_rate").item(), values.pop("blink_shape").numpy()),
        **{name: value.numpy() for name, value in values.items()},
    )
