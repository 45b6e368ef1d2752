"""Phone posteriors: the probability of each English phone in every row.

A Gaussian mixture model over cepstra, trained by CMU Sphinx on hundreds of hours of speech, gives the posteriors of 42
phones. They name what is heard and tell where lips close; the networks of older subjects read them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from headroom.common.errors import InputError
from headroom.common.paths import PHONE_MODEL
from headroom.common.stored import Array, Damaged, format_number, read_npz, require_arrays, write_npz
from headroom.media.audio import SAMPLE_RATE
from headroom.motion.audio.cepstra import FFT_SIZE, mfcc, power_spectra
from headroom.motion.audio.loudness import CHUNK_ROWS, RANGE_DB

FORMAT = 1
"""Number of the file format; files without a number have this one."""

NOISES = ("+NSN+", "+SPN+")
"""Symbols of noise, and of noise that a mouth makes."""
SYMBOLS = (
    *NOISES, "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH", "IH", "IY",
    "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "SIL", "T", "TH", "UH", "UW", "V", "W", "Y", "Z",
    "ZH")
"""Symbols of the phones in the model's order, which is that of the Sphinx model: the ARPAbet, silence and noise."""
COUNT = len(SYMBOLS)

CEPSTRA = 13
CONTEXT = 3
"""Rows before and after a row that its deltas and delta-deltas need."""

BLOCK_ROWS = 128
"""Rows whose posteriors are computed at once: the densities of all Gaussians, 2.8 MB, stay in the processor's cache."""

_SHARPNESS = 0.5
"""Exponent of the posteriors: neighbouring rows overlap, so each counts as half an observation."""
_LOW_HZ, _HIGH_HZ, _BANDS = 130.0, 6800.0, 25
_LOUD = 5000.0
"""Amplitude, in 16-bit steps, of the loud rows in the recordings that the model was trained on."""


_LAYOUT = {
    "means": Array(("phones", 3, "gaussians", 13)),
    "variances": Array(("phones", 3, "gaussians", 13), low=0),
    "weights": Array(("phones", 3, "gaussians", "states"), low=0),
}


@dataclass(frozen=True, eq=False)
class PhoneModel:
    """Diagonal Gaussian mixtures over three streams: cepstra, their deltas, their delta-deltas.

    means, variances: (P, 3, G, 13) float32.
    weights: (P, 3, G, S) float32 of each Gaussian in each of a phone's S states.
    """

    means: np.ndarray
    variances: np.ndarray
    weights: np.ndarray

    def save(self, path: Path) -> None:
        """Write the model as .npz in half precision."""
        arrays = {name: value.astype(np.float16) for name, value in vars(self).items()}
        write_npz(path, {"format": np.int64(FORMAT), **arrays})

    @staticmethod
    def load(path: Path) -> PhoneModel:
        """Read what `save` wrote; InputError for other files and newer formats."""
        try:
            stored = read_npz(path)
            if format_number(stored, "format") != FORMAT:
                raise InputError(f"{path} was written by a newer version of Headroom; update Headroom.")
            require_arrays(stored, _LAYOUT)
            return PhoneModel(*(stored[name].astype(np.float32) for name in _LAYOUT))
        except Damaged as error:
            raise InputError(f"{path} is not a phone model; choose a file that `headroom train phones` wrote."
                             ) from error

    def posteriors(self, cepstra: np.ndarray) -> np.ndarray:
        """Return posteriors (T, P) float32 of cepstra (T + 6, 13) with their mean subtracted."""
        values = torch.from_numpy(cepstra.astype(np.float32))
        blocks = [values[first:first + BLOCK_ROWS + 2 * CONTEXT]
                  for first in range(0, len(values) - 2 * CONTEXT, BLOCK_ROWS)]
        return torch.cat([self._posteriors(block) for block in blocks]).numpy()

    def _posteriors(self, cepstra: Tensor) -> Tensor:
        """Return posteriors (T, P) of cepstra (T + 6, 13)."""
        scores = torch.stack([self._log_density(stream, values) for stream, values in enumerate(_streams(cepstra))])
        return torch.softmax(_SHARPNESS * scores.sum(0).amax(0), dim=1)

    def _log_density(self, stream: int, values: Tensor) -> Tensor:
        """Return the log density (S, T, P) of one stream (T, 13) in each state of each phone."""
        quadratic, constant, weights = _expanded(self, stream)
        inputs = torch.cat([values**2, values], 1).expand(len(quadratic), -1, -1)
        of_gaussians = torch.baddbmm(constant[:, None], inputs, quadratic)
        top = of_gaussians.amax(2, keepdim=True)
        of_states = torch.bmm(of_gaussians.sub_(top).exp_(), weights.mT)
        return (top + of_states.clamp_min_(1e-30).log_()).permute(2, 1, 0)


