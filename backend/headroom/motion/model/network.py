"""The networks of the mapping: audio encoder E and recurrent network R (paper, section 3.2, Eq. 1)."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from headroom.motion.audio.features import FeatureConfig

EXPRESSION = 64
POSE = 6
MOTION = EXPRESSION + POSE

PHONE_SCALE = 4.0  # gives phone posteriors about the deviation of the spectral columns

State = tuple[Tensor, Tensor]
"""Hidden and cell state of the LSTM, (layers, B, hidden) each."""


@dataclass(frozen=True)
class NetworkConfig:
    """What one network sees, predicts and consists of.

    encoder: "paper" has two-dimensional convolutions with 27.8 M of the paper's 29.4 M parameters.
    targets: "normalised" by the person's mean and deviation; "unnormalised" coefficients, radians and decimetres.
    pose: "motion graph" over the person's own poses; "network" uses the predicted pose as it is, like the paper.
    """

    features: FeatureConfig = field(default_factory=FeatureConfig)
    encoder: Literal["small", "paper"] = "small"
    targets: Literal["normalised", "unnormalised"] = "normalised"
    pose: Literal["motion graph", "network"] = "motion graph"
    width: int = 64  # channels of the small encoder
    code: int = 96  # length of the encoder's output
    hidden: int = 128  # units of each LSTM layer; the paper has 256
    layers: int = 3  # LSTM layers, as in the paper
    dropout: float = 0.3  # between layers, in training


class AudioEncoder(nn.Module):
    """E: a window of rows to one code, by convolutions over time with the columns as channels.

    Where the windows hold phones it sees only those, because with the spectra beside them it memorises the few voices.
    Vectors of the speech encoder first pass a dropout, because many of their columns say the same.
    """

    def __init__(self, config: NetworkConfig):
        super().__init__()
        width, features = config.width, config.features
        self.columns = slice(features.spectral_columns if features.has_phones else 0, features.columns)
        self.scale = PHONE_SCALE if features.has_phones else 1.0
        self.dropout = nn.Dropout1d(config.dropout if features.kind == "encoder" else 0.0)
        self.layers = nn.Sequential(
            nn.Conv1d(self.columns.stop - self.columns.start, width, 3, padding=1), nn.GELU(),
            nn.Conv1d(width, width, 4, stride=2, padding=1), nn.GELU(),
            nn.Conv1d(width, width, 4, stride=2, padding=1), nn.GELU(),
            nn.Flatten(), nn.Dropout(config.dropout),
            nn.Linear(width * (features.grid.window_rows // 4), config.code), nn.GELU(),
        )

    def forward(self, windows: Tensor) -> Tensor:
        """Return codes (B, T, code) of windows (B, T, W, A)."""
        batch, frames = windows.shape[:2]
        visible = (windows[..., self.columns] * self.scale).flatten(0, 1).transpose(1, 2)
        return self.layers(self.dropout(visible)).unflatten(0, (batch, frames))


class PaperEncoder(nn.Module):
    """The paper's E: a window as an image of 28 rows and 12 cepstra, reduced to 512 x 12 x 2 values."""

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.layers = nn.Sequential(
            *convolution(1, 64), *convolution(64, 128), nn.MaxPool2d(3, stride=(1, 2)),
            *convolution(128, 256), *convolution(256, 256), *convolution(256, 512), nn.MaxPool2d(3, stride=(2, 2)),
            nn.Flatten(), nn.Linear(512 * 12 * 2, 2048), nn.ReLU(), nn.Linear(2048, config.code), nn.ReLU(),
        )

    def forward(self, windows: Tensor) -> Tensor:
        """Return codes (B, T, code) of windows (B, T, 28, 12)."""
        batch, frames = windows.shape[:2]
        return self.layers(windows.flatten(0, 1)[:, None]).unflatten(0, (batch, frames))


def convolution(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    """Return the layers of one 3 x 3 convolution with batch normalisation."""
    return nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()


class MotionNetwork(nn.Module):
    """R(E(s)): windows of speech to expression and pose, in the units of `config.targets`.

    With the small encoder the output layer also sees the codes; in the paper it sees R alone.
    """

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.config = config
        self.encoder = PaperEncoder(config) if config.encoder == "paper" else AudioEncoder(config)
        self.recurrent = nn.LSTM(config.code, config.hidden, config.layers, batch_first=True, dropout=config.dropout)
        self.dropout = nn.Dropout(config.dropout)
        inputs = config.hidden if config.encoder == "paper" else config.hidden + config.code
        self.output = nn.Linear(inputs, MOTION)
        nn.init.normal_(self.output.weight, std=0.02)
        nn.init.zeros_(self.output.bias)

    def forward(self, windows: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return motion (B, T, 70), expression then pose, and the state after the last of windows (B, T, W, A)."""
        codes = self.encoder(windows)
        hidden, state = self.recurrent(codes, state)
        inputs = hidden if self.config.encoder == "paper" else torch.cat([hidden, codes], -1)
        return self.output(self.dropout(inputs)), state

    @torch.no_grad()
    def towards(self, other: MotionNetwork, strength: float) -> MotionNetwork:
        """Return a copy whose weights are between this network's (0) and those that `other` was trained to from it (1).

        Its predictions are nearly the same mixture of both networks' predictions (Wortsman et al. 2022, "Robust
        fine-tuning of zero-shot models").
        """
        between = copy.deepcopy(other)
        for mixed, start in zip(between.parameters(), self.parameters()):
            mixed.lerp_(start, 1 - strength)
        return between

    @torch.no_grad()
    def with_expression_map(self, matrix: np.ndarray) -> MotionNetwork:
        """Return a copy whose expression is `matrix` (64, 64) times this network's."""
        mapped, factor = copy.deepcopy(self), torch.from_numpy(matrix.astype(np.float32))
        mapped.output.weight[:EXPRESSION] = factor @ self.output.weight[:EXPRESSION]
        mapped.output.bias[:EXPRESSION] = factor @ self.output.bias[:EXPRESSION]
        return mapped
