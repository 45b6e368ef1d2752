"""The mapping from sound to motion: audio encoder E and recurrent network R (paper §3.2, Eq. 1)."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from headroom.motion.audio.features import WINDOW_ROWS, FeatureConfig

EXPRESSION = 64
POSE = 6

PHONE_SCALE = 4.0  # brings the chances of phones to about the deviation of the sound's columns

State = tuple[Tensor, Tensor]  # hidden and cell of the LSTM, (layers, B, hidden) each


@dataclass(frozen=True)
class NetworkConfig:
    features: FeatureConfig = field(default_factory=FeatureConfig)
    encoder: str = "small"  # or "paper": two-dimensional convolutions, 27.8 M of the paper's 29.4 M parameters
    targets: str = "person"  # each dimension in the person's deviations; "plain": coefficients, radians, decimetres
    head: str = "person"  # walks through the person's own poses; "network": the network's pose, as in the paper
    width: int = 64  # channels of the small encoder
    code: int = 96  # length of E's vector
    hidden: int = 128  # of each LSTM layer; 256 is the paper's
    layers: int = 3  # the paper's
    dropout: float = 0.3  # between layers, in training


class AudioEncoder(nn.Module):
    """E: one window of rows to one vector, convolutions over time with the columns as channels.

    Where the rows hold phones it hears them alone: of the sound beside them it would learn the few voices by heart.
    """

    def __init__(self, config: NetworkConfig):
        super().__init__()
        width, features = config.width, config.features
        self.heard = slice(features.sound_columns if features.has_phones else 0, features.columns)
        self.scale = PHONE_SCALE if features.has_phones else 1.0
        self.layers = nn.Sequential(
            nn.Conv1d(self.heard.stop - self.heard.start, width, 3, padding=1), nn.GELU(),
            nn.Conv1d(width, width, 4, stride=2, padding=1), nn.GELU(),
            nn.Conv1d(width, width, 4, stride=2, padding=1), nn.GELU(),
            nn.Flatten(), nn.Dropout(config.dropout),
            nn.Linear(width * (WINDOW_ROWS // 4), config.code), nn.GELU(),
        )

    def forward(self, windows: Tensor) -> Tensor:
        """Codes (B, T, code) of windows (B, T, 28, A)."""
        batch, frames = windows.shape[:2]
        heard = windows[..., self.heard] * self.scale
        return self.layers(heard.flatten(0, 1).transpose(1, 2)).unflatten(0, (batch, frames))


class PaperEncoder(nn.Module):
    """The paper's E: a window as a picture of 28 rows and 12 cepstra; 512 x 12 x 2 values before the last layers."""

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.layers = nn.Sequential(
            *convolution(1, 64), *convolution(64, 128), nn.MaxPool2d(3, stride=(1, 2)),
            *convolution(128, 256), *convolution(256, 256), *convolution(256, 512), nn.MaxPool2d(3, stride=(2, 2)),
            nn.Flatten(), nn.Linear(512 * 12 * 2, 2048), nn.ReLU(), nn.Linear(2048, config.code), nn.ReLU(),
        )

    def forward(self, windows: Tensor) -> Tensor:
        """Codes (B, T, code) of windows (B, T, 28, 12)."""
        batch, frames = windows.shape[:2]
        return self.layers(windows.flatten(0, 1)[:, None]).unflatten(0, (batch, frames))


def convolution(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()


class MotionNetwork(nn.Module):
    """R(E(s)): windows of sound to expression and pose, in the unit that `config.targets` says.

    Beside the small encoder the last layer also sees its codes; the paper's sees R alone.
    """

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.config = config
        self.encoder = PaperEncoder(config) if config.encoder == "paper" else AudioEncoder(config)
        self.recurrent = nn.LSTM(config.code, config.hidden, config.layers, batch_first=True, dropout=config.dropout)
        self.dropout = nn.Dropout(config.dropout)
        seen = config.hidden if config.encoder == "paper" else config.hidden + config.code
        self.readout = nn.Linear(seen, EXPRESSION + POSE)
        nn.init.normal_(self.readout.weight, std=0.02)
        nn.init.zeros_(self.readout.bias)

    def forward(self, windows: Tensor, state: State | None = None) -> tuple[Tensor, Tensor, State]:
        """Expression (B, T, 64), pose (B, T, 6) and the state to carry on with, from windows (B, T, 28, A)."""
        codes = self.encoder(windows)
        memory, state = self.recurrent(codes, state)
        seen = memory if self.config.encoder == "paper" else torch.cat([memory, codes], -1)
        motion = self.readout(self.dropout(seen))
        return motion[..., :EXPRESSION], motion[..., EXPRESSION:], state

    @torch.no_grad()
    def turned(self, matrix: np.ndarray) -> "MotionNetwork":
        """A copy whose expression is `matrix` (64, 64) times this one's."""
        other, turn = copy.deepcopy(self), torch.from_numpy(matrix.astype(np.float32))
        other.readout.weight[:EXPRESSION] = turn @ self.readout.weight[:EXPRESSION]
        other.readout.bias[:EXPRESSION] = turn @ self.readout.bias[:EXPRESSION]
        return other
