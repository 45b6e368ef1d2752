"""Mel spectra and cepstra of power spectra."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.fft import dct

from headroom.media.audio import SAMPLE_RATE
from headroom.motion.audio.loudness import RANGE_DB
from headroom.motion.audio.timing import ROW_LENGTH, cut_rows

FFT_SIZE = 512
PRE_EMPHASIS = 0.97
LIFTER = 22
LOW_HZ, HIGH_HZ = 60.0, 7600.0  # speech is in this range, and every microphone records it
_FLOOR = np.float32(10 ** (-RANGE_DB / 10) * 0.1)
"""Power added to every mel band, so that silence has one value whatever its noise."""


def power_spectra(samples: np.ndarray, first: int, last: int, loud_db: float, tapered: bool) -> np.ndarray:
    """Return power spectra (last - first, 257) float32 of rows after pre-emphasis.

    loud_db: level of the recording's loud rows, dB of full scale; the sound is scaled to bring it to 0.
    tapered: apply a Hann window to each row.
    """
    rows = cut_rows(samples, first, last) * np.float32(10 ** (-loud_db / 20))
    emphasised = np.concatenate([rows[:, :1] * (1 - PRE_EMPHASIS), rows[:, 1:] - PRE_EMPHASIS * rows[:, :-1]], 1)
    taper = np.hanning(ROW_LENGTH).astype(np.float32) if tapered else np.float32(1)
    return (np.abs(np.fft.rfft(emphasised * taper, FFT_SIZE)) ** 2).astype(np.float32)


def log_mel(power: np.ndarray, bands: int, vtln: float) -> np.ndarray:
    """Return log mel spectra (T, bands) float32 of power spectra (T, 257), with a floor under silence."""
    return np.log(power / np.float32(FFT_SIZE) @ mel_filters(bands, vtln) + _FLOOR)


def mfcc(log_spectra: np.ndarray, count: int, first: int) -> np.ndarray:
    """Return `count` liftered cepstra (T, count) float32 of log mel spectra (T, bands), from coefficient `first` on.

    The lifter is 1 + L/2 sin(π k / L) for coefficient k, as in HTK and Sphinx.
    """
    # scipy's DCT rather than librosa.feature.mfcc, whose lifter is off by one index and whose import takes a second
    cepstra = dct(log_spectra, type=2, axis=1, norm="ortho")[:, first:first + count]
    lifter = 1 + LIFTER / 2 * np.sin(np.pi * np.arange(first, first + count) / LIFTER)
    return (cepstra * lifter).astype(np.float32)


@lru_cache(maxsize=32)
def mel_filters(bands: int, vtln: float) -> np.ndarray:
    """Return triangular mel filters (257, bands) float32 of height 1 between `LOW_HZ` and `HIGH_HZ`.

    vtln: factor on the frequencies, which imitates another length of the vocal tract.
    """
    from librosa.filters import mel  # takes 0.3 s and loads numba, which nothing else needs

    return mel(sr=SAMPLE_RATE * vtln, n_fft=FFT_SIZE, n_mels=bands, fmin=LOW_HZ, fmax=HIGH_HZ, htk=True, norm=None).T
