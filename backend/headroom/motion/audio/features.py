"""Audio features of the motion part: log-mel spectra with phone posteriors, or the paper's MFCC, in windows per frame.

A feature extractor turns speech into rows of A columns every 10 ms. `utterance_stats` first passes over the whole
recording; `feature_windows` then computes any range of frames, so a long speech needs little memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from headroom.motion.audio import phones
from headroom.motion.audio.cepstra import log_mel, mfcc, power_spectra
from headroom.motion.audio.loudness import CHUNK_ROWS, RANGE_DB, loudness
from headroom.motion.audio.timing import ROWS_PER_FRAME, WINDOW_ROWS, rows_of_frames

SPEECH_RANGE_DB = 30.0  # below the loud rows; quieter rows are pauses


@dataclass(frozen=True)
class FeatureConfig:
    """Which features are computed.

    kind: "mfcc" are the paper's features.
    phones: add phone posteriors to log-mel spectra.
    """

    kind: Literal["logmel", "mfcc"] = "logmel"
    bands: int = 40  # mel bands; the paper has 26
    cepstra: int = 12  # MFCC per row, without the zeroth
    normalise: bool = True  # spectral columns to mean 0 and deviation 1 over the utterance's speech
    phones: bool = True

    @property
    def spectral_columns(self) -> int:
        """Number of columns of mel bands or MFCC, which come first in a row."""
        return self.cepstra if self.kind == "mfcc" else self.bands

    @property
    def has_phones(self) -> bool:
        """Whether phone posteriors follow the spectral columns."""
        return self.phones and self.kind == "logmel"

    @property
    def columns(self) -> int:
        """Number of columns of a row, A."""
        return self.spectral_columns + (phones.COUNT if self.has_phones else 0)


@dataclass(frozen=True)
class UtteranceStats:
    """Statistics of one utterance that normalise its features (CMVN).

    loud_db: level of the loud rows, dB of full scale.
    mean, deviation: (A',) float32 of the spectral columns over the rows with speech.
    cepstra: (13,) float32, mean of the phone model's cepstra over the rows that are not silent.
    """

    loud_db: float
    mean: np.ndarray
    deviation: np.ndarray
    cepstra: np.ndarray


def utterance_stats(samples: np.ndarray, config: FeatureConfig, vtln: float = 1.0) -> UtteranceStats:
    """Measure `samples` (N,) at 16 kHz, one minute at a time."""
    levels, loud_db = loudness(samples)
    total, squares, speech_rows = np.zeros(config.spectral_columns), np.zeros(config.spectral_columns), 0
    cepstra, audible_rows = np.zeros(phones.CEPSTRA), 0
    for first in range(0, len(levels), CHUNK_ROWS):
        last = min(first + CHUNK_ROWS, len(levels))
        power, chunk_levels = _power(samples, first, last, config, loud_db), levels[first:last]
        values = _spectral(power, config, vtln)[chunk_levels > loud_db - SPEECH_RANGE_DB].astype(np.float64)
        total, squares, speech_rows = total + values.sum(0), squares + (values**2).sum(0), speech_rows + len(values)
        if config.has_phones:
            audible = phones.phone_cepstra(power, vtln)[chunk_levels > loud_db - RANGE_DB]
            cepstra, audible_rows = cepstra + audible.sum(0, dtype=np.float64), audible_rows + len(audible)
    mean = total / max(speech_rows, 1)
    deviation = np.sqrt(np.maximum(squares / max(speech_rows, 1) - mean**2, 1e-4))
    arrays = (mean, deviation, cepstra / max(audible_rows, 1))
    return UtteranceStats(loud_db, *(array.astype(np.float32) for array in arrays))


def feature_windows(
    samples: np.ndarray, first: int, last: int, config: FeatureConfig, stats: UtteranceStats
) -> np.ndarray:
    """Return windows (last - first, 28, A) float32 of the frames first..last-1 of `samples` (N,) at 16 kHz."""
    rows = feature_rows(samples, *rows_of_frames(first, last), config, stats)
    view = np.lib.stride_tricks.sliding_window_view(rows, WINDOW_ROWS, axis=0)
    return np.ascontiguousarray(view[::ROWS_PER_FRAME].transpose(0, 2, 1))


def feature_rows(
    samples: np.ndarray, first: int, last: int, config: FeatureConfig, stats: UtteranceStats, vtln: float = 1.0
) -> np.ndarray:
    """Return normalised features (last - first, A) float32 of the rows first..last-1.

    vtln: factor on the frequencies (vocal tract length), the one that `stats` were measured with.
    """
    context = phones.CONTEXT if config.has_phones else 0
    power = _power(samples, first - context, last + context, config, stats.loud_db)
    values = _spectral(power[context:len(power) - context], config, vtln)
    if config.normalise:
        values = (values - stats.mean) / stats.deviation
    if not config.has_phones:
        return values
    posteriors = phones.bundled_phones().posteriors(phones.phone_cepstra(power, vtln) - stats.cepstra)
    return np.concatenate([values, posteriors], 1)


def pool_windows(windows: np.ndarray, rows: int = 4) -> np.ndarray:
    """Average windows (T, 28, A) over groups of `rows` rows; returns plain columns (T, 28 / rows * A)."""
    frames, count, columns = windows.shape
    return windows.reshape(frames, count // rows, rows, columns).mean(2).reshape(frames, -1)


def _power(samples: np.ndarray, first: int, last: int, config: FeatureConfig, loud_db: float) -> np.ndarray:
    """Return power spectra (last - first, 257) of rows; the authors' MFCC have no taper."""
    return power_spectra(samples, first, last, loud_db, tapered=config.kind == "logmel")


def _spectral(power: np.ndarray, config: FeatureConfig, vtln: float) -> np.ndarray:
    """Return the spectral columns (T, A') float32 of power spectra (T, 257)."""
    log_spectra = log_mel(power, config.bands, vtln)
    return mfcc(log_spectra, config.cepstra, first=1) if config.kind == "mfcc" else log_spectra
