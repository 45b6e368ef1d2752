"""How likely each speech sound is, every 10 ms: what hundreds of hours of other people's speech know about a window.

An acoustic model of English phones (Gaussian mixtures over cepstra) turns sound into the chances of 42 phones; lips
follow phones much as they do in anybody else, so the few people whose faces were seen teach more (see the model card).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from scipy.fft import dct
from torch import Tensor

from headroom.common.files import atomic_write
from headroom.common.paths import PHONE_MODEL

COUNT = 42
"""Phones: 39 of English, silence and two kinds of noise."""

CEPSTRA = 13
CONTEXT = 3
"""Rows before and after that a row's slopes and bends need."""

_LIFTER = 22
_SHARPNESS = 0.5
"""Of the chances: neighbouring rows repeat one another, so each counts as evidence by half."""
_LOWEST_HZ, _HIGHEST_HZ, _BANDS = 130.0, 6800.0, 25
_LOUD = 5000.0
"""Amplitude, in 16-bit steps, of the loud rows in the recordings that the model was made from."""


@dataclass(frozen=True, eq=False)
class PhoneModel:
    """Diagonal Gaussians over three streams: cepstra, their slopes, their bends.

    means, variances: (P, 3, G, 13). weights: (P, 3, G, S) of each Gaussian in each of a phone's S states.
    """

    means: np.ndarray
    variances: np.ndarray
    weights: np.ndarray

    def save(self, path: Path) -> None:
        with atomic_write(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, **{name: value.astype(np.float16) for name, value in vars(self).items()})

    @staticmethod
    def load(path: Path) -> "PhoneModel":
        with np.load(path, allow_pickle=False) as data:
            return PhoneModel(*(data[name].astype(np.float32) for name in ("means", "variances", "weights")))

    def posteriors(self, cepstra: np.ndarray) -> np.ndarray:
        """(T, P) summing to one in every row, of cepstra (T + 6, 13) from which their mean has been taken."""
        streams = _streams(torch.from_numpy(cepstra.astype(np.float32)))
        scores = torch.stack([self._score(stream, values) for stream, values in enumerate(streams)]).sum(0)
        return torch.softmax(_SHARPNESS * scores.amax(0), dim=1).numpy()

    def _score(self, stream: int, values: Tensor) -> Tensor:
        """Log density (S, T, P) of one stream (T, 13) in each state of each phone."""
        quadratic, constant = _expanded(self, stream)
        likely = torch.baddbmm(constant[:, None], torch.cat([values**2, values], 1).expand(len(quadratic), -1, -1),
                               quadratic)
        top = likely.amax(2, keepdim=True)
        of_states = torch.bmm(likely.sub_(top).exp_(), torch.from_numpy(self.weights[:, stream]))
        return (top + of_states.clamp_min_(1e-30).log_()).permute(2, 1, 0)


def row_cepstra(power: np.ndarray, warp: float = 1.0) -> np.ndarray:
    """Cepstra (T, 13) of power spectra (T, 257) whose loud rows have amplitude 1, as the acoustic model takes them."""
    log = np.log(power.astype(np.float32) @ _filters(warp) * _LOUD**2 + 10)
    lifter = 1 + _LIFTER / 2 * np.sin(np.pi * np.arange(CEPSTRA) / _LIFTER)
    return (dct(log, type=2, norm="ortho", axis=1)[:, :CEPSTRA] * lifter).astype(np.float32)


@lru_cache(maxsize=1)
def bundled_phones() -> PhoneModel:
    """The phone model that comes with Headroom."""
    return PhoneModel.load(PHONE_MODEL)


def _streams(cepstra: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Cepstra, slopes over four rows and bends, (T, 13) each, of (T + 6, 13)."""
    slopes = cepstra[4:] - cepstra[:-4]
    return cepstra[CONTEXT:-CONTEXT], slopes[1:-1], slopes[2:] - slopes[:-2]


@lru_cache(maxsize=3)
def _expanded(model: PhoneModel, stream: int) -> tuple[Tensor, Tensor]:
    """(P, 26, G) and (P, G): log density = [x², x] @ first + second."""
    mean, variance = (a[:, stream].astype(np.float64) for a in (model.means, model.variances))
    constant = -0.5 * (np.log(2 * np.pi * variance) + mean**2 / variance).sum(2)
    factors = np.concatenate([-0.5 / variance, mean / variance], 2).transpose(0, 2, 1)
    return torch.from_numpy(factors.astype(np.float32)), torch.from_numpy(constant.astype(np.float32))


@lru_cache(maxsize=32)
def _filters(warp: float) -> np.ndarray:
    """Triangular mel filters (257, 25) of equal area; corners on whole bins."""
    bin_hz = 16000 / 512
    mel = np.linspace(2595 * np.log10(1 + _LOWEST_HZ / 700), 2595 * np.log10(1 + _HIGHEST_HZ / 700), _BANDS + 2)
    corners = np.round(700 * (10 ** (mel / 2595) - 1) / bin_hz) * bin_hz
    low, middle, high = corners[:-2], corners[1:-1], corners[2:]
    bins = np.arange(257)[:, None] * bin_hz * warp
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    return (np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)).astype(np.float32)