def phone_cepstra(power: np.ndarray, vtln: float = 1.0) -> np.ndarray:
    """Return the cepstra (T, 13) float32 that the phone model was trained on.

    power: (T, 257) power spectra of sound whose loud rows have amplitude 1.
    """
    log_spectra = np.log(power.astype(np.float32) @ phone_filters(vtln) * _LOUD**2 + 10)
    return mfcc(log_spectra, CEPSTRA, first=0)


def mean_cepstra(samples: np.ndarray, levels: np.ndarray, loud_db: float, vtln: float = 1.0) -> np.ndarray:
    """Return the mean (13,) float32 of a recording's cepstra over the rows that are not silent, one minute at a time.

    levels: (R,) of the rows, dB of full scale; loud_db: of the loud ones.
    """
    total, rows = np.zeros(CEPSTRA), 0
    for first in range(0, len(levels), CHUNK_ROWS):
        last = min(first + CHUNK_ROWS, len(levels))
        cepstra = phone_cepstra(power_spectra(samples, first, last, loud_db, tapered=True), vtln)
        audible = cepstra[levels[first:last] > loud_db - RANGE_DB]
        total, rows = total + audible.sum(0, dtype=np.float64), rows + len(audible)
    return (total / max(rows, 1)).astype(np.float32)


@lru_cache(maxsize=1)
def bundled_phones() -> PhoneModel:
    """Return the phone model that comes with Headroom, read once per process."""
    return PhoneModel.load(PHONE_MODEL)


@lru_cache(maxsize=32)
def phone_filters(vtln: float) -> np.ndarray:
    """Return Sphinx's mel filters (257, 25) float32: triangles of equal area with corners on whole FFT bins."""
    from librosa import mel_frequencies

    # not librosa.filters.mel, because Sphinx rounds the corners to whole bins
    bin_hz = SAMPLE_RATE / FFT_SIZE
    corners = np.round(mel_frequencies(_BANDS + 2, fmin=_LOW_HZ, fmax=_HIGH_HZ, htk=True) / bin_hz) * bin_hz
    low, middle, high = corners[:-2], corners[1:-1], corners[2:]
    bins = np.arange(FFT_SIZE // 2 + 1)[:, None] * bin_hz * vtln
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    return (np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)).astype(np.float32)


def _streams(cepstra: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return cepstra, deltas over four rows, and delta-deltas, (T, 13) each, of cepstra (T + 6, 13)."""
    delta = cepstra[4:] - cepstra[:-4]
    return cepstra[CONTEXT:-CONTEXT], delta[1:-1], delta[2:] - delta[:-2]


@lru_cache(maxsize=3)
def _expanded(model: PhoneModel, stream: int) -> tuple[Tensor, ...]:
    """Return (P, 26, G) and (P, G), with log density = [x², x] @ first + second, and the states' weights (P, S, G)."""
    mean, variance = (array[:, stream].astype(np.float64) for array in (model.means, model.variances))
    constant = -0.5 * (np.log(2 * np.pi * variance) + mean**2 / variance).sum(2)
    factors = np.concatenate([-0.5 / variance, mean / variance], 2).transpose(0, 2, 1)
    weights = model.weights[:, stream].transpose(0, 2, 1)  # contiguous so, it is three times quicker to multiply by
    return tuple(torch.from_numpy(np.ascontiguousarray(each, np.float32)) for each in (factors, constant, weights))
