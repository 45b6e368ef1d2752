"""The motion model of one person: networks, ridge regression and speaker style."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from headroom.common.errors import InputError
from headroom.common.stored import Array, Damaged, config_of, damage, require_arrays
from headroom.motion.audio.encoder_file import bundled_encoder_digest
from headroom.motion.model.file_format import MotionFile, damaged_model, read_file, write_file
from headroom.motion.model.network import MotionNetwork, NetworkConfig
from headroom.motion.model.ridge import RidgeRegression
from headroom.motion.style.blinks import Blinks
from headroom.motion.style.speaker_style import SpeakerStyle

_EXPRESSION, _POSE = ("modes",), (6,)
_STYLE = {
    **{name: Array(_EXPRESSION) for name in ("expression_mean", "rest", "lip_opening", "lid_opening")},
    "expression_deviation": Array(_EXPRESSION, low=0),
    "pose_mean": Array(_POSE),
    "pose_deviation": Array(_POSE, low=0),
    "pose_correlation": Array(_POSE, low=-1, high=1),
    "lip_shape": Array(("modes", 2)),
    "lip_curve": Array((2, "points")),
    "pose": Array(("frames", 6)),
    "levels": Array(("frames",)),
    "gaze": Array(("frames", "gaze modes"), least=0),
    "gaze_modes": Array(("gaze modes",), "integer", low=0, least=0),
    "accents": Array(("accents",), least=0),
    "brows": Array(("frames", "brow modes"), least=0),
    "brow_modes": Array(("brow modes",), "integer", low=0, least=0),
    "brow_raise": Array(("brow modes",), least=0),
    "blink_rate": Array((), low=0),
    "blink_shape": Array(("samples", "modes"), least=0),
}
_RIDGE = {
    "directions": Array(("columns", "directions"), least=0),
    "phases": Array(("phases",), least=0),
    "weights": Array(("features", "modes")),
    "gram": Array(("features", "features"), low=-1e12, high=1e12, optional=True),
    "cross": Array(("features", "modes"), low=-1e12, high=1e12, optional=True),
}


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
        if file.metadata.get("speech_encoder", bundled_encoder_digest()) != bundled_encoder_digest():
            raise InputError(f"{path} was learned with another speech encoder; learn the subject again.")
        try:
            with damage():
                return _model_of(file)
        except Damaged as error:
            raise damaged_model(path, error) from error


@dataclass(frozen=True)
class _Metadata:
    """What a file says beside its tensors; see MotionModel."""

    config: NetworkConfig
    networks: int
    ridge_weight: float
    audio_offset_seconds: float
    audio_offset_certain: bool
    held_out: float


def _model_of(file: MotionFile) -> MotionModel:
    """Return the model in a file; raises Damaged, KeyError, RuntimeError or TypeError for contents that do not fit."""
    metadata = config_of(_Metadata, file.metadata)
    networks = []
    for index in range(metadata.networks):
        network = MotionNetwork(metadata.config)
        network.load_state_dict(file.below(f"networks.{index}."))
        networks.append(network.eval())
    if not networks:
        raise Damaged("it has no network")
    ridge = {name: value.numpy() for name, value in file.below("ridge.").items()}
    if ridge:
        require_arrays(ridge, _RIDGE)
    return MotionModel(metadata.config, tuple(networks), _style_from(file.below("style.")),
                       RidgeRegression(**ridge) if ridge else None, metadata.ridge_weight,
                       metadata.audio_offset_seconds, metadata.audio_offset_certain, metadata.held_out)


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
    values = {name: value.numpy() for name, value in tensors.items()}
    require_arrays(values, _STYLE)
    return SpeakerStyle(
        gaze_modes=tuple(values.pop("gaze_modes").tolist()),
        brow_modes=tuple(values.pop("brow_modes").tolist()),
        blinks=Blinks(values.pop("blink_rate").item(), values.pop("blink_shape")),
        **values,
    )
