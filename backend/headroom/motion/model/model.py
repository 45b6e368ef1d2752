"""All that is known of how one person moves to speech, and the file that holds it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from headroom.common.errors import InputError
from headroom.common.files import atomic_write
from headroom.motion.audio.features import FeatureConfig
from headroom.motion.model.network import MotionNetwork, NetworkConfig
from headroom.motion.model.ridge import RidgeRegression

FORMAT = "headroom motion 2"


@dataclass(frozen=True)
class SpeakerStyle:
    """The person's own measures, 25 Hz.

    expression_mean, expression_deviation: (64,). pose_mean, pose_deviation: (6,), radians and millimetres.
    rest: (64,) expression while silent. lip_opening, lid_opening: (64,) millimetres per unit of expression.
    lip_range: (2,) mm of lip opening that the clip shows. pose: (N, 6) of the clip. levels: (N,) dB, its loudness.
    blink: (13, 64) what one blink adds to the expression. blink_rate: (1,) per second.
    pose_evidence: (6,) held-out correlation of the predicted pose. lip_gain: (1,) that the lip opening is enlarged by.
    gaze_modes: the numbers of the two coefficients that turn the eyes left and up, none where the face model has no
    such; gaze: (N, 2) of the clip.
    """

    expression_mean: np.ndarray
    expression_deviation: np.ndarray
    pose_mean: np.ndarray
    pose_deviation: np.ndarray
    rest: np.ndarray
    lip_opening: np.ndarray
    lid_opening: np.ndarray
    lip_range: np.ndarray
    pose: np.ndarray
    levels: np.ndarray
    blink: np.ndarray
    blink_rate: np.ndarray
    pose_evidence: np.ndarray
    lip_gain: np.ndarray
    gaze_modes: np.ndarray
    gaze: np.ndarray


@dataclass(frozen=True)
class MotionModel:
    """Networks whose answers are averaged, the person's manner, and how the clip's sound lay to the lips.

    readout: the regression half, which has the share `readout_share` in the average.
    audio_offset_seconds: the clip's sound was this much later than the lips. held_out: correlation of the lip opening.
    """

    config: NetworkConfig
    networks: tuple[MotionNetwork, ...]
    style: SpeakerStyle
    readout: RidgeRegression | None = None
    ridge_weight: float = 0.0
    audio_offset_seconds: float = 0.0
    held_out: float = 0.0

    def save(self, path: Path) -> None:
        tensors = {f"manner.{name}": torch.from_numpy(np.array(value, np.float32, ndmin=1))
                   for name, value in vars(self.style).items()}
        for index, network in enumerate(self.networks):
            tensors |= {f"networks.{index}.{name}": value.detach().cpu().contiguous()
                        for name, value in network.state_dict().items()}
        if self.readout is not None:
            tensors |= {f"readout.{name}": torch.from_numpy(np.ascontiguousarray(value))
                        for name, value in vars(self.readout).items() if value is not None}
        facts = {"config": asdict(self.config), "networks": len(self.networks), "readout_share": self.ridge_weight,
                 "audio_offset_seconds": self.audio_offset_seconds, "held_out": self.held_out}
        with atomic_write(Path(path)) as temporary:
            save_file(tensors, str(temporary), {"format": FORMAT, "facts": json.dumps(facts)})

    @staticmethod
    def load(path: Path) -> "MotionModel":
        try:
            with safe_open(str(path), "pt") as file:
                header = file.metadata() or {}
                if header.get("format") != FORMAT:
                    raise InputError(f"{path} is not a motion model of this version; learn the person again.")
                tensors = {name: file.get_tensor(name) for name in file.keys()}
        except (OSError, SafetensorError) as error:
            raise InputError(f"{path} is not a motion model; learn the person again.") from error
        facts = json.loads(header["facts"])
        config = NetworkConfig(**{**facts["config"], "features": FeatureConfig(**facts["config"]["features"])})
        networks = []
        for index in range(facts["networks"]):
            networks.append(MotionNetwork(config))
            networks[-1].load_state_dict(_below(tensors, f"networks.{index}."))
        style = SpeakerStyle(**{name: value.numpy() for name, value in _below(tensors, "manner.").items()})
        arrays = {name: value.numpy() for name, value in _below(tensors, "readout.").items()}
        readout = RidgeRegression(**arrays) if arrays else None
        return MotionModel(config, tuple(n.eval() for n in networks), style, readout, facts["readout_share"],
                           facts["audio_offset_seconds"], facts["held_out"])


def _below(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name[len(prefix):]: value for name, value in tensors.items() if name.startswith(prefix)}


def average_style(styles: Iterable[SpeakerStyle], longest: SpeakerStyle) -> SpeakerStyle:
    """Nobody's manner: the mean of everybody's, with head motion and gaze of `longest` about a head looking ahead."""
    everybody = list(styles)
    mean = {field.name: np.mean([getattr(m, field.name) for m in everybody], 0)
            for field in fields(SpeakerStyle) if field.name not in ("pose", "levels", "gaze")}
    ahead = np.array([0, 0, 0, 0, 0, -600], np.float32)
    pose = longest.pose - np.median(longest.pose, 0) + ahead
    gaze = longest.gaze - np.median(longest.gaze, axis=0)
    mean |= {"pose_mean": ahead, "pose": pose, "levels": longest.levels, "gaze": gaze,
             "pose_deviation": longest.pose_deviation}
    return SpeakerStyle(**mean)
