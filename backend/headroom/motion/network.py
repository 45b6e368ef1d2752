"""The mapping from sound to motion: audio encoder E and recurrent network R (paper §3.2, Eq. 1)."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from headroom.motion.features import WINDOW_ROWS, FeatureConfig

EXPRESSION = 64
POSE = 6

State = tuple[Tensor, Tensor]  # hidden and cell of the LSTM, (layers, B, hidden) each


@dataclass(frozen=True)
class NetworkConfig:
    features: FeatureConfig = field(default_factory=FeatureConfig)
    width: int = 64  # channels of the encoder
    code: int = 96  # length of E's vector
    hidden: int = 128  # of each LSTM layer; 256 is the paper's
    layers: int = 3  # the paper's
    dropout: float = 0.3  # between layers, in training


class AudioEncoder(nn.Module):
    """E: one window of rows to one vector, convolutions over time with the columns as channels."""

    def __init__(self, config: NetworkConfig):
        super().__init__()
        width = config.width
        self.layers = nn.Sequential(
            nn.Conv1d(config.features.columns, width, 3, padding=1), nn.GELU(),
            nn.Conv1d(width, width, 4, stride=2, padding=1), nn.GELU(),
            nn.Conv1d(width, width, 4, stride=2, padding=1), nn.GELU(),
            nn.Flatten(), nn.Dropout(config.dropout),
            nn.Linear(width * (WINDOW_ROWS // 4), config.code), nn.GELU(),
        )

    def forward(self, windows: Tensor) -> Tensor:
        """Codes (B, T, code) of windows (B, T, 28, A)."""
        batch, frames = windows.shape[:2]
        return self.layers(windows.flatten(0, 1).transpose(1, 2)).unflatten(0, (batch, frames))


class MotionNetwork(nn.Module):
    """R(E(s)): windows of sound to expression and pose, both normalised to the person (mean 0, deviation 1)."""

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.config = config
        self.encoder = AudioEncoder(config)
        self.recurrent = nn.LSTM(config.code, config.hidden, config.layers, batch_first=True, dropout=config.dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.readout = nn.Linear(config.hidden + config.code, EXPRESSION + POSE)
        nn.init.normal_(self.readout.weight, std=0.02)
        nn.init.zeros_(self.readout.bias)

    def forward(self, windows: Tensor, state: State | None = None) -> tuple[Tensor, Tensor, State]:
        """Expression (B, T, 64), pose (B, T, 6) and the state to carry on with, from windows (B, T, 28, A)."""
        codes = self.encoder(windows)
        memory, state = self.recurrent(codes, state)
        motion = self.readout(self.dropout(torch.cat([memory, codes], -1)))
        return motion[..., :EXPRESSION], motion[..., EXPRESSION:], state
